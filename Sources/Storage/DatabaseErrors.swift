import GRDB

extension SQLiteEventStore {
  /// Runs `body` and names what went wrong in this target's words.
  static func mapping<Value>(
    _ path: String, _ operation: String, _ body: () throws -> Value
  ) throws(StorageError) -> Value {
    do { return try body() } catch { throw named(error, path, operation) }
  }

  static func mapping<Value: Sendable>(
    _ path: String, _ operation: String, _ body: () async throws -> Value
  ) async throws(StorageError) -> Value {
    do { return try await body() } catch { throw named(error, path, operation) }
  }

  private static func named(_ error: any Error, _ path: String, _ operation: String) -> StorageError {
    if let error = error as? StorageError { return error }
    guard let error = error as? DatabaseError else {
      return .failed(path: path, operation: operation, detail: "\(error)")
    }
    return switch error.resultCode {
    case .SQLITE_FULL: .diskFull(path: path)
    case .SQLITE_BUSY, .SQLITE_LOCKED: .busy(path: path)
    case .SQLITE_CORRUPT, .SQLITE_NOTADB: .corrupt(path: path, detail: error.message ?? "not a database")
    case .SQLITE_READONLY: .readOnly(path: path)
    case .SQLITE_CANTOPEN: .failed(path: path, operation: operation, detail: "the file cannot be opened or created")
    case .SQLITE_PERM, .SQLITE_AUTH: .notPermitted(path: path)
    // The message may quote SQL but never its arguments, which could be private.
    default: .failed(path: path, operation: operation, detail: error.message ?? "\(error.resultCode)")
    }
  }
}
