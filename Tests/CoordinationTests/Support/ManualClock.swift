import Coordination
import Foundation
import Synchronization

/// A coordinator's clock that stands still until it is moved. It starts at the process's own time, since certificates are
/// judged by both sides' clocks.
final class ManualClock: Sendable {
  /// The same for every run of this process, so that two runs have the same deadlines.
  static let start = Date().timeIntervalSince1970.rounded()

  private let state = Mutex<(now: Double, ticks: [AsyncStream<Void>.Continuation])>((ManualClock.start, []))

  func advance(by seconds: Double) {
    state.withLock { state in
      state.now += seconds
      for tick in state.ticks { tick.yield() }
    }
  }

  /// The clock of one coordinator's life.
  func clock() -> CoordinatorClock {
    let (ticks, tick) = AsyncStream.makeStream(of: Void.self)
    state.withLock { $0.ticks.append(tick) }
    return CoordinatorClock(now: { [self] in state.withLock { $0.now } }) {
      for await _ in ticks { return }
      throw CancellationError()
    }
  }
}
