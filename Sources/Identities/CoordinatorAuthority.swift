import enum Crypto.P256
public import Foundation
public import SecureAggregation
import SwiftASN1
public import X509

/// A coordinator's own certificate authority: the root that participants pin, and the issuer of everyone's certificates.
///
/// One P-256 key, one self-signed certificate of ten years, no intermediate. The authority signs certificates, never a
/// message of a round: those are signed by the coordinator's Ed25519 key.
public struct CoordinatorAuthority: Sendable {
  private let key: P256.Signing.PrivateKey
  public let certificate: Certificate
  /// The certificate's bytes, as participants receive and pin them.
  public let certificateDER: [UInt8]

  /// How far two machines' clocks may differ before a fresh certificate is refused.
  public static let clockSkew: TimeInterval = 5 * 60
  public static let lifetime: TimeInterval = 10 * 365 * 86400
  public static let participantLifetime: TimeInterval = 86400

  /// Creates a new authority.
  public init(now: Date = Date()) throws(IdentityError) {
    let key = P256.Signing.PrivateKey()
    self.key = key
    do {
      let name = try DistinguishedName {
        CommonName("tributary coordinator")
        OrganizationName("tributary")
      }
      certificate = try Certificate(
        version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey),
        notValidBefore: now.addingTimeInterval(-Self.clockSkew), notValidAfter: now.addingTimeInterval(Self.lifetime),
        issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
        extensions: try Certificate.Extensions {
          Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
          Critical(KeyUsage(keyCertSign: true, cRLSign: true))
          SubjectKeyIdentifier(hash: Certificate.PublicKey(key.publicKey))
        },
        issuerPrivateKey: .init(key))
      certificateDER = try certificate.derBytes()
    } catch {
      throw .malformedCertificate("\(error)")
    }
  }

  /// Loads an authority from its two PEM texts.
  public init(certificatePEM: String, keyPEM: String) throws(IdentityError) {
    do {
      certificate = try Certificate(pemEncoded: certificatePEM)
      key = try P256.Signing.PrivateKey(pemRepresentation: keyPEM)
      certificateDER = try certificate.derBytes()
    } catch {
      throw .malformedCertificate("not a PEM certificate and its P-256 key")
    }
    guard certificate.publicKey == Certificate.PublicKey(key.publicKey) else {
      throw .malformedCertificate("the authority's certificate is over another key")
    }
  }

  /// Loads the authority that ``save(in:)`` wrote.
  public init(directory: String) throws(IdentityError) {
    try self.init(
      certificatePEM: try PrivateFile.readText("\(directory)/\(Self.certificateFile)", secret: false),
      keyPEM: try PrivateFile.readText("\(directory)/\(Self.keyFile)", secret: true))
  }

  /// Writes `authority.pem` and `authority.key` (0600) into a directory, which must hold neither.
  public func save(in directory: String) throws(IdentityError) {
    try PrivateFile.create("\(directory)/\(Self.keyFile)", contents: Array(keyPEM.utf8))
    try PrivateFile.create("\(directory)/\(Self.certificateFile)", contents: Array(certificatePEM.utf8))
  }

  static let certificateFile = "authority.pem"
  static let keyFile = "authority.key"

  /// SHA-256 of the certificate: the `ca` of an invitation.
  public var digest: Digest { Digest(sha256: certificateDER) }

  public var certificatePEM: String { PEMDocument(type: "CERTIFICATE", derBytes: certificateDER).pemString + "\n" }

  /// The private key. A secret: only for ``save(in:)`` and tests.
  var keyPEM: String { key.pemRepresentation + "\n" }

  /// A certificate for the coordinator's own port, over a new key.
  ///
  /// Issued anew each time the coordinator starts, for as long as the authority lives: its key is as safe as the
  /// authority's own, which lies beside it. Participants recognise the coordinator by the role in it and by its issuer, so
  /// no real host name stands in it and the coordinator may move.
  public func issueServer(now: Date = Date()) throws(IdentityError) -> TLSMaterial {
    let serverKey = P256.Signing.PrivateKey()
    let leaf = try issue(
      publicKey: .init(serverKey.publicKey), commonName: "tributary coordinator", organisation: "tributary",
      uris: [Names.coordinatorURI], host: Names.coordinatorHost, usage: .serverAuth, from: now,
      until: certificate.notValidAfter)
    return TLSMaterial(chain: [leaf, certificateDER], keyPEM: serverKey.pemRepresentation)
  }

  /// A participant's certificate over the key of a checked request (``EnrolmentRequest/verify(token:)``).
  public func issueParticipant(
    name: String, organisation: String, averagingKey: IdentityKey, certificateRequest: [UInt8],
    lifetime: TimeInterval = participantLifetime, now: Date = Date()
  ) throws(IdentityError) -> IssuedCertificate {
    try Names.validate(name: name)
    try Names.validate(organisation: organisation)
    let request = try CertificateRequest(der: certificateRequest)
    let der = try issue(
      publicKey: request.publicKey, commonName: name, organisation: organisation,
      uris: [Names.participantPrefix + name, Names.averagingKeyPrefix + averagingKey.bytes.hexadecimal],
      usage: .clientAuth, from: now, until: min(now.addingTimeInterval(lifetime), certificate.notValidAfter))
    return try IssuedCertificate(der: der)
  }

  private func issue(
    publicKey: Certificate.PublicKey, commonName: String, organisation: String, uris: [String], host: String? = nil,
    usage: ExtendedKeyUsage.Usage, from: Date, until: Date
  ) throws(IdentityError) -> [UInt8] {
    do {
      let issued = try Certificate(
        version: .v3, serialNumber: .init(), publicKey: publicKey,
        notValidBefore: from.addingTimeInterval(-Self.clockSkew), notValidAfter: until,
        issuer: certificate.subject,
        subject: try DistinguishedName {
          CommonName(commonName)
          OrganizationName(organisation)
        },
        signatureAlgorithm: .ecdsaWithSHA256,
        extensions: try Certificate.Extensions {
          Critical(BasicConstraints.notCertificateAuthority)
          Critical(KeyUsage(digitalSignature: true))
          try ExtendedKeyUsage([usage])
          SubjectAlternativeNames(uris.map { .uniformResourceIdentifier($0) } + (host.map { [.dnsName($0)] } ?? []))
          AuthorityKeyIdentifier(keyIdentifier: try certificate.extensions.subjectKeyIdentifier?.keyIdentifier)
        },
        issuerPrivateKey: .init(key))
      return try issued.derBytes()
    } catch {
      throw .malformedCertificate("\(error)")
    }
  }
}

