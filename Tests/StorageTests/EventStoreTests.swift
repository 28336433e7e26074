import Foundation
import GRDB
import SecureAggregation
import Testing

@testable import Storage

@Suite("Event store")
struct EventStoreTests {
  private let directory: TemporaryDirectory
  private var path: String { directory("events.sqlite") }

  init() throws { directory = try TemporaryDirectory() }

  private func event(_ text: String, kind: String = "noted", run: String? = nil, round: UInt64? = nil) -> Event {
    Event(kind: kind, run: run, round: round, payload: bytes(text), timeMilliseconds: 1_700_000_000_000)
  }

  private func payloads(_ store: some EventStore, after: Int64 = 0, run: String? = nil) async throws -> [String] {
    var texts: [String] = []
    try await store.replay(after: after, run: run) { texts.append(String(decoding: $0.event.payload, as: UTF8.self)) }
    return texts
  }

  @Test("Events come back as they were appended, numbered from 1 without gaps")
  func roundTrip() async throws {
    let store = try SQLiteEventStore(path: path)
    let round: UInt64 = 3 << 32 | 7
    #expect(try await store.lastSequence() == 0)
    #expect(try await store.append([event("a"), event("b", kind: "sent", run: "r1", round: round)]) == 2)
    #expect(try await store.append([event("c", run: "r2")]) == 3)
    #expect(try await store.append([]) == 3)
    let events = try await store.events(after: 0, run: nil, limit: 10)
    #expect(events.map(\.sequence) == [1, 2, 3])
    #expect(events[1].event == event("b", kind: "sent", run: "r1", round: round))
    // SHA-256 of "b", by sha256sum.
    #expect(events[1].digest.hex == "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d")
    #expect(!events[1].isErased)
    #expect(try await store.events(after: 1, run: nil, limit: 1).map(\.sequence) == [2])
    #expect(try await payloads(store, run: "r2") == ["c"])
    #expect(try await payloads(store, after: 2) == ["c"])
  }

  @Test("Replay goes through more events than it reads at once")
  func longReplay() async throws {
    let store = try SQLiteEventStore(path: path)
    try await store.append((1...1024).map { event("\($0)") })
    #expect(try await payloads(store) == (1...1024).map { "\($0)" })
  }

  @Test("What a killed process had appended is there when the log is opened again")
  func crash() async throws {
    let store = try SQLiteEventStore(path: path)
    try await store.append([event("a"), event("b")])
    try await store.append([event("c")])
    // The files as a killed process leaves them: nothing closed, nothing moved out of the write-ahead file.
    let copy = directory("copy.sqlite")
    for suffix in ["", "-wal"] { try FileManager.default.copyItem(atPath: path + suffix, toPath: copy + suffix) }
    let reopened = try SQLiteEventStore(path: copy)
    #expect(try await payloads(reopened) == ["a", "b", "c"])
    #expect(try await reopened.append([event("d")]) == 4)
  }

  @Test("A transaction torn by a power cut is gone as a whole, those before it stay")
  func tornTransaction() async throws {
    let store = try SQLiteEventStore(path: path)
    try await store.append([event("a"), event("b")])
    let copy = directory("copy.sqlite")
    try FileManager.default.copyItem(atPath: path, toPath: copy)
    let before = try Data(contentsOf: URL(fileURLWithPath: path + "-wal")).count
    try await store.append([event("c"), event(String(repeating: "d", count: 200_000))])
    let log = try Data(contentsOf: URL(fileURLWithPath: path + "-wal"))
    #expect(log.count > before + 8192)
    try log.prefix(log.count - 4096).write(to: URL(fileURLWithPath: copy + "-wal"))
    #expect(try await payloads(try SQLiteEventStore(path: copy)) == ["a", "b"])
  }

  @Test("Every commit waits for the disk, and erased bytes are overwritten")
  func pragmas() async throws {
    let store = try SQLiteEventStore(path: path)
    let pool = try #require(store.pool)
    let (synchronous, journal, secure) = try await pool.writeWithoutTransaction { database in
      (
        try Int.fetchOne(database, sql: "PRAGMA synchronous"),
        try String.fetchOne(database, sql: "PRAGMA journal_mode"),
        try Int.fetchOne(database, sql: "PRAGMA secure_delete")
      )
    }
    #expect(synchronous == 2 && journal == "wal" && secure == 1)
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
  }

  @Test("A reader beside the writer sees every finished transaction and cannot write")
  func reader() async throws {
    let store = try SQLiteEventStore(path: path)
    try await store.append([event("a")])
    let reader = try SQLiteEventStore(reading: path)
    #expect(try await payloads(reader) == ["a"])
    try await store.append([event("b")])
    #expect(try await payloads(reader) == ["a", "b"])
    await #expect(throws: StorageError.readOnly(path: path)) { try await reader.append([event("c")]) }
    #expect(try await reader.lastSequence() == 2)
  }

