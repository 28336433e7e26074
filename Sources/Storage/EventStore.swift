/// An append-only log of events, from which its owner rebuilds its state after a restart.
///
/// The log has one writer. What `append` returned from survives the process and the machine losing power.
public protocol EventStore: Sendable {
  /// Appends all of the events and erases those payloads, or does nothing: one transaction, durable on return.
  ///
  /// - Returns: The sequence of the last event in the log.
  @discardableResult
  func append(_ events: [Event], erasing: [Erasure]) async throws(StorageError) -> Int64

  /// The next events of the log in order, at most `limit`; of one run, or of everything when `run` is nil.
  ///
  /// Reading goes on beside a writer and sees whole transactions only.
  func events(after sequence: Int64, run: String?, limit: Int) async throws(StorageError) -> [StoredEvent]

  /// The sequence of the last event, 0 in an empty log.
  func lastSequence() async throws(StorageError) -> Int64

  /// Closes the files; the store is not used after it.
  func close() throws(StorageError)
}

extension EventStore {
  @discardableResult
  public func append(_ events: [Event]) async throws(StorageError) -> Int64 {
    try await append(events, erasing: [])
  }

  /// Hands every event after `sequence` to `body`, in order, reading 512 at a time so that memory stays flat.
  public func replay<Failure: Error>(
    after sequence: Int64 = 0, run: String? = nil, _ body: (StoredEvent) throws(Failure) -> Void
  ) async throws {
    var last = sequence
    while true {
      let batch = try await events(after: last, run: run, limit: 512)
      for event in batch { try body(event) }
      guard batch.count == 512, let end = batch.last else { return }
      last = end.sequence
    }
  }
}
