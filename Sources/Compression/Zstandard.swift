import CZstd

/// Zstandard frames (RFC 8878), by the system's libzstd.
public enum Zstandard {
  /// One frame that states its content's size; at level 1, which is fast and gives up little on numbers.
  public static func compress(_ bytes: [UInt8]) -> [UInt8] {
    let bound = ZSTD_compressBound(bytes.count)
    return [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
      count = ZSTD_compress(buffer.baseAddress, bound, bytes, bytes.count, 1)
      precondition(ZSTD_isError(count) == 0, "libzstd could not compress \(bytes.count) bytes")
    }
  }

  /// The content of the frame that `bytes` begin with, and how many bytes that frame has.
  ///
  /// - Parameter expected: The size that the frame must state. It is compared before memory for it is taken, and libzstd
  ///   writes no byte past it, so that a small frame cannot make anyone take much.
  public static func decompressFirst(
    of bytes: ArraySlice<UInt8>, expecting expected: Int
  ) throws(CompressionError) -> (content: [UInt8], frameBytes: Int) {
    let result: Result<(content: [UInt8], frameBytes: Int), CompressionError> = bytes.withUnsafeBytes { frame in
      let length = ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count)
      guard ZSTD_isError(length) == 0, length <= frame.count else { return .failure(.malformed) }
      let stated = ZSTD_getFrameContentSize(frame.baseAddress, length)
      // The two greatest numbers mean an unknown size and no frame.
      guard stated < UInt64.max - 1 else { return .failure(.malformed) }
      guard stated == UInt64(expected) else { return .failure(.wrongSize(expected: expected, stated: stated)) }
      var written = 0
      let content = [UInt8](unsafeUninitializedCapacity: expected) { buffer, count in
        written = ZSTD_decompress(buffer.baseAddress, expected, frame.baseAddress, length)
        count = ZSTD_isError(written) == 0 ? min(written, expected) : 0
      }
      guard content.count == expected, ZSTD_isError(written) == 0 else { return .failure(.malformed) }
      return .success((content, length))
    }
    return try result.get()
  }
}

/// Why bytes are not the compressed content that was expected.
public enum CompressionError: Error, Sendable, Equatable, CustomStringConvertible {
  /// No whole Zstandard frame that states its size, or a damaged one.
  case malformed
  /// The frame is of another size than what was asked for has.
  case wrongSize(expected: Int, stated: UInt64)

  public var description: String {
    switch self {
    case .malformed: "the bytes are no whole Zstandard frame"
    case .wrongSize(let expected, let stated):
      "a Zstandard frame holds \(stated) bytes, expected \(expected)"
    }
  }
}
