/// Holds scripted participants back where a test wants them, and lets the test know who has arrived.
actor Gate {
  private var isOpen = false
  private var held: [CheckedContinuation<Void, Never>] = []
  private var arrivals = 0
  private var observers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

  /// Waits here until the gate is opened.
  func pass() async {
    arrivals += 1
    for observer in observers where observer.count <= arrivals { observer.continuation.resume() }
    observers.removeAll { $0.count <= arrivals }
    if isOpen { return }
    await withCheckedContinuation { held.append($0) }
  }

  /// Returns once so many have come to the gate.
  func arrived(_ count: Int) async {
    if arrivals >= count { return }
    await withCheckedContinuation { observers.append((count, $0)) }
  }

  func open() {
    isOpen = true
    for continuation in held { continuation.resume() }
    held = []
  }
}
