import COpenSSL

/// The AES-256-CTR keystream of one key (SP 800-38A), read in pieces from the first block on.
///
/// The initial counter block is zero and counts up as one 128-bit big-endian number, so that block k is encrypted under
/// eight zero bytes and k in big-endian. A key makes one stream; nothing here takes a nonce.
struct Keystream: ~Copyable {
  private let context: OpaquePointer

  /// - Parameter counter: The first counter block; zero in the protocol, another only in published vectors.
  init(_ key: Secret, counter: [UInt8] = [UInt8](repeating: 0, count: 16)) throws(AveragingError) {
    context = try Self.start(key, counter)
  }

  private static func start(_ key: Secret, _ counter: [UInt8]) throws(AveragingError) -> OpaquePointer {
    try Primitives.requireSize(key.count, of: "AES-256 key")
    try Primitives.requireSize(counter.count, of: "counter block", expected: 16)
    guard let context = EVP_CIPHER_CTX_new() else { throw Primitives.failure("EVP_CIPHER_CTX_new") }
    guard EVP_EncryptInit_ex(context, EVP_aes_256_ctr(), nil, key.bytes, counter) == 1 else {
      EVP_CIPHER_CTX_free(context)
      throw Primitives.failure("AES-256-CTR")
    }
    return context
  }

  deinit { EVP_CIPHER_CTX_free(context) }

  /// Bytes that are encrypted at a time: they and their keystream stay in the first-level cache.
  static let pieceSize = 16_384
  private static let zeros = [UInt8](repeating: 0, count: pieceSize)

  /// Overwrites `piece`, of at most ``pieceSize`` bytes, with the next bytes of the stream.
  func read(into piece: UnsafeMutableRawBufferPointer) throws(AveragingError) {
    precondition(piece.count <= Self.pieceSize, "a piece is at most 16 KiB")
    guard let start = piece.baseAddress, piece.count > 0 else { return }
    var written: Int32 = 0
    let done = EVP_EncryptUpdate(
      context, start.assumingMemoryBound(to: UInt8.self), &written, Self.zeros, Int32(piece.count))
    guard done == 1, Int(written) == piece.count else { throw Primitives.failure("EVP_EncryptUpdate") }
  }

  /// The next four bytes of the stream, read little-endian.
  func nextWord() throws(AveragingError) -> UInt32 {
    var bytes: UInt32 = 0
    var failure: AveragingError?
    withUnsafeMutableBytes(of: &bytes) { piece in
      do throws(AveragingError) { try read(into: piece) } catch { failure = error }
    }
    if let failure { throw failure }
    return UInt32(littleEndian: bytes)
  }
}

extension Primitives {
  /// The first `count` bytes of the AES-256-CTR keystream of a key, from a zero counter block.
  public static func keystream(key: [UInt8], count: Int) throws(AveragingError) -> [UInt8] {
    let stream = try Keystream(Secret(key))
    var output = [UInt8](repeating: 0, count: count)
    let failure = output.withUnsafeMutableBytes { buffer -> AveragingError? in
      do throws(AveragingError) {
        for start in Swift.stride(from: 0, to: buffer.count, by: Keystream.pieceSize) {
          let end = min(buffer.count, start + Keystream.pieceSize)
          try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[start..<end]))
        }
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
    return output
  }
}
