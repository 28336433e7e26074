import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Small files that only their owner may read: written whole and durably, or not at all.
public enum PrivateFile {
  /// Creates a file (0600) that did not exist.
  ///
  /// - Throws: `.alreadyExists`, so that a key is never overwritten by accident.
  public static func create(_ path: String, contents: [UInt8]) throws(IdentityError) {
    var status = stat()
    guard lstat(path, &status) != 0 else { throw .alreadyExists(path: path) }
    try replace(path, contents: contents)
  }

  /// Writes a file (0600), replacing what was there in one step: a temporary file, fsync, rename, fsync of the directory.
  ///
  /// - Parameter durably: False leaves the two fsyncs out, for what a power failure may take back: a reader still sees
  ///   the old content or the new one.
  public static func replace(_ path: String, contents: [UInt8], durably: Bool = true) throws(IdentityError) {
    // Of its own, so that two processes that replace one file do not write into each other's.
    let temporary = path + ".new-\(UInt64.random(in: 0 ... .max))"
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { throw .cannotWrite(path: path, reason: reason()) }
    var failure: String?
    var written = 0
    while failure == nil, written < contents.count {
      let count = contents[written...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
      if count >= 0 { written += count } else if errno != EINTR { failure = reason() }
    }
    if failure == nil, durably, fsync(file) != 0 { failure = reason() }
    close(file)
    if failure == nil, rename(temporary, path) != 0 { failure = reason() }
    if let failure {
      unlink(temporary)
      throw .cannotWrite(path: path, reason: failure)
    }
    if durably { try syncDirectory(of: path) }
  }

  /// Reads a small file. A secret one must be closed to everyone but its owner.
  public static func readText(_ path: String, secret: Bool) throws(IdentityError) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT { throw .keyFileMissing(path: path) }
      throw .cannotRead(path: path, reason: reason())
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw .cannotRead(path: path, reason: reason()) }
    if secret, status.st_mode & 0o077 != 0 {
      throw .keyFileTooOpen(path: path, mode: "0" + String(status.st_mode & 0o777, radix: 8))
    }
    guard status.st_size <= 1 << 20 else { throw .cannotRead(path: path, reason: "too large for a key or certificate") }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var filled = 0
    while filled < bytes.count {
      let count = bytes[filled...].withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
      if count == 0 { break }
      if count > 0 { filled += count } else if errno != EINTR { throw .cannotRead(path: path, reason: reason()) }
    }
    return String(decoding: bytes[..<filled], as: UTF8.self)
  }

  /// Overwrites a file with zeros, then removes it. A missing file is fine.
  ///
  /// On a copy-on-write or flash file system old blocks may survive the overwriting; only the whole disk's encryption
  /// helps there.
  public static func erase(_ path: String) throws(IdentityError) {
    let file = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else {
      if errno == ENOENT { return }
      throw .cannotWrite(path: path, reason: reason())
    }
    var status = stat()
    if fstat(file, &status) == 0 {
      let zeros = [UInt8](repeating: 0, count: Int(status.st_size))
      _ = zeros.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
      fsync(file)
    }
    close(file)
    guard unlink(path) == 0 else { throw .cannotWrite(path: path, reason: reason()) }
    try syncDirectory(of: path)
  }

  /// Makes the names in a file's directory durable.
  public static func syncDirectory(of path: String) throws(IdentityError) {
    let parent = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let directory = open(parent, O_RDONLY | O_CLOEXEC)
    guard directory >= 0 else { throw .cannotWrite(path: path, reason: reason()) }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw .cannotWrite(path: path, reason: reason()) }
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}
