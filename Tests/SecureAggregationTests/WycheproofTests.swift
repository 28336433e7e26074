import Testing

@testable import SecureAggregation

@Suite("Project Wycheproof")
struct WycheproofTests {
  struct Agreement: Decodable {
    var tcId: Int
    var `public`: String
    var `private`: String
    var shared: String
    var zero: Bool
  }

  @Test("X25519: every product is right, and a zero product is refused")
  func x25519() throws {
    let cases = try vectors("x25519", as: Agreement.self)
    #expect(cases.count == 518)
    for vector in cases {
      let product = try Primitives.x25519(Secret(hex(vector.private)), hex(vector.public))
      #expect(product?.bytes == (vector.zero ? nil : hex(vector.shared)), "case \(vector.tcId)")
    }
  }

  @Test("A coordinator refuses the advert of every point that gives a zero product")
  func lowOrder() throws {
    let points = Set(try vectors("x25519", as: Agreement.self).filter(\.zero).map(\.public))
    #expect(points.count >= 7)
    var rehearsal = try Rehearsal(3)
    try rehearsal.begin(0)
    let member = rehearsal.members[0]
    for point in points {
      for inMaskKey in [false, true] {
        var advert = member.round.advert.advert
        if inMaskKey { advert.maskKey = hex(point) } else { advert.shareKey = hex(point) }
        let signed = try SignedAdvert(advert, signer: member.signer)
        #expect(throws: AveragingError.lowOrderPoint(from: "bay")) {
          try rehearsal.coordinator.submit(signed, from: member.peer)
        }
      }
    }
    #expect(rehearsal.coordinator.advertCount == 0)
  }

  struct Signature: Decodable {
    var tcId: Int
    var key: String
    var message: String
    var signature: String
    var result: String
  }

  @Test("Ed25519: valid signatures verify and all others do not")
  func ed25519() throws {
    for vector in try vectors("ed25519", as: Signature.self) {
      let verified = Primitives.ed25519Verify(hex(vector.signature), hex(vector.message), key: hex(vector.key))
      #expect(verified == (vector.result == "valid"), "case \(vector.tcId)")
    }
  }

  struct Sealed: Decodable {
    var tcId: Int
    var key: String
    var iv: String
    var aad: String
    var msg: String
    var ct: String
    var tag: String
    var result: String
  }

  @Test("AES-256-GCM: valid boxes open and seal again, and all others stay shut")
  func gcm() throws {
    for vector in try vectors("aes256gcm", as: Sealed.self) {
      let key = Secret(hex(vector.key))
      let sealed = hex(vector.ct + vector.tag)
      let opened = try Primitives.aesGCMOpen(sealed, key: key, nonce: hex(vector.iv), authenticating: hex(vector.aad))
      #expect(opened == (vector.result == "valid" ? hex(vector.msg) : nil), "case \(vector.tcId)")
      if vector.result == "valid" {
        let made = try Primitives.aesGCMSeal(
          hex(vector.msg), key: key, nonce: hex(vector.iv), authenticating: hex(vector.aad))
        #expect(made == sealed, "case \(vector.tcId)")
      }
    }
  }

  struct Derivation: Decodable {
    var tcId: Int
    var ikm: String
    var salt: String
    var info: String
    var size: Int
    var okm: String
    var result: String
  }

  @Test("HKDF-SHA256: every output is right; those too long to exist are our own mistake to ask for")
  func hkdf() throws {
    let cases = try vectors("hkdf", as: Derivation.self)
    #expect(cases.count == 86)
    for vector in cases where vector.result == "valid" {
      let output = Primitives.hkdf(
        salt: hex(vector.salt), key: hex(vector.ikm), info: hex(vector.info), count: vector.size)
      #expect(output == hex(vector.okm), "case \(vector.tcId)")
    }
    #expect(cases.filter { $0.result != "valid" }.allSatisfy { $0.size > 255 * 32 })
  }
}
