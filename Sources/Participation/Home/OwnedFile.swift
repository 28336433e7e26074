import Foundation
import Identities

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Files that belong to the node's owner alone (0600): written whole or not at all, and gone when they are deleted.
enum OwnedFile {
  /// Replaces the file at `path` durably: after a crash either the old content is there or the new one, never a part.
  ///
  /// - Parameter durably: False for what a power failure may take back, which costs no fsync.
  static func replace(_ path: String, with bytes: [UInt8], durably: Bool = true) throws(ParticipationError) {
    do { try PrivateFile.replace(path, contents: bytes, durably: durably) } catch { throw .identity(error) }
  }

  /// Overwrites the file with zeros and deletes it. A file that is not there is no error.
  static func erase(_ path: String) throws(ParticipationError) {
    do { try PrivateFile.erase(path) } catch { throw .identity(error) }
  }

  /// Deletes a file that holds no secret. A file that is not there is no error.
  static func remove(_ path: String) throws(ParticipationError) {
    guard unlink(path) == 0 || errno == ENOENT else { throw failure(path) }
  }

  /// Adds a line to a file that only ever grows, and makes it durable unless a power failure may take it back.
  ///
  /// A last line that a crash cut short gets its line feed first, so that it spoils no other.
  ///
  /// - Parameter cuttingTornLine: Takes such a line away instead, so that every line but the last is whole. For files that
  ///   only one process at a time appends to.
  static func append(
    line: some Collection<UInt8>, to path: String, durably: Bool = true, cuttingTornLine: Bool = false
  ) throws(ParticipationError) {
    let isNew = !exists(path)
    let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    let end = lseek(descriptor, 0, SEEK_END)
    let isCut = end > 0 && byte(descriptor, at: end - 1) != UInt8(ascii: "\n")
    if isCut, cuttingTornLine {
      var whole = end - 1
      while whole > 0, byte(descriptor, at: whole - 1) != UInt8(ascii: "\n") { whole -= 1 }
      guard ftruncate(descriptor, whole) == 0 else { throw failure(path) }
    }
    let bytes = (isCut && !cuttingTornLine ? [UInt8(ascii: "\n")] : []) + line + [UInt8(ascii: "\n")]
    guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
      throw failure(path)
    }
    guard durably else { return }
    guard fsync(descriptor) == 0 else { throw failure(path) }
    guard isNew else { return }
    do { try PrivateFile.syncDirectory(of: path) } catch { throw .identity(error) }
  }

  private static func byte(_ descriptor: Int32, at offset: off_t) -> UInt8? {
    var byte: UInt8 = 0
    return pread(descriptor, &byte, 1, offset) == 1 ? byte : nil
  }

  /// The file's bytes, or `nil` when there is none.
  static func read(_ path: String) throws(ParticipationError) -> [UInt8]? {
    guard exists(path) else { return nil }
    do {
      return [UInt8](try Foundation.Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw .file(path: path, reason: "cannot be read")
    }
  }

  /// Reads a file that holds a secret or says something about the owner's rows, and refuses one that others can read.
  static func readSecret(_ path: String) throws(ParticipationError) -> [UInt8]? {
    guard exists(path) else { return nil }
    var status = stat()
    guard stat(path, &status) == 0 else { throw failure(path) }
    try checkClosed(path, status)
    return try read(path)
  }

  /// The bytes of a file that only its owner may read from there on, at most `count`; `nil` when there is no file, or one
  /// that does not reach so far.
  static func readSecret(_ path: String, from offset: Int, count: Int = .max) throws(ParticipationError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      guard errno == ENOENT else { throw failure(path) }
      return nil
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(path) }
    try checkClosed(path, status)
    guard offset <= Int(status.st_size) else { return nil }
    var bytes = [UInt8](repeating: 0, count: min(count, Int(status.st_size) - offset))
    var filled = 0
    while filled < bytes.count {
      let read = bytes[filled...].withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress, $0.count, off_t(offset + filled))
      }
      if read == 0 { break }
      if read > 0 { filled += read } else if errno != EINTR { throw failure(path) }
    }
    return Array(bytes[..<filled])
  }

  private static func checkClosed(_ path: String, _ status: stat) throws(ParticipationError) {
    let mode = status.st_mode & 0o777
    guard mode & 0o077 == 0 else { throw .openToOthers(path: path, mode: "0" + String(mode, radix: 8)) }
  }

  /// Makes a directory that only its owner enters; one that is there keeps its content and gets that mode.
  static func makeDirectory(_ path: String) throws(ParticipationError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw .file(path: path, reason: "the directory cannot be made")
    }
    guard chmod(path, 0o700) == 0 else { throw failure(path) }
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The names in a directory, sorted; none when it is not there.
  static func names(in directory: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []).sorted()
  }

  static func failure(_ path: String) -> ParticipationError {
    .file(path: path, reason: String(cString: strerror(errno)))
  }
}
