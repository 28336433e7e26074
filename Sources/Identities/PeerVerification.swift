public import Foundation
public import SecureAggregation
public import X509

/// Who stands at the other end of a TLS connection, judged by the certificates that it presented.
///
/// TLS has proved that the peer holds the leaf's private key; everything else is checked here, on both sides, so that the
/// reasons have names. The authority issues leaves directly, so a chain is a leaf and, from the coordinator, the authority.
public enum PeerVerification {
  /// What a coordinator makes of a caller.
  public enum Caller: Sendable, Hashable {
    /// A certificate of this coordinator's authority, valid now.
    case participant(ParticipantIdentity)
    /// A self-signed certificate: a node that has yet to enrol. The key is the certificate's (SubjectPublicKeyInfo, DER).
    case stranger(publicKey: [UInt8])
  }

  /// Judges a caller's certificate.
  ///
  /// - Parameter acceptingExpired: Lets one pass that was valid once: for renewal, which a node that was away for longer than
  ///   its certificate's life has to ask for under its old name and key. Whether that name and key may still call is the
  ///   registry's to say.
  /// - Throws: `.otherAuthority`, `.certificateExpired`, `.certificateNotYetValid`, `.wrongRole` or
  ///   `.malformedCertificate`.
  public static func caller(
    _ leaf: Certificate, authority: Certificate, now: Date = Date(), acceptingExpired: Bool = false
  ) throws(IdentityError) -> Caller {
    if leaf.issuer == authority.subject, authority.publicKey.isValidSignature(leaf.signature, for: leaf) {
      guard leaf != authority else { throw .wrongRole(expected: "a participant", found: "the authority") }
      let identity = try ParticipantIdentity(leaf)
      try checkDates(leaf, name: identity.name, now: now, acceptingExpired: acceptingExpired)
      try checkUsage(leaf, .clientAuth, role: "a participant")
      return .participant(identity)
    }
    if leaf.issuer == leaf.subject, leaf.publicKey.isValidSignature(leaf.signature, for: leaf) {
      return .stranger(publicKey: Array(leaf.publicKey.subjectPublicKeyInfoBytes))
    }
    throw .otherAuthority(expected: digest(authority).hex, found: "unknown, issuer \(leaf.issuer)")
  }

  /// Judges the chain that a coordinator presented against the authority that the node pinned.
  ///
  /// No host name is compared: the role in the certificate and the pinned issuer identify the coordinator wherever it is.
  ///
  /// - Returns: The authority's certificate, DER.
  @discardableResult
  public static func coordinator(
    chain: [[UInt8]], pinned: Digest, now: Date = Date()
  ) throws(IdentityError) -> [UInt8] {
    guard chain.count == 2 else {
      throw .malformedCertificate(
        "\(chain.count) certificates from the coordinator, expected its own and its authority's")
    }
    let found = Digest(sha256: chain[1])
    guard found == pinned else { throw .otherAuthority(expected: pinned.hex, found: found.hex) }
    let authority = try Certificate(checking: chain[1])
    let leaf = try Certificate(checking: chain[0])
    try checkDates(authority, name: "the coordinator's authority", now: now)
    guard leaf.issuer == authority.subject, authority.publicKey.isValidSignature(leaf.signature, for: leaf) else {
      throw .otherAuthority(expected: pinned.hex, found: "a certificate that it did not sign")
    }
    let uris = leaf.alternativeURIs
    guard uris == [Names.coordinatorURI] else {
      throw .wrongRole(expected: "the coordinator", found: uris.first ?? "nobody that it names")
    }
    try checkDates(leaf, name: "the coordinator", now: now)
    try checkUsage(leaf, .serverAuth, role: "the coordinator")
    return chain[1]
  }

  private static func checkDates(
    _ certificate: Certificate, name: String, now: Date, acceptingExpired: Bool = false
  ) throws(IdentityError) {
    guard acceptingExpired || now <= certificate.notValidAfter else {
      throw .certificateExpired(name: name, at: certificate.notValidAfter.ISO8601Format())
    }
    guard now >= certificate.notValidBefore else {
      throw .certificateNotYetValid(name: name, from: certificate.notValidBefore.ISO8601Format())
    }
  }

  private static func checkUsage(
    _ certificate: Certificate, _ usage: ExtendedKeyUsage.Usage, role: String
  ) throws(IdentityError) {
    let usages = try? certificate.extensions.extendedKeyUsage
    guard let usages, usages.contains(usage) else { throw .wrongRole(expected: role, found: "another use of keys") }
    let constraints = try? certificate.extensions.basicConstraints
    guard constraints == .notCertificateAuthority else { throw .wrongRole(expected: role, found: "an authority") }
  }

  private static func digest(_ certificate: Certificate) -> Digest {
    Digest(sha256: (try? certificate.derBytes()) ?? [])
  }
}
