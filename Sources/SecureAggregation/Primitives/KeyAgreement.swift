import COpenSSL

extension Primitives {
  /// X25519 (RFC 7748): the product of a scalar and a peer's point.
  ///
  /// - Returns: nil when the product is zero, which happens exactly for points of low order: anyone would know it.
  public static func x25519(_ scalar: Secret, _ point: [UInt8]) throws(AveragingError) -> Secret? {
    try requireSize(scalar.count, of: "X25519 private key")
    try requireSize(point.count, of: "X25519 public key")
    guard let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nil, scalar.bytes, 32) else {
      throw failure("X25519 private key")
    }
    defer { EVP_PKEY_free(key) }
    guard let peer = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nil, point, 32) else {
      throw failure("X25519 public key")
    }
    defer { EVP_PKEY_free(peer) }
    guard let context = EVP_PKEY_CTX_new(key, nil) else { throw failure("EVP_PKEY_CTX_new") }
    defer { EVP_PKEY_CTX_free(context) }
    guard EVP_PKEY_derive_init(context) == 1, EVP_PKEY_derive_set_peer(context, peer) == 1 else {
      throw failure("EVP_PKEY_derive_init")
    }
    var product = [UInt8](repeating: 0, count: 32)
    defer { cleanse(&product) }
    var count = product.count
    // OpenSSL refuses a zero product itself; the comparison stays for versions that do not.
    guard EVP_PKEY_derive(context, &product, &count) == 1 else {
      ERR_clear_error()
      return nil
    }
    guard count == 32 else { throw failure("EVP_PKEY_derive") }
    if constantTimeEquals(product, [UInt8](repeating: 0, count: 32)) { return nil }
    return Secret(product)
  }

  /// The point that belongs to a scalar.
  public static func x25519PublicKey(_ scalar: Secret) throws(AveragingError) -> [UInt8] {
    try requireSize(scalar.count, of: "X25519 private key")
    guard let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nil, scalar.bytes, 32) else {
      throw failure("X25519 private key")
    }
    defer { EVP_PKEY_free(key) }
    return try rawPublicKey(key)
  }

  static func rawPublicKey(_ key: OpaquePointer) throws(AveragingError) -> [UInt8] {
    var point = [UInt8](repeating: 0, count: 32)
    var count = point.count
    guard EVP_PKEY_get_raw_public_key(key, &point, &count) == 1, count == 32 else {
      throw failure("EVP_PKEY_get_raw_public_key")
    }
    return point
  }

  static func requireSize(_ found: Int, of what: String, expected: Int = 32) throws(AveragingError) {
    guard found == expected else { throw .wrongSize(of: what, expected: expected, found: found) }
  }
}
