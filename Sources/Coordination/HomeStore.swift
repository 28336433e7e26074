import Federation
import SecureAggregation
import Storage

extension CoordinatorHome {
  /// Keeps the home to this process for as long as the lock lives.
  func lock() throws(CoordinationError) -> HomeLock {
    do { return try HomeLock(home: path) } catch {
      if case .locked(_, let holder) = error { throw .homeInUse(path, holder: holder) }
      throw .storage(message: error.description, suggestion: error.hint)
    }
  }

  /// The event log, for its one writer.
  func store() throws(CoordinationError) -> SQLiteEventStore {
    do { return try SQLiteEventStore(path: eventsPath) } catch {
      throw .storage(message: error.description, suggestion: error.hint)
    }
  }

  /// Rebuilds the state that the log tells of.
  func replay(
    _ store: any EventStore, coordinator: IdentityKey
  ) async throws(CoordinationError) -> CoordinatorState {
    var replay = Replay(coordinator: coordinator)
    do {
      try await store.replay { event in
        if let event = try CoordinatorEvent(event) { replay.add(event) }
      }
      return try replay.finish()
    } catch let error as CoordinationError {
      throw error
    } catch let error as StorageError {
      throw .storage(message: error.description, suggestion: error.hint)
    } catch let error as FederationError {
      throw .damagedLog(error.description)
    } catch {
      throw .damagedLog("\(error)")
    }
  }
}
