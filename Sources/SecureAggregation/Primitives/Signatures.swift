import COpenSSL

/// A participant's or coordinator's long-term Ed25519 public key.
///
/// Prints and encodes as `ed25519:` and 64 hexadecimal digits, which is also its fingerprint: a key of 32 bytes needs no
/// digest, and what an owner compares by eye is then the key itself.
public struct IdentityKey: Hashable, Codable, Sendable, CustomStringConvertible {
  public let bytes: [UInt8]

  /// nil unless there are 32 bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    self.bytes = bytes
  }

  /// Reads a fingerprint, with or without its prefix.
  public init?(fingerprint: String) {
    let digits = fingerprint.hasPrefix("ed25519:") ? String(fingerprint.dropFirst(8)) : fingerprint
    guard let bytes = [UInt8](hexadecimal: digits) else { return nil }
    self.init(bytes: bytes)
  }

  public var fingerprint: String { "ed25519:" + bytes.hexadecimal }

  public var description: String { fingerprint }

  /// Whether this key signed the label and message. A signature of another length is simply wrong.
  public func verify(_ signature: [UInt8], label: String, _ message: [UInt8]) -> Bool {
    Primitives.ed25519Verify(signature, labelled(label, message), key: bytes)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let key = IdentityKey(fingerprint: text) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an Ed25519 fingerprint: \(text)")
    }
    self = key
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(fingerprint)
  }
}

/// A long-term Ed25519 private key. It prints its public half only.
public struct IdentitySigner: Sendable, CustomStringConvertible, CustomReflectable {
  public let publicKey: IdentityKey
  /// The 32 bytes that the key is made of, for its owner's key file.
  public let seed: Secret

  /// Makes a new key.
  public init() throws(AveragingError) {
    try self.init(seed: try Primitives.randomBytes(32))
  }

  /// Loads a key from its 32-byte seed (RFC 8032, section 5.1.5).
  public init(seed: [UInt8]) throws(AveragingError) {
    let secret = Secret(seed)
    guard let key = IdentityKey(bytes: try Primitives.ed25519PublicKey(secret)) else {
      throw .cryptography("Ed25519 public key")
    }
    self.seed = secret
    publicKey = key
  }

  /// A deterministic signature over the label and message, 64 bytes.
  public func sign(label: String, _ message: [UInt8]) throws(AveragingError) -> [UInt8] {
    try Primitives.ed25519Sign(labelled(label, message), key: seed)
  }

  public var description: String { "signer of \(publicKey)" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Primitives {
  /// Ed25519 (RFC 8032) over the bare message; the protocol signs labelled messages through ``IdentitySigner``.
  public static func ed25519Sign(_ message: [UInt8], key: Secret) throws(AveragingError) -> [UInt8] {
    let key = try ed25519Key(key)
    defer { EVP_PKEY_free(key) }
    guard let context = EVP_MD_CTX_new() else { throw failure("EVP_MD_CTX_new") }
    defer { EVP_MD_CTX_free(context) }
    var signature = [UInt8](repeating: 0, count: 64)
    var count = signature.count
    guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
      EVP_DigestSign(context, &signature, &count, message, message.count) == 1, count == 64
    else { throw failure("Ed25519 signature") }
    return signature
  }

  /// Whether the key signed the message. A malformed key or signature is not an error, only not a signature.
  public static func ed25519Verify(_ signature: [UInt8], _ message: [UInt8], key: [UInt8]) -> Bool {
    guard signature.count == 64, key.count == 32,
      let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, key, 32)
    else { return false }
    defer { EVP_PKEY_free(key) }
    guard let context = EVP_MD_CTX_new() else { return false }
    defer { EVP_MD_CTX_free(context) }
    defer { ERR_clear_error() }
    return EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
      && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
  }

  public static func ed25519PublicKey(_ seed: Secret) throws(AveragingError) -> [UInt8] {
    let key = try ed25519Key(seed)
    defer { EVP_PKEY_free(key) }
    return try rawPublicKey(key)
  }

  private static func ed25519Key(_ seed: Secret) throws(AveragingError) -> OpaquePointer {
    try requireSize(seed.count, of: "Ed25519 seed")
    guard let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed.bytes, 32) else {
      throw failure("Ed25519 private key")
    }
    return key
  }
}
