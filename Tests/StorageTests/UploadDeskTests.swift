import Foundation
import SecureAggregation
import Testing

@testable import Storage

@Suite("Uploads in progress")
struct UploadDeskTests {
  private let directory: TemporaryDirectory
  private let blobs: BlobDirectory
  private let desk: UploadDesk
  /// FIPS 180-4's example: SHA-256("abc").
  private let abc = Digest(hex: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")!

  init() throws {
    directory = try TemporaryDirectory()
    blobs = try BlobDirectory(path: directory("blobs"), maximumBytes: 1000)
    desk = UploadDesk(blobs, maximumCount: 2)
  }

  private func upload(from sender: String = "north") -> PartialUpload {
    PartialUpload(digest: abc, totalBytes: 3, sender: sender)
  }

  private var files: [String] { get throws { try directory.names("blobs/partial") } }

  private func overwrite(with bytes: [UInt8]) throws {
    let file = directory("blobs/partial/" + (try #require(try files.first)))
    try Data(bytes).write(to: URL(fileURLWithPath: file))
  }

  @Test("An upload that broke off goes on where it stands, in another process too, and is no blob when it is whole")
  func resumed() async throws {
    #expect(try await desk.received(upload()) == 0)
    #expect(try await desk.append(bytes("a"), to: upload(), at: 0) == 1)
    let another = UploadDesk(try BlobDirectory(path: blobs.path, maximumBytes: 1000))
    #expect(try await another.received(upload()) == 1)
    await #expect(throws: StorageError.wrongOffset(expected: 1, found: 2)) {
      try await another.append(bytes("c"), to: upload(), at: 2)
    }
    await #expect(throws: StorageError.wrongOffset(expected: 1, found: 0)) {
      try await another.append(bytes("a"), to: upload(), at: 0)
    }
    await #expect(throws: StorageError.noSuchBlob(digest: abc.hex)) { try await another.finish(upload()) }
    #expect(try await another.append(bytes("bc"), to: upload(), at: 1) == 3)
    try await another.finish(upload())
    #expect(try await another.received(upload()) == 3)
    #expect(try await another.bytes(of: abc, from: "north", limit: 3) == bytes("abc"))
    #expect(!blobs.contains(abc))
  }

  @Test("A sender has one upload: another one that it announces takes the place of the first")
  func one() async throws {
    try await desk.append(bytes("ab"), to: upload(), at: 0)
    for announced in 0..<20 {
      let other = PartialUpload(digest: Digest(sha256: [UInt8(announced)]), totalBytes: 900, sender: "north")
      try await desk.append([UInt8](repeating: 0, count: 800), to: other, at: 0)
      #expect(try files.count == 1)
    }
    #expect(try await desk.received(upload()) == 0)
    #expect(try files == [])
  }

  @Test("No more senders than a roster has can leave something behind")
  func bounded() async throws {
    for sender in ["north", "coast"] { try await desk.append(bytes("a"), to: upload(from: sender), at: 0) }
    await #expect(throws: StorageError.tooManyUploads(limit: 2)) {
      try await desk.append(bytes("a"), to: upload(from: "hill"), at: 0)
    }
    try await desk.append(bytes("b"), to: upload(from: "north"), at: 1)
    try await desk.discard(from: "coast")
    try await desk.append(bytes("a"), to: upload(from: "hill"), at: 0)
  }

  @Test("Of streams that send the same chunk at once one writes it, and what was stored from an upload never changes")
  func together() async throws {
    let payload = (0..<900).map { UInt8(truncatingIfNeeded: $0) }
    let upload = PartialUpload(digest: Digest(sha256: payload), totalBytes: 900, sender: "north")
    for start in stride(from: 0, to: 900, by: 9) {
      let written = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<8 {
          group.addTask { [desk] in
            (try? await desk.append(Array(payload[start..<start + 9]), to: upload, at: start)) != nil
          }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(written == 1)
    }
    try await desk.finish(upload)
    let stored = try blobs.put(try await desk.bytes(of: upload.digest, from: "north", limit: 900))
    try overwrite(with: [UInt8](repeating: 0xFF, count: 900))
    #expect(try blobs.bytes(of: stored) == payload)
  }

  @Test(
    "A file that was whole when the process ended is checked when asked for; one that a power cut spoiled starts anew")
  func torn() async throws {
    try await desk.append(bytes("ab"), to: upload(), at: 0)
    try overwrite(with: bytes("abc"))
    #expect(try await desk.received(upload()) == 3)
    try await desk.discard(from: "north")
    try await desk.append(bytes("ab"), to: upload(), at: 0)
    try overwrite(with: [0x61, 0, 0])
    #expect(try await desk.received(upload()) == 0)
    #expect(try await desk.append(bytes("abc"), to: upload(), at: 0) == 3)
  }

  @Test("Bytes of another digest than announced are dropped, and the upload can be made again")
  func wrongDigest() async throws {
    let found = Digest(sha256: bytes("abd"))
    try await desk.append(bytes("abd"), to: upload(), at: 0)
    await #expect(throws: StorageError.wrongDigest(expected: abc.hex, found: found.hex)) {
      try await desk.finish(upload())
    }
    #expect(try files == [])
    try await desk.append(bytes("abc"), to: upload(), at: 0)
    try await desk.finish(upload())
    // What was checked is checked again when it is taken.
    try overwrite(with: bytes("abd"))
    await #expect(throws: StorageError.wrongDigest(expected: abc.hex, found: found.hex)) {
      _ = try await desk.bytes(of: abc, from: "north", limit: 3)
    }
    #expect(try files == [])
  }

  @Test("A chunk past the announced length, and an upload above the limit, are refused and nothing of them kept")
  func tooLarge() async throws {
    try await desk.append(bytes("ab"), to: upload(), at: 0)
    await #expect(throws: StorageError.tooLarge(bytes: 4, limit: 3)) {
      try await desk.append(bytes("cd"), to: upload(), at: 2)
    }
    #expect(try await desk.received(upload()) == 2)
    await #expect(throws: StorageError.noSuchBlob(digest: abc.hex)) {
      _ = try await desk.bytes(of: abc, from: "north", limit: 1)
    }
    let huge = PartialUpload(digest: abc, totalBytes: 1001, sender: "coast")
    await #expect(throws: StorageError.tooLarge(bytes: 1001, limit: 1000)) {
      try await desk.append([1], to: huge, at: 0)
    }
  }

  @Test("One sender cannot spoil another's upload, and no sender's name becomes a path")
  func senders() async throws {
    let hostile = upload(from: "../../outside")
    try await desk.append(bytes("ab"), to: upload(), at: 0)
    try await desk.append(bytes("xx"), to: hostile, at: 0)
    #expect(try directory.names() == ["blobs"])
    #expect(try files.allSatisfy { $0.utf8.count == 129 && !$0.contains("/") })
    #expect(try await desk.append(bytes("c"), to: upload(), at: 2) == 3)
    try await desk.finish(upload())
    try await desk.discard(from: hostile.sender)
    try await desk.discard(from: hostile.sender)
    #expect(try files.count == 1)
  }
}
