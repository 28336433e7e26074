import Testing

@testable import SecureAggregation

@Suite("Primitives give the published vectors")
struct PrimitiveVectorTests {
  @Test("SHA-256: FIPS 180-4 examples")
  func sha256() {
    let vectors = [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
      ),
    ]
    for (message, digest) in vectors { #expect(Primitives.sha256(Array(message.utf8)) == hex(digest)) }
  }

  struct Hashed: Decodable {
    var message: String
    var digest: String
  }

  @Test("SHA-256: the short messages of NIST's validation program")
  func sha256Validation() throws {
    let cases = try vectors("sha256-cavp", as: Hashed.self)
    #expect(cases.count == 65)
    for vector in cases { #expect(Primitives.sha256(hex(vector.message)) == hex(vector.digest)) }
  }

  @Test("HMAC-SHA256: RFC 4231 cases 1 to 7")
  func hmac() {
    let long = [UInt8](repeating: 0xAA, count: 131)
    let vectors: [([UInt8], [UInt8], String)] = [
      (
        [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8),
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
      ),
      (
        Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
      ),
      (
        [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
      ),
      (
        (1...25).map { UInt8($0) }, [UInt8](repeating: 0xCD, count: 50),
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
      ),
      (
        long, Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
      ),
      (
        long,
        Array(
          ("This is a test using a larger than block-size key and a larger than block-size data. "
            + "The key needs to be hashed before being used by the HMAC algorithm.").utf8),
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
      ),
    ]
    for (key, message, code) in vectors { #expect(Primitives.hmac(key: key, message) == hex(code)) }
    // Case 5 is published cut to 128 bits.
    let truncated = Primitives.hmac(key: [UInt8](repeating: 0x0C, count: 20), Array("Test With Truncation".utf8))
    #expect(Array(truncated[..<16]) == hex("a3b6167473100ee06e0c796c2955552b"))
    #expect(Primitives.hmac(key: [], []) == Primitives.hmac(key: [UInt8](repeating: 0, count: 32), []))
  }

  @Test("HKDF-SHA256: RFC 5869 A.1 to A.3")
  func hkdf() {
    #expect(
      Primitives.hkdf(
        salt: hex("000102030405060708090a0b0c"), key: [UInt8](repeating: 0x0B, count: 22),
        info: hex("f0f1f2f3f4f5f6f7f8f9"), count: 42)
        == hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"))
    #expect(
      Primitives.hkdf(
        salt: (0x60...0xAF).map { UInt8($0) }, key: (0x00...0x4F).map { UInt8($0) },
        info: (0xB0...0xFF).map { UInt8($0) }, count: 82)
        == hex(
          """
          b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09
          da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87
          """))
    #expect(
      Primitives.hkdf(key: [UInt8](repeating: 0x0B, count: 22), info: [], count: 42)
        == hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"))
  }

  @Test("X25519: RFC 7748 section 5.2, with a thousand iterations")
  func x25519() throws {
    #expect(
      try Primitives.x25519(
        Secret(hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4")),
        hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))?.bytes
        == hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"))
    #expect(
      try Primitives.x25519(
        Secret(hex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d")),
        hex("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"))?.bytes
        == hex("95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"))
    var k = hex("0900000000000000000000000000000000000000000000000000000000000000")
    var u = k
    for iteration in 1...1000 {
      let next = try #require(try Primitives.x25519(Secret(k), u)).bytes
      u = k
      k = next
      if iteration == 1 { #expect(k == hex("422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079")) }
    }
    #expect(k == hex("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"))
  }

  @Test("X25519: RFC 7748 section 6.1")
  func diffieHellman() throws {
    let alice = Secret(hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
    let bob = Secret(hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
    let alicePoint = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    let bobPoint = hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
    let product = hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
    #expect(try Primitives.x25519PublicKey(alice) == alicePoint)
    #expect(try Primitives.x25519PublicKey(bob) == bobPoint)
    #expect(try Primitives.x25519(alice, bobPoint)?.bytes == product)
    #expect(try Primitives.x25519(bob, alicePoint)?.bytes == product)
  }

  @Test("Ed25519: RFC 8032 section 7.1, tests 1 to 3")
  func ed25519() throws {
    let vectors = [
      (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
        """
        e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b
        d25bf5f0595bbe24655141438e7a100b
        """
      ),
      (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
        """
        92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c
        387b2eaeb4302aeeb00d291612bb0c00
        """
      ),
      (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
        """
        6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659
        4a7c15e9716ed28dc027beceea1ec40a
        """
      ),
    ]
    for (seed, key, message, signature) in vectors {
      #expect(try Primitives.ed25519PublicKey(Secret(hex(seed))) == hex(key))
      #expect(try Primitives.ed25519Sign(hex(message), key: Secret(hex(seed))) == hex(signature))
      #expect(Primitives.ed25519Verify(hex(signature), hex(message), key: hex(key)))
      #expect(!Primitives.ed25519Verify(hex(signature), hex(message) + [0], key: hex(key)))
    }
  }

  @Test("AES-256-CTR: SP 800-38A F.5.5")
  func counterMode() throws {
    let key = Secret(hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"))
    let plaintext = hex(
      """
      6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
      30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710
      """)
    let ciphertext = hex(
      """
      601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5
      2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6
      """)
    let stream = try Keystream(key, counter: hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"))
    var output = [UInt8](repeating: 0, count: 64)
    // In two pieces: the stream goes on where it stopped.
    try output.withUnsafeMutableBytes { buffer in
      try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<20]))
      try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[20...]))
    }
    #expect(zip(output, plaintext).map(^) == ciphertext)
  }

  @Test("The protocol's keystream starts at block zero and counts big-endian")
  func keystream() throws {
    let zeroKey = [UInt8](repeating: 0, count: 32)
    let stream = try Primitives.keystream(key: zeroKey, count: 3 * 16_384 + 5)
    #expect(stream.count == 3 * 16_384 + 5)
    // Blocks 0 to 2 stand in McGrew and Viega's GCM cases 13 and 14: hash subkey, tag of nothing, ciphertext of zeros.
    #expect(
      Array(stream[..<48])
        == hex("dc95c078a2408989ad48a21492842087 530f8afbc74536b9a963b4f1c4cb738b cea7403d4d606b6e074ec5d3baf39d18"))
    // Blocks 255, 256 and 1024, across a carry and a piece, as pyca/cryptography has them.
    #expect(
      Array(stream[255 * 16..<257 * 16]) == hex("4d4f06c6f17c2903abc750b28eda2e34 c7e9d250998632d444356242ef04058d"))
    #expect(Array(stream[1024 * 16..<1025 * 16]) == hex("2facaa5fe35b228a16ac74088d702ec4"))
  }

