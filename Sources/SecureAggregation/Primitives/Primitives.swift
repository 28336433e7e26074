import COpenSSL

/// The cryptographic primitives of the protocol, all from OpenSSL's libcrypto.
///
/// Every return value of OpenSSL is looked at. Hashing and HMAC can fail only for want of memory or of a working
/// library, and trap then, as Swift does when an array cannot be allocated; everything that depends on input throws.
public enum Primitives {
  /// SHA-256 (FIPS 180-4).
  public static func sha256(_ message: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 0
    guard EVP_Digest(message, message.count, &digest, &count, EVP_sha256(), nil) == 1, count == 32 else {
      preconditionFailure("libcrypto cannot compute SHA-256")
    }
    return digest
  }

  /// HMAC-SHA256 (RFC 2104).
  public static func hmac(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 0
    // HMAC pads its key with zeros, so one zero byte is the empty key; OpenSSL reads an absent key as "the last one".
    let key = key.isEmpty ? [0] : key
    guard HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &code, &count) != nil, count == 32 else {
      preconditionFailure("libcrypto cannot compute HMAC-SHA256")
    }
    return code
  }

  /// HKDF-SHA256 (RFC 5869), extract and expand.
  ///
  /// - Parameter count: Bytes wanted, at most 255 * 32.
  public static func hkdf(salt: [UInt8] = [], key: [UInt8], info: [UInt8], count: Int = 32) -> [UInt8] {
    precondition(count <= 255 * 32, "HKDF-SHA256 gives at most 8,160 bytes")
    var pseudorandomKey = hmac(key: salt, key)
    defer { cleanse(&pseudorandomKey) }
    // Nothing grows, since an array that does leaves what it held behind.
    var output: [UInt8] = []
    output.reserveCapacity(count)
    var input: [UInt8] = info + [1]
    while output.count < count {
      var block = hmac(key: pseudorandomKey, input)
      output.append(contentsOf: block[..<min(32, count - output.count)])
      cleanse(&input)
      let counter = UInt8(truncatingIfNeeded: output.count / 32 + 1)
      input = [UInt8](unsafeUninitializedCapacity: 32 + info.count + 1) { buffer, filled in
        _ = buffer.initialize(fromContentsOf: block)
        _ = buffer[32...].initialize(fromContentsOf: info)
        buffer[32 + info.count] = counter
        filled = buffer.count
      }
      cleanse(&block)
    }
    cleanse(&input)
    return output
  }

  /// Bytes from OpenSSL's generator, which the operating system seeds.
  public static func randomBytes(_ count: Int) throws(AveragingError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    guard RAND_bytes(&bytes, Int32(count)) == 1 else { throw failure("RAND_bytes") }
    return bytes
  }

  /// Compares without stopping at the first difference; the lengths are not secret.
  public static func constantTimeEquals(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
  }

  /// Overwrites bytes, or words, in a way that the compiler cannot leave out. Copies that share the array keep theirs.
  public static func cleanse<Element: FixedWidthInteger>(_ values: inout [Element]) {
    values.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
  }

  /// What OpenSSL refused, with its error queue emptied so that a later call does not inherit it.
  static func failure(_ operation: String) -> AveragingError {
    ERR_clear_error()
    return .cryptography(operation)
  }
}