  @Test("A log is readable when its writer has gone")
  func readerAlone() async throws {
    let store = try SQLiteEventStore(path: path)
    try await store.append([event("a")])
    try store.close()
    #expect(try await payloads(try SQLiteEventStore(reading: path)) == ["a"])
  }

  @Test("A full disk refuses the append as a whole and loses nothing")
  func diskFull() async throws {
    let store = try SQLiteEventStore(path: path)
    try await store.append([event("a")])
    let pool = try #require(store.pool)
    try await pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 8") }
    await #expect(throws: StorageError.diskFull(path: path)) {
      try await store.append([event("b"), event(String(repeating: "c", count: 100_000))])
    }
    #expect(try await payloads(store) == ["a"])
    try await pool.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = 100000") }
    #expect(try await store.append([event("d")]) == 2)
    #expect(try await payloads(store) == ["a", "d"])
  }

  @Test("Erasing keeps the event and its digest and leaves no byte of the payload in any file")
  func erasure() async throws {
    let secret = String(repeating: "masked-share ", count: 50)
    let store = try SQLiteEventStore(path: path)
    try await store.append([
      event(secret, kind: "shares", run: "r1", round: 4), event("kept", kind: "roster", run: "r1", round: 4),
      event(secret, kind: "answer", run: "r1", round: 4), event("other", kind: "shares", run: "r1", round: 5),
    ])
    let erasure = Erasure(kinds: ["shares", "answer"], run: "r1", round: 4)
    #expect(try await store.append([event("closed", kind: "close", run: "r1", round: 4)], erasing: [erasure]) == 5)
    let events = try await store.events(after: 0, run: "r1", limit: 10)
    #expect(events.map(\.isErased) == [true, false, true, false, false])
    #expect(try await payloads(store) == ["", "kept", "", "other", "closed"])
    #expect(events[0].digest == Digest(sha256: bytes(secret)))
    for name in try directory.names() {
      let content = try Data(contentsOf: URL(fileURLWithPath: directory(name)))
      #expect(content.range(of: Data("masked-share".utf8)) == nil, "\(name)")
    }
  }

  @Test("A payload that changed on the disk is noticed when it is read")
  func changedPayload() async throws {
    let store = try SQLiteEventStore(path: path)
    try await store.append([event("a"), event("b")])
    let pool = try #require(store.pool)
    try await pool.write { try $0.execute(sql: "UPDATE events SET payload = CAST('x' AS BLOB) WHERE sequence = 2") }
    await #expect(
      throws: StorageError.corrupt(path: path, detail: "event 2 does not have the digest that it was stored with")
    ) {
      try await store.events(after: 0, run: nil, limit: 10)
    }
    try await pool.write { try $0.execute(sql: "UPDATE events SET payload = 7 WHERE sequence = 1") }
    await #expect(
      throws: StorageError.corrupt(
        path: path, detail: "column payload of the event log holds a value of another type")
    ) {
      try await store.events(after: 0, run: nil, limit: 1)
    }
  }

  @Test("A file that is no database, a missing one and one of a later version are refused by name")
  func unusableFiles() throws {
    try Data(repeating: 0x41, count: 8192).write(to: URL(fileURLWithPath: path))
    #expect {
      try SQLiteEventStore(path: path)
    } throws: { error in
      if case StorageError.corrupt(path, _) = error { true } else { false }
    }
    let missing = directory("missing.sqlite")
    #expect(throws: StorageError.missing(path: missing)) { try SQLiteEventStore(reading: missing) }
    let later = directory("later.sqlite")
    let store = try SQLiteEventStore(path: later)
    try store.pool?.write { try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('99-later')") }
    try store.close()
    #expect(throws: StorageError.newerFormat(path: later)) { try SQLiteEventStore(path: later) }
    #expect(throws: StorageError.newerFormat(path: later)) { try SQLiteEventStore(reading: later) }
  }

  @Test("A home is one process's at a time, and free again when that process lets go")
  func lock() throws {
    var first: HomeLock? = try HomeLock(home: directory.path)
    #expect(throws: StorageError.locked(path: directory.path, holder: "\(getpid())")) {
      try HomeLock(home: directory.path)
    }
    #expect(first != nil)
    first = nil
    _ = try HomeLock(home: directory.path)
    #expect(throws: StorageError.missing(path: directory("none/lock"))) { try HomeLock(home: directory("none")) }
  }
}