/// A participant's certificate and what it says.
public struct IssuedCertificate: Sendable, Hashable {
  public let der: [UInt8]
  public let identity: ParticipantIdentity

  /// Reads a certificate that an authority issued. See ``PeerVerification`` for whether to trust it.
  public init(der: [UInt8]) throws(IdentityError) {
    self.der = der
    identity = try ParticipantIdentity(Certificate(checking: der))
  }
}

/// A certificate chain, leaf first, and the leaf's private key: what one side of a TLS connection presents.
public struct TLSMaterial: Sendable, CustomStringConvertible {
  /// DER, leaf first.
  public let chain: [[UInt8]]
  /// The leaf's private key, PEM. A secret.
  public let keyPEM: String

  public init(chain: [[UInt8]], keyPEM: String) {
    self.chain = chain
    self.keyPEM = keyPEM
  }

  /// Says only how many certificates there are: the key is a secret.
  public var description: String { "TLS material (\(chain.count) certificates and a private key)" }
}

extension Certificate {
  /// Parses DER, with an error of ours.
  init(checking der: [UInt8]) throws(IdentityError) {
    do {
      self = try Certificate(derEncoded: der)
    } catch {
      throw .malformedCertificate("not an X.509 certificate in DER")
    }
  }

  func derBytes() throws -> [UInt8] {
    var serializer = DER.Serializer()
    try serializer.serialize(self)
    return serializer.serializedBytes
  }
}
