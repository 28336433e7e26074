import Foundation
import GRDB
import SecureAggregation

/// The event log in an SQLite file, in write-ahead mode: one process writes, any number read beside it.
public struct SQLiteEventStore: EventStore {
  public let path: String
  let database: any DatabaseReader
  /// Nil when opened for reading.
  let pool: DatabasePool?

  /// Opens the log for its one writer, and creates or upgrades it where needed.
  public init(path: String) throws(StorageError) {
    self.path = path
    // SQLite gives its side files the permissions of this one.
    _ = try BlobFile(path: path, flags: O_RDWR | O_CREAT)
    pool = try Self.mapping(path, "open the database") {
      var configuration = Configuration()
      configuration.busyMode = .timeout(5)
      configuration.prepareDatabase { database in
        // Erased payloads are overwritten on the disk, not only unlinked.
        try database.execute(sql: "PRAGMA secure_delete = ON")
      }
      let pool = try DatabasePool(path: path, configuration: configuration)
      // GRDB leaves a pool at NORMAL, which may lose the last transactions when the machine loses power.
      try pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") }
      let migrations = Migrations.all
      if try pool.read(migrations.hasBeenSuperseded) { throw StorageError.newerFormat(path: path) }
      try migrations.migrate(pool)
      return pool
    }
    database = pool!
  }

  /// Opens an existing log for reading, beside the process that writes it or without one.
  public init(reading path: String) throws(StorageError) {
    self.path = path
    pool = nil
    guard FileManager.default.fileExists(atPath: path) else { throw .missing(path: path) }
    database = try Self.mapping(path, "open the database") {
      var configuration = Configuration()
      configuration.readonly = true
      configuration.busyMode = .timeout(5)
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      if try queue.read(Migrations.all.hasBeenSuperseded) { throw StorageError.newerFormat(path: path) }
      return queue
    }
  }

  /// Closes the files; the store is not used after it.
  public func close() throws(StorageError) {
    try Self.mapping(path, "close the database") { try database.close() }
  }

  @discardableResult
  public func append(_ events: [Event], erasing: [Erasure]) async throws(StorageError) -> Int64 {
    guard let pool else { throw .readOnly(path: path) }
    let last = try await Self.mapping(path, "append to the event log") {
      try await pool.write { database in
        var sequence = try Int64.fetchOne(database, sql: Self.selectLastSequence) ?? 0
        let insert = try database.cachedStatement(sql: Self.insertEvent)
        for event in events {
          sequence += 1
          try insert.execute(arguments: [
            sequence, event.kind, event.run, event.round.map { Int64(bitPattern: $0) }, event.timeMilliseconds,
            Data(event.payload), Data(Digest(sha256: event.payload).bytes),
          ])
        }
        let erase = try database.cachedStatement(sql: Self.erasePayloads)
        for erasure in erasing {
          for kind in erasure.kinds {
            try erase.execute(arguments: [Data(), erasure.run, Int64(bitPattern: erasure.round), kind])
          }
        }
        return sequence
      }
    }
    // What was erased must not live on in the write-ahead file. A reader may hold this up; the next erasure retries.
    if !erasing.isEmpty { _ = try? await pool.writeWithoutTransaction { try $0.checkpoint(.truncate) } }
    return last
  }

  public func events(after sequence: Int64, run: String?, limit: Int) async throws(StorageError) -> [StoredEvent] {
    try await Self.mapping(path, "read the event log") {
      try await database.read { database in
        let rows: [Row] =
          if let run {
            try Row.fetchAll(database, sql: Self.selectEventsOfRun, arguments: [run, sequence, limit])
          } else {
            try Row.fetchAll(database, sql: Self.selectEvents, arguments: [sequence, limit])
          }
        return try rows.map { try stored($0) }
      }
    }
  }

  public func lastSequence() async throws(StorageError) -> Int64 {
    try await Self.mapping(path, "read the event log") {
      try await database.read { try Int64.fetchOne($0, sql: Self.selectLastSequence) ?? 0 }
    }
  }

  /// The row as an event, checked to be what was appended.
  private func stored(_ row: Row) throws(StorageError) -> StoredEvent {
    let sequence = try value(Int64.self, "sequence", of: row)
    let payload = try value(Data.self, "payload", of: row)
    let isErased = try value(Int64.self, "erased", of: row) == 1
    let event = Event(
      kind: try value(String.self, "kind", of: row), run: try value(String?.self, "run", of: row),
      round: try value(Int64?.self, "round", of: row).map { UInt64(bitPattern: $0) }, payload: [UInt8](payload),
      timeMilliseconds: try value(Int64.self, "time_milliseconds", of: row))
    guard let digest = Digest(bytes: [UInt8](try value(Data.self, "digest", of: row))) else {
      throw .corrupt(path: path, detail: "the digest of event \(sequence) has not 32 bytes")
    }
    guard isErased || Digest(sha256: event.payload) == digest else {
      throw .corrupt(path: path, detail: "event \(sequence) does not have the digest that it was stored with")
    }
    return StoredEvent(sequence: sequence, event: event, digest: digest, isErased: isErased)
  }

  /// GRDB's subscripts trap on a value of another type, and its errors quote the row.
  private func value<Value: DatabaseValueConvertible>(
    _ type: Value.Type, _ column: String, of row: Row
  ) throws(StorageError) -> Value {
    do { return try row.decode(type, forColumn: column) } catch {
      throw .corrupt(path: path, detail: "column \(column) of the event log holds a value of another type")
    }
  }

  private static let selectLastSequence = """
    -- the place of the last event, 0 when there is none
    SELECT COALESCE(MAX(sequence), 0) FROM events
    """

  private static let insertEvent = """
    -- append one event
    INSERT INTO events (sequence, kind, run, round, time_milliseconds, payload, digest)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """

  private static let erasePayloads = """
    -- erase the payloads of one round's events of one kind, keeping their digests
    UPDATE events SET payload = $1, erased = 1 WHERE run = $2 AND round = $3 AND kind = $4
    """

  private static let selectEvents = """
    -- the next events of the log
    SELECT sequence, kind, run, round, time_milliseconds, payload, digest, erased
    FROM events WHERE sequence > $1 ORDER BY sequence LIMIT $2
    """

  private static let selectEventsOfRun = """
    -- the next events of one run
    SELECT sequence, kind, run, round, time_milliseconds, payload, digest, erased
    FROM events WHERE run = $1 AND sequence > $2 ORDER BY sequence LIMIT $3
    """
}
