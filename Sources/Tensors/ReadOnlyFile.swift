#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A file of any size, read at any place, or bytes in memory that stand for one.
///
/// Nothing is read before it is asked for. It is read with `pread` and not mapped: a mapped file that is cut while it is
/// read kills the process, and the pages of a mapping count as its memory. Here that is an error, and memory is what the
/// caller keeps.
public final class ReadOnlyFile: Sendable {
  /// As it was given; in errors.
  public let path: String
  public let byteCount: Int
  private let content: Content

  private enum Content {
    case descriptor(Int32, opened: Stamp)
    case bytes([UInt8])
  }

  /// What changes when somebody writes to the file.
  private struct Stamp: Equatable {
    let size: Int
    let seconds: Int
    let nanoseconds: Int

    init(_ status: stat) {
      size = Int(status.st_size)
      #if canImport(Darwin)
        (seconds, nanoseconds) = (status.st_mtimespec.tv_sec, status.st_mtimespec.tv_nsec)
      #else
        (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
      #endif
    }
  }

  /// - Throws: `.unreadable` when there is no such file, when it is not a regular one, or may not be read.
  public init(_ path: String) throws(TensorError) {
    // A pipe would block `open`, and is refused right after it.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw .unreadable(file: path, reason: errno == ENOENT ? "no such file" : "cannot be read")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw .unreadable(
        file: path, reason: status.st_mode & S_IFMT == S_IFDIR ? "is a directory" : "is not a regular file")
    }
    self.path = path
    byteCount = Int(status.st_size)
    content = .descriptor(descriptor, opened: Stamp(status))
  }

  /// Bytes that are already in memory.
  public init(bytes: [UInt8], path: String) {
    self.path = path
    byteCount = bytes.count
    content = .bytes(bytes)
  }

  deinit {
    if case .descriptor(let descriptor, _) = content { close(descriptor) }
  }

  /// The bytes of a range within the file.
  public func read(_ range: Range<Int>) throws(TensorError) -> [UInt8] {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "a range within the file")
    switch content {
    case .bytes(let bytes): return Array(bytes[range])
    case .descriptor(let descriptor, let opened):
      let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
        count = Self.fill(UnsafeMutableRawBufferPointer(buffer), from: descriptor, at: range.lowerBound)
      }
      try checkUnchanged(descriptor, opened, complete: bytes.count == range.count)
      return bytes
    }
  }

  /// Hands out the bytes of a range in pieces of a few hundred kilobytes, which stay in the cache.
  ///
  /// - Parameters:
  ///   - unit: Every piece is a multiple of it; it divides the length of the range.
  ///   - body: Gets a piece and its offset from the beginning of the range.
  func forEachPiece(
    of range: Range<Int>, unit: Int, _ body: (UnsafeRawBufferPointer, Int) -> Void
  ) throws(TensorError) {
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "a range within the file")
    precondition(range.count % unit == 0, "whole units")
    let piece = max(1, (256 << 10) / unit) * unit
    switch content {
    case .bytes(let bytes):
      bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range]), 0) }
    case .descriptor(let descriptor, let opened):
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(piece, range.count), alignment: 64)
      defer { buffer.deallocate() }
      var complete = true
      for start in stride(from: range.lowerBound, to: range.upperBound, by: piece) where complete {
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(piece, range.upperBound - start)])
        complete = Self.fill(part, from: descriptor, at: start) == part.count
        if complete { body(UnsafeRawBufferPointer(part), start - range.lowerBound) }
      }
      try checkUnchanged(descriptor, opened, complete: complete)
    }
  }

  /// Reads until the buffer is full, the file ends or reading fails, and returns how many bytes it got.
  private static func fill(_ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32, at offset: Int) -> Int {
    var count = 0
    while count < buffer.count {
      let got = pread(descriptor, buffer.baseAddress! + count, buffer.count - count, off_t(offset + count))
      if got < 0, errno == EINTR { continue }
      if got <= 0 { break }
      count += got
    }
    return count
  }

  private func checkUnchanged(_ descriptor: Int32, _ opened: Stamp, complete: Bool) throws(TensorError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, Stamp(status) == opened else { throw .changed(file: path) }
    guard complete else { throw .unreadable(file: path, reason: "cannot be read") }
  }
}
