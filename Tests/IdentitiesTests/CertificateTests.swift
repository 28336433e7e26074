import Foundation
import SecureAggregation
import Testing
import X509

@testable import Identities

/// 2026-01-01 00:00:00 UTC, so that no test depends on the day.
let newYear = Date(timeIntervalSince1970: 1_767_225_600)

struct CertificateTests {
  let authority: CoordinatorAuthority
  let keys: NodeKeys

  init() throws {
    authority = try CoordinatorAuthority(now: newYear)
    keys = try NodeKeys()
  }

  func issue(name: String = "north", lifetime: TimeInterval = 86400) throws -> IssuedCertificate {
    try authority.issueParticipant(
      name: name, organisation: "North Hospital", averagingKey: keys.averaging.publicKey,
      certificateRequest: try keys.certificateRequest(name: name), lifetime: lifetime, now: newYear)
  }

  func judge(_ der: [UInt8], at now: Date = newYear, by other: CoordinatorAuthority? = nil) throws
    -> PeerVerification.Caller
  {
    try PeerVerification.caller(
      Certificate(derEncoded: der), authority: (other ?? authority).certificate, now: now)
  }

  @Test("A participant's certificate carries its name, organisation and averaging key, and is accepted")
  func participant() throws {
    let issued = try issue()
    #expect(issued.identity.name == "north")
    #expect(issued.identity.organisation == "North Hospital")
    #expect(issued.identity.averagingKey == keys.averaging.publicKey)
    #expect(try judge(issued.der) == .participant(issued.identity))
  }

  @Test("A certificate lasts 24 hours by default, from five minutes ago, and is renewed after two thirds of its life")
  func lifetimes() throws {
    let identity = try issue().identity
    #expect(identity.notBefore == newYear.addingTimeInterval(-300))
    #expect(identity.notAfter == newYear.addingTimeInterval(86400))
    #expect(identity.renewAfter == newYear.addingTimeInterval(-300 + 86700 * 2 / 3))
  }

  @Test("An expired certificate is refused by name and date")
  func expired() throws {
    let issued = try issue(lifetime: 60)
    #expect(try judge(issued.der, at: newYear.addingTimeInterval(60)) == .participant(issued.identity))
    #expect(throws: IdentityError.certificateExpired(name: "north", at: "2026-01-01T00:01:00Z")) {
      try judge(issued.der, at: newYear.addingTimeInterval(61))
    }
  }

  @Test("For renewal an expired certificate still says who calls; one of another authority, or of the future, does not")
  func expiredForRenewal() throws {
    let leaf = try Certificate(derEncoded: issue(lifetime: 60).der)
    let identity = try ParticipantIdentity(leaf)
    let late = newYear.addingTimeInterval(86_400 * 365)
    #expect(
      try PeerVerification.caller(leaf, authority: authority.certificate, now: late, acceptingExpired: true)
        == .participant(identity))
    #expect(throws: IdentityError.self) {
      try PeerVerification.caller(
        leaf, authority: CoordinatorAuthority(now: newYear).certificate, now: late, acceptingExpired: true)
    }
    #expect(throws: IdentityError.self) {
      try PeerVerification.caller(
        leaf, authority: authority.certificate, now: newYear.addingTimeInterval(-3600), acceptingExpired: true)
    }
  }

  @Test("A clock that is five minutes slow is tolerated, six are not")
  func skew() throws {
    let issued = try issue()
    _ = try judge(issued.der, at: newYear.addingTimeInterval(-300))
    #expect(throws: IdentityError.certificateNotYetValid(name: "north", from: "2025-12-31T23:55:00Z")) {
      try judge(issued.der, at: newYear.addingTimeInterval(-360))
    }
  }

  @Test("A certificate of another authority is refused")
  func otherAuthority() throws {
    let issued = try issue()
    #expect {
      try judge(issued.der, by: try CoordinatorAuthority(now: newYear))
    } throws: { error in
      if case .otherAuthority? = error as? IdentityError { true } else { false }
    }
  }

  @Test("A self-signed certificate is a stranger's, with the key of the request")
  func stranger() throws {
    let material = try keys.selfSigned(name: "north", now: newYear)
    let request = try CertificateRequest(der: try keys.certificateRequest(name: "north"))
    #expect(try judge(material.chain[0]) == .stranger(publicKey: Array(request.publicKey.subjectPublicKeyInfoBytes)))
  }

  @Test("The coordinator's own certificates are no participant's")
  func wrongRole() throws {
    let server = try authority.issueServer(now: newYear)
    for der in server.chain {
      #expect {
        try judge(der)
      } throws: { error in
        if case .wrongRole(expected: "a participant", _)? = error as? IdentityError { true } else { false }
      }
    }
  }

  @Test("A certificate with one bit changed is refused, whichever bit it is")
  func tampering() throws {
    let der = try issue().der
    for index in stride(from: 4, to: der.count, by: 7) {
      var changed = der
      changed[index] ^= 1
      guard let certificate = try? Certificate(derEncoded: changed) else { continue }
      #expect(throws: IdentityError.self) {
        try PeerVerification.caller(certificate, authority: authority.certificate, now: newYear)
      }
    }
  }

  @Test("The coordinator is recognised by the pinned authority and its role")
  func coordinator() throws {
    let chain = try authority.issueServer(now: newYear).chain
    #expect(
      try PeerVerification.coordinator(chain: chain, pinned: authority.digest, now: newYear) == authority.certificateDER
    )
  }

  @Test("A coordinator with another authority, a participant's certificate, or half a chain is refused")
  func impostors() throws {
    let other = try CoordinatorAuthority(now: newYear)
    let (ours, theirs) = (try authority.issueServer(now: newYear).chain, try other.issueServer(now: newYear).chain)
    #expect(throws: IdentityError.otherAuthority(expected: authority.digest.hex, found: other.digest.hex)) {
      try PeerVerification.coordinator(chain: theirs, pinned: authority.digest, now: newYear)
    }
    #expect(
      throws: IdentityError.otherAuthority(
        expected: authority.digest.hex, found: "a certificate that it did not sign")
    ) {
      try PeerVerification.coordinator(chain: [theirs[0], ours[1]], pinned: authority.digest, now: newYear)
    }
    #expect(throws: IdentityError.wrongRole(expected: "the coordinator", found: "tributary://participant/north")) {
      try PeerVerification.coordinator(chain: [try issue().der, ours[1]], pinned: authority.digest, now: newYear)
    }
    for chain in [[], [ours[0]], ours + [ours[1]], [[1, 2, 3], ours[1]]] {
      #expect(throws: IdentityError.self) {
        try PeerVerification.coordinator(chain: chain, pinned: authority.digest, now: newYear)
      }
    }
  }

  @Test("An authority is written once, privately, and loaded as the same one")
  func saved() throws {
    try withTemporaryDirectory { directory in
      try authority.save(in: directory)
      #expect(try CoordinatorAuthority(directory: directory).digest == authority.digest)
      #expect(throws: IdentityError.alreadyExists(path: "\(directory)/authority.key")) {
        try authority.save(in: directory)
      }
    }
  }

  @Test("An authority with another one's key is refused")
  func mismatched() throws {
    let other = try CoordinatorAuthority(now: newYear)
    #expect(throws: IdentityError.self) {
      try CoordinatorAuthority(certificatePEM: authority.certificatePEM, keyPEM: other.keyPEM)
    }
  }
}

func withTemporaryDirectory(_ body: (String) throws -> Void) throws {
  let url = FileManager.default.temporaryDirectory.appending(path: "tributary-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: url) }
  try body(url.path)
}