  @Test("AES-256-GCM: McGrew and Viega's cases 13 to 16")
  func gcm() throws {
    let zeroKey = Secret([UInt8](repeating: 0, count: 32))
    #expect(
      try Primitives.aesGCMSeal([], key: zeroKey, authenticating: []) == hex("530f8afbc74536b9a963b4f1c4cb738b"))
    #expect(
      try Primitives.aesGCMSeal([UInt8](repeating: 0, count: 16), key: zeroKey, authenticating: [])
        == hex("cea7403d4d606b6e074ec5d3baf39d18 d0d1c8a799996bf0265b98b5d48ab919"))
    let key = Secret(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"))
    let nonce = hex("cafebabefacedbaddecaf888")
    let plaintext = hex(
      """
      d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
      1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255
      """)
    let ciphertext = hex(
      """
      522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa
      8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad
      """)
    #expect(
      try Primitives.aesGCMSeal(plaintext, key: key, nonce: nonce, authenticating: [])
        == ciphertext + hex("b094dac5d93471bdec1a502270e3cc6c"))
    let data = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    let sealed = Array(ciphertext[..<60]) + hex("76fc6ece0f4e1768cddf8853bb2d551b")
    #expect(
      try Primitives.aesGCMSeal(Array(plaintext[..<60]), key: key, nonce: nonce, authenticating: data) == sealed)
    #expect(
      try Primitives.aesGCMOpen(sealed, key: key, nonce: nonce, authenticating: data) == Array(plaintext[..<60]))
    for position in sealed.indices {
      var tampered = sealed
      tampered[position] ^= 1
      #expect(try Primitives.aesGCMOpen(tampered, key: key, nonce: nonce, authenticating: data) == nil)
    }
    #expect(try Primitives.aesGCMOpen([1, 2, 3], key: key, nonce: nonce, authenticating: []) == nil)
  }

  struct Sealed: Decodable {
    var key: String
    var iv: String
    var aad: String
    var pt: String?
    var ct: String
    var tag: String
  }

  @Test("AES-256-GCM: NIST's validation program, of each length of data and text")
  func gcmValidation() throws {
    let cases = try vectors("gcm-cavp", as: Sealed.self)
    #expect(cases.count == 100 && cases.contains { $0.pt == nil })
    for vector in cases {
      let key = Secret(hex(vector.key))
      let (nonce, data, sealed) = (hex(vector.iv), hex(vector.aad), hex(vector.ct + vector.tag))
      #expect(
        try Primitives.aesGCMOpen(sealed, key: key, nonce: nonce, authenticating: data) == vector.pt.map(hex))
      if let plaintext = vector.pt {
        #expect(
          try Primitives.aesGCMSeal(hex(plaintext), key: key, nonce: nonce, authenticating: data) == sealed)
      }
    }
  }
}
