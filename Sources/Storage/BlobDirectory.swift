import Foundation
import SecureAggregation

/// A directory of files named by the hexadecimal SHA-256 of what they hold, so that `sha256sum` checks it.
///
/// A file appears under its name only when it is whole and on the disk. Names are made from digests and never taken
/// from outside.
public struct BlobDirectory: Sendable {
  public let path: String
  /// The largest blob that this directory takes, in bytes.
  public let maximumBytes: Int

  /// Where uploads in progress are kept.
  var partialPath: String { path + "/partial" }

  /// Opens the directory at `path`, and creates it where needed.
  public init(path: String, maximumBytes: Int) throws(StorageError) {
    self.path = path
    self.maximumBytes = maximumBytes
    for directory in [path, path + "/partial"] {
      if mkdir(directory, 0o700) != 0, errno != EEXIST {
        throw .system(errno, path: directory, operation: "create the directory")
      }
    }
  }

  /// Stores the bytes; durable on return. Storing what is already there is free.
  @discardableResult
  public func put(_ bytes: [UInt8]) throws(StorageError) -> Digest {
    guard bytes.count <= maximumBytes else { throw .tooLarge(bytes: bytes.count, limit: maximumBytes) }
    let digest = Digest(sha256: bytes)
    guard !contains(digest) else { return digest }
    let temporary = "\(partialPath)/\(UUID().uuidString).tmp"
    do {
      let file = try BlobFile(path: temporary, flags: O_WRONLY | O_CREAT | O_EXCL)
      try file.write(bytes, at: 0)
      try file.synchronize()
    } catch {
      unlink(temporary)
      throw error
    }
    try publish(temporary, as: digest)
    return digest
  }

  public func contains(_ digest: Digest) -> Bool { access(file(digest), F_OK) == 0 }

  /// The blob's length in bytes, nil when it is not stored.
  public func size(of digest: Digest) -> Int? {
    var status = stat()
    guard stat(file(digest), &status) == 0 else { return nil }
    return Int(status.st_size)
  }

  /// Up to `count` bytes from `offset`; fewer at the end, none past it. A reader that needs certainty hashes the whole.
  public func read(_ digest: Digest, from offset: Int, count: Int) throws(StorageError) -> [UInt8] {
    precondition(offset >= 0 && count >= 0)
    guard let size = size(of: digest) else { throw .noSuchBlob(digest: digest.hex) }
    guard offset < size else { return [] }
    return try BlobFile(path: file(digest), flags: O_RDONLY).read(from: offset, count: min(count, size - offset))
  }

  /// The whole blob, checked against its name.
  public func bytes(of digest: Digest) throws(StorageError) -> [UInt8] {
    guard let size = size(of: digest) else { throw .noSuchBlob(digest: digest.hex) }
    let bytes = try read(digest, from: 0, count: size)
    let found = Digest(sha256: bytes)
    guard found == digest else {
      throw .corrupt(path: file(digest), detail: "its digest is sha256:\(found.hex)")
    }
    return bytes
  }

  /// Removes the blob; nothing happens when it is not stored.
  public func delete(_ digest: Digest) throws(StorageError) {
    guard unlink(file(digest)) == 0 else {
      if errno == ENOENT { return }
      throw .system(errno, path: file(digest), operation: "delete the blob")
    }
    try synchronizeDirectory()
  }

  /// Every blob stored, in the order of their names. Files of other names are left alone.
  public func digests() throws(StorageError) -> [Digest] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: path).sorted().compactMap { name in
        Digest(hex: name).flatMap { $0.hex == name ? $0 : nil }
      }
    } catch {
      throw .failed(path: path, operation: "list the directory", detail: error.localizedDescription)
    }
  }

  private func file(_ digest: Digest) -> String { "\(path)/\(digest.hex)" }

  /// Gives a whole, synchronised file its name.
  private func publish(_ temporary: String, as digest: Digest) throws(StorageError) {
    guard rename(temporary, file(digest)) == 0 else {
      let code = errno
      unlink(temporary)
      throw .system(code, path: file(digest), operation: "name the blob")
    }
    try synchronizeDirectory()
  }

  private func synchronizeDirectory() throws(StorageError) {
    try BlobFile(path: path, flags: O_RDONLY | O_DIRECTORY).synchronize()
  }
}
