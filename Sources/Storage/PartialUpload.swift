import Foundation
import SecureAggregation

/// A blob that arrives in chunks and may break off anywhere: ask where it stands, send on from there.
public struct PartialUpload: Sendable, Hashable {
  public let digest: Digest
  /// The announced length in bytes.
  public let totalBytes: Int
  /// Who sends it. One sender's upload never meets another's, so nobody can spoil a digest for somebody else.
  public let sender: String

  public init(digest: Digest, totalBytes: Int, sender: String) {
    self.digest = digest
    self.totalBytes = totalBytes
    self.sender = sender
  }
}

extension BlobDirectory {
  /// How many bytes of the upload have arrived: where the next chunk starts; `totalBytes` once the blob is stored.
  ///
  /// An upload that was complete when the process ended is checked and stored now, or dropped when it is spoiled.
  public func received(_ upload: PartialUpload) throws(StorageError) -> Int {
    if contains(upload.digest) { return upload.totalBytes }
    let path = file(upload)
    guard access(path, F_OK) == 0 else { return 0 }
    let file = try BlobFile(path: path, flags: O_RDONLY)
    let size = try file.size()
    guard size >= upload.totalBytes else { return size }
    do { try finish(upload, file, size: size) } catch {
      guard case .wrongDigest = error else { throw error }
      return 0
    }
    return upload.totalBytes
  }

  /// Adds a chunk, and stores the blob when the chunk is its last: checked, on the disk and under its name on return.
  ///
  /// - Returns: How many bytes have arrived; `upload.totalBytes` exactly when the blob is stored.
  /// - Throws: `.tooLarge` for an announced length above the directory's limit or a chunk past the announced length;
  ///   `.wrongOffset` for a chunk that leaves a gap or repeats; `.wrongDigest` when the bytes are not those announced,
  ///   and then the upload starts again from nothing.
  @discardableResult
  public func append(_ chunk: [UInt8], to upload: PartialUpload, at offset: Int) throws(StorageError) -> Int {
    guard upload.totalBytes >= 0, upload.totalBytes <= maximumBytes else {
      throw .tooLarge(bytes: upload.totalBytes, limit: maximumBytes)
    }
    if contains(upload.digest) { return upload.totalBytes }
    let path = file(upload)
    let file = try BlobFile(path: path, flags: O_RDWR | O_CREAT)
    let size = try file.size()
    guard offset == size else { throw .wrongOffset(expected: size, found: offset) }
    let (end, overflow) = offset.addingReportingOverflow(chunk.count)
    guard !overflow, end <= upload.totalBytes else {
      throw .tooLarge(bytes: overflow ? Int.max : end, limit: upload.totalBytes)
    }
    try file.write(chunk, at: offset)
    guard end == upload.totalBytes else { return end }
    try finish(upload, file, size: end)
    return end
  }

  /// Gives a whole upload its name, or discards it when its bytes are not those announced.
  private func finish(_ upload: PartialUpload, _ file: borrowing BlobFile, size: Int) throws(StorageError) {
    let found = Digest(sha256: try file.read(from: 0, count: size))
    guard found == upload.digest else {
      unlink(file.path)
      throw .wrongDigest(expected: upload.digest.hex, found: found.hex)
    }
    try file.synchronize()
    try publish(file.path, as: upload.digest)
  }

  /// Forgets what has arrived of an upload that will not go on.
  public func discard(_ upload: PartialUpload) throws(StorageError) {
    guard unlink(file(upload)) == 0 || errno == ENOENT else {
      throw .system(errno, path: file(upload), operation: "delete the upload")
    }
  }

  /// Forgets every upload in progress and whatever a crash left behind. For the one writer, once nobody is to go on sending.
  public func discardPartialUploads() throws(StorageError) {
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: partialPath) } catch {
      throw .failed(path: partialPath, operation: "list the directory", detail: error.localizedDescription)
    }
    for name in names { unlink("\(partialPath)/\(name)") }
  }

  private func file(_ upload: PartialUpload) -> String {
    let name = Digest(label: "tributary/upload", Array(upload.sender.utf8) + [0] + upload.digest.bytes)
    return "\(partialPath)/\(name.hex)"
  }
}
