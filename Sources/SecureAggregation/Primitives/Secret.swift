import COpenSSL

/// Key material. It prints its size only and is overwritten when the last copy goes.
///
/// It is `Codable`, as base64, because a participant's round file is made of it; that file is the owner's alone to read.
public struct Secret: Sendable, Hashable, Codable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  private let storage: Storage

  public init(_ bytes: [UInt8]) {
    storage = Storage(bytes)
  }

  /// 32 bytes from the system's generator.
  public static func random() throws(AveragingError) -> Secret {
    var bytes = try Primitives.randomBytes(32)
    defer { Primitives.cleanse(&bytes) }
    return Secret(bytes)
  }

  public var count: Int { storage.bytes.count }

  /// A copy that the holder must not log or keep longer than needed.
  public var bytes: [UInt8] { storage.bytes }

  public static func == (a: Secret, b: Secret) -> Bool { Primitives.constantTimeEquals(a.bytes, b.bytes) }

  public func hash(into hasher: inout Hasher) { hasher.combine(storage.bytes) }

  public var description: String { "secret of \(count) bytes" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }

  public init(from decoder: any Decoder) throws {
    self.init(try Base64(from: decoder).wrappedValue)
  }

  public func encode(to encoder: any Encoder) throws {
    try Base64(wrappedValue: storage.bytes).encode(to: encoder)
  }

  /// Safe to share: `bytes` is written once in `init` and again only in `deinit`, when nobody else holds it.
  private final class Storage: @unchecked Sendable {
    private(set) var bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    deinit { Primitives.cleanse(&bytes) }
  }
}

extension Secret {
  /// HKDF-SHA256 of this secret.
  func derive(salt: [UInt8] = [], info: [UInt8], count: Int = 32) -> Secret {
    Secret(Primitives.hkdf(salt: salt, key: bytes, info: info, count: count))
  }
}
