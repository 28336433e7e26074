import COpenSSL

extension Primitives {
  /// AES-256-GCM (SP 800-38D): the ciphertext followed by its 16-byte tag.
  ///
  /// - Parameter nonce: 12 bytes. The protocol's keys seal one message each, and so use zero.
  public static func aesGCMSeal(
    _ plaintext: [UInt8], key: Secret, nonce: [UInt8] = [UInt8](repeating: 0, count: 12), authenticating data: [UInt8]
  ) throws(AveragingError) -> [UInt8] {
    try requireSize(key.count, of: "AES-256 key")
    try requireSize(nonce.count, of: "GCM nonce", expected: 12)
    guard let context = EVP_CIPHER_CTX_new() else { throw failure("EVP_CIPHER_CTX_new") }
    defer { EVP_CIPHER_CTX_free(context) }
    var count: Int32 = 0
    var output = [UInt8](repeating: 0, count: plaintext.count + 16)
    guard EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), nil, key.bytes, nonce) == 1,
      data.isEmpty || EVP_EncryptUpdate(context, nil, &count, data, Int32(data.count)) == 1,
      plaintext.isEmpty || EVP_EncryptUpdate(context, &output, &count, plaintext, Int32(plaintext.count)) == 1
    else { throw failure("AES-256-GCM encryption") }
    var rest: Int32 = 0
    let sealed = output.withUnsafeMutableBytes { buffer in
      let tag = buffer.baseAddress!.advanced(by: plaintext.count).assumingMemoryBound(to: UInt8.self)
      return EVP_EncryptFinal_ex(context, tag, &rest) == 1 && rest == 0
        && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, 16, tag) == 1
    }
    guard sealed else { throw failure("AES-256-GCM tag") }
    return output
  }

  /// Opens what ``aesGCMSeal(_:key:nonce:authenticating:)`` made; nil when the tag does not match.
  public static func aesGCMOpen(
    _ sealed: [UInt8], key: Secret, nonce: [UInt8] = [UInt8](repeating: 0, count: 12), authenticating data: [UInt8]
  ) throws(AveragingError) -> [UInt8]? {
    try requireSize(key.count, of: "AES-256 key")
    try requireSize(nonce.count, of: "GCM nonce", expected: 12)
    guard sealed.count >= 16 else { return nil }
    guard let context = EVP_CIPHER_CTX_new() else { throw failure("EVP_CIPHER_CTX_new") }
    defer { EVP_CIPHER_CTX_free(context) }
    let size = sealed.count - 16
    var tag = Array(sealed[size...])
    var count: Int32 = 0
    var plaintext = [UInt8](repeating: 0, count: sealed.count)
    guard EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), nil, key.bytes, nonce) == 1,
      data.isEmpty || EVP_DecryptUpdate(context, nil, &count, data, Int32(data.count)) == 1,
      size == 0 || EVP_DecryptUpdate(context, &plaintext, &count, sealed, Int32(size)) == 1,
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, 16, &tag) == 1
    else { throw failure("AES-256-GCM decryption") }
    var spare = [UInt8](repeating: 0, count: 16)
    guard EVP_DecryptFinal_ex(context, &spare, &count) == 1 else {
      cleanse(&plaintext)
      ERR_clear_error()
      return nil
    }
    plaintext.removeLast(16)
    return plaintext
  }
}
