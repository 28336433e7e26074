import Foundation
import Storage
import Synchronization

/// The event log of a coordinator that can be killed, or whose disk can be full: from then on nothing is recorded any more.
final class MortalStore: EventStore {
  private let log: SQLiteEventStore
  private let failure = Mutex<StorageError?>(nil)

  init(path: String) throws {
    log = try SQLiteEventStore(path: path)
  }

  /// - Parameter failure: What every later write fails with; nil mends it.
  func fail(with failure: StorageError?) { self.failure.withLock { $0 = failure } }

  func append(_ events: [Event], erasing: [Erasure]) async throws(StorageError) -> Int64 {
    if let failure = failure.withLock({ $0 }) { throw failure }
    return try await log.append(events, erasing: erasing)
  }

  func events(after sequence: Int64, run: String?, limit: Int) async throws(StorageError) -> [StoredEvent] {
    try await log.events(after: sequence, run: run, limit: limit)
  }

  func lastSequence() async throws(StorageError) -> Int64 { try await log.lastSequence() }

  func close() throws(StorageError) { try log.close() }
}
