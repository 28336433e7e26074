/// A SHA-256 digest: of plain bytes, or of a labelled message, which is what the protocol hashes.
///
/// Prints and encodes as `sha256:` and 64 hexadecimal digits.
public struct Digest: Hashable, Codable, Sendable, CustomStringConvertible {
  /// 32 bytes.
  public let bytes: [UInt8]

  /// The plain digest of some bytes, as `sha256sum` prints it.
  public init(sha256 message: [UInt8]) {
    bytes = Primitives.sha256(message)
  }

  /// H(label, m) of the protocol: SHA-256 of the label's length in one byte, its ASCII, and the message.
  public init(label: String, _ message: [UInt8]) {
    bytes = Primitives.sha256(labelled(label, message))
  }

  /// Takes a digest that came from elsewhere; nil unless it has 32 bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    self.bytes = bytes
  }

  /// Reads 64 hexadecimal digits, with or without the `sha256:` in front.
  public init?(hex: String) {
    let digits = hex.hasPrefix("sha256:") ? String(hex.dropFirst(7)) : hex
    guard digits.utf8.count == 64, let bytes = [UInt8](hexadecimal: digits) else { return nil }
    self.bytes = bytes
  }

  /// 32 zero bytes, which stand in a close for what its round did not reach.
  public static let zero = Digest(bytes: [UInt8](repeating: 0, count: 32))!

  /// 64 lower-case digits without a prefix, the name of a blob.
  public var hex: String { bytes.hexadecimal }

  public var description: String { "sha256:" + hex }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let digest = Digest(hex: text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a sha256 digest: \(text)")
    }
    self = digest
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
