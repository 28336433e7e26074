import Foundation
import SecureAggregation
import Testing

@testable import Storage

@Suite("Blob directory")
struct BlobDirectoryTests {
  private let directory: TemporaryDirectory
  private let blobs: BlobDirectory
  /// FIPS 180-4's example: SHA-256("abc").
  private let abc = Digest(hex: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")!

  init() throws {
    directory = try TemporaryDirectory()
    blobs = try BlobDirectory(path: directory("blobs"), maximumBytes: 1000)
  }

  @Test("A blob is a file named by the SHA-256 of its bytes")
  func put() throws {
    #expect(try blobs.put(bytes("abc")) == abc)
    #expect(try Data(contentsOf: URL(fileURLWithPath: directory("blobs/\(abc.hex)"))) == Data("abc".utf8))
    #expect(try blobs.put(bytes("abc")) == abc)
    #expect(try directory.names("blobs") == [abc.hex, "partial"])
    #expect(try directory.names("blobs/partial") == [])
    #expect(blobs.contains(abc) && blobs.size(of: abc) == 3)
    #expect(try blobs.bytes(of: abc) == bytes("abc"))
  }

  @Test("A blob is read in chunks, fewer bytes at its end and none past it")
  func chunks() throws {
    try blobs.put(bytes("abc"))
    #expect(try blobs.read(abc, from: 0, count: 2) == bytes("ab"))
    #expect(try blobs.read(abc, from: 2, count: 2) == bytes("c"))
    #expect(try blobs.read(abc, from: 3, count: 2) == [])
    #expect(try blobs.read(abc, from: Int.max, count: 2) == [])
    #expect(throws: StorageError.noSuchBlob(digest: Digest.zero.hex)) {
      try blobs.read(.zero, from: 0, count: 1)
    }
  }

  @Test("Deleting removes the blob, and is no error when there is none")
  func delete() throws {
    try blobs.put(bytes("abc"))
    try blobs.put(bytes("abd"))
    #expect(try blobs.digests().count == 2)
    try blobs.delete(abc)
    try blobs.delete(abc)
    #expect(!blobs.contains(abc) && blobs.size(of: abc) == nil)
    #expect(try blobs.digests() == [Digest(sha256: bytes("abd"))])
    #expect(throws: StorageError.noSuchBlob(digest: abc.hex)) { try blobs.bytes(of: abc) }
  }

  @Test("A blob that changed on the disk is not handed out as its digest")
  func changed() throws {
    try blobs.put(bytes("abc"))
    try Data("abd".utf8).write(to: URL(fileURLWithPath: directory("blobs/\(abc.hex)")))
    #expect {
      try blobs.bytes(of: abc)
    } throws: { error in
      if case StorageError.corrupt = error { true } else { false }
    }
  }

  @Test("Too large a blob is refused before anything is written")
  func oversize() throws {
    #expect(throws: StorageError.tooLarge(bytes: 1001, limit: 1000)) {
      try blobs.put([UInt8](repeating: 0, count: 1001))
    }
    #expect(try directory.names("blobs/partial") == [])
  }

  @Test("What a crash left in progress is cleared before serving")
  func leftovers() throws {
    try blobs.put(bytes("abc"))
    try Data("half".utf8).write(to: URL(fileURLWithPath: directory("blobs/partial/left.tmp")))
    try blobs.discardPartialUploads()
    #expect(try directory.names("blobs/partial") == [])
    #expect(blobs.contains(abc))
  }

  @Test("System errors are told by name: a full disk, a missing file, missing permission")
  func systemErrors() {
    #expect(StorageError.system(ENOSPC, path: "b", operation: "write") == .diskFull(path: "b"))
    #expect(StorageError.system(ENOENT, path: "b", operation: "write") == .missing(path: "b"))
    #expect(StorageError.system(EACCES, path: "b", operation: "write") == .notPermitted(path: "b"))
    #expect(StorageError.diskFull(path: "/home/b").hint?.contains("df -h /home/b") == true)
  }
}
