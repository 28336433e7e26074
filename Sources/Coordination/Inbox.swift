/// Where everything that may change the coordinator queues, for the one loop that owns its state.
actor Inbox<Request: Sendable> {
  private var queue: [Request] = []
  private var isClosed = false
  private var reader: CheckedContinuation<Void, Never>?

  /// Queues a request; false once the inbox is closed.
  @discardableResult
  func put(_ request: Request) -> Bool {
    guard !isClosed else { return false }
    queue.append(request)
    wake()
    return true
  }

  /// No more requests; those that wait are still taken.
  func close() {
    isClosed = true
    wake()
  }

  /// Everything that has queued, waiting for the first; nil when the inbox is closed and empty.
  ///
  /// For one reader. Taking all at once lets it record many requests in one durable write.
  func takeAll() async -> [Request]? {
    while queue.isEmpty {
      if isClosed { return nil }
      await withCheckedContinuation { reader = $0 }
    }
    defer { queue = [] }
    return queue
  }

  private func wake() {
    reader?.resume()
    reader = nil
  }
}
