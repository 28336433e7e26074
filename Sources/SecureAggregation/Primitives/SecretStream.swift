/// AES-256-CTR under a key of one purpose, for as long as it is read: HKDF(secret, label).
public final class SecretStream {
  private let stream: Keystream

  public init(_ secret: Secret, label: String) throws(AveragingError) {
    stream = try Keystream(secret.derive(info: derivation(label)))
  }

  /// Overwrites `bytes` with the next bytes of the stream.
  ///
  /// A cipher that has begun does not fail; if it did, zeros would be no noise, and nothing may go on.
  public func read(into bytes: UnsafeMutableRawBufferPointer) {
    do {
      for start in stride(from: 0, to: bytes.count, by: Keystream.pieceSize) {
        let end = min(bytes.count, start + Keystream.pieceSize)
        try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[start..<end]))
      }
    } catch {
      preconditionFailure("AES-256-CTR failed: \(error)")
    }
  }
}
