public import SecureAggregation

/// The secret of an invitation: 32 random bytes that enrol one participant, once. The coordinator keeps only `digest`.
public struct InviteToken: Sendable, Hashable, CustomStringConvertible {
  /// 32 bytes.
  public let bytes: [UInt8]

  /// Draws a new token from the operating system.
  public init() throws(IdentityError) {
    do { bytes = try Primitives.randomBytes(32) } catch { throw .cryptography("\(error)") }
  }

  /// Nil unless there are 32 bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    self.bytes = bytes
  }

  /// SHA-256 of the token: what the coordinator stores and looks up.
  public var digest: Digest { Digest(sha256: bytes) }

  /// Says only the size: a token is a secret.
  public var description: String { "invitation token (32 bytes)" }
}
