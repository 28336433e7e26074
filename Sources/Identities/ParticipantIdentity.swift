public import Foundation
public import SecureAggregation
import SwiftASN1
public import X509

/// Who a participant is, as its certificate says: the only place that an identity is ever taken from.
public struct ParticipantIdentity: Sendable, Hashable, Codable {
  public let name: String
  public let organisation: String
  /// The Ed25519 key that signs its messages of the averaging protocol.
  public let averagingKey: IdentityKey
  /// The certificate's serial number, hex.
  public let serial: String
  /// When the certificate becomes valid and stops being so.
  public let notBefore: Date
  public let notAfter: Date

  public init(
    name: String, organisation: String, averagingKey: IdentityKey, serial: String, notBefore: Date, notAfter: Date
  ) {
    self.name = name
    self.organisation = organisation
    self.averagingKey = averagingKey
    self.serial = serial
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// Reads a participant's certificate. This checks its form, not its signature: see ``PeerVerification``.
  ///
  /// - Throws: `.wrongRole` if the certificate is not a participant's, `.malformedCertificate` if it contradicts itself.
  public init(_ certificate: Certificate) throws(IdentityError) {
    let uris = certificate.alternativeURIs
    guard let participant = uris.only(withPrefix: Names.participantPrefix) else {
      throw .wrongRole(expected: "a participant", found: uris.first ?? "nobody that it names")
    }
    try Names.validate(name: participant)
    guard certificate.commonName == participant else {
      throw .malformedCertificate("common name and alternative name differ")
    }
    guard let organisation = certificate.organisationName else { throw .malformedCertificate("no organisation") }
    try Names.validate(organisation: organisation)
    guard let hex = uris.only(withPrefix: Names.averagingKeyPrefix), let bytes = [UInt8](hexadecimal: hex),
      let key = IdentityKey(bytes: bytes)
    else { throw .malformedCertificate("no averaging key") }
    self.init(
      name: participant, organisation: organisation, averagingKey: key,
      serial: Array(certificate.serialNumber.bytes).hexadecimal, notBefore: certificate.notValidBefore,
      notAfter: certificate.notValidAfter)
  }

  /// When the node should ask for its next certificate: after two thirds of this one's life.
  public var renewAfter: Date {
    notBefore.addingTimeInterval(notAfter.timeIntervalSince(notBefore) * 2 / 3)
  }
}

extension Certificate {
  /// The URIs among the subject alternative names, in order.
  var alternativeURIs: [String] {
    guard let names = try? extensions.subjectAlternativeNames else { return [] }
    return names.compactMap { name in
      if case .uniformResourceIdentifier(let uri) = name { uri } else { nil }
    }
  }

  var commonName: String? { attribute(.RDNAttributeType.commonName) }

  var organisationName: String? { attribute(.RDNAttributeType.organizationName) }

  /// The one value of a subject attribute; nil if there is none, or more than one.
  private func attribute(_ type: ASN1ObjectIdentifier) -> String? {
    let values = subject.flatMap { $0 }.filter { $0.type == type }
    guard values.count == 1 else { return nil }
    return String(values[0].value)
  }
}

extension [String] {
  /// What follows the prefix in the one element that has it; nil if none or several have it.
  fileprivate func only(withPrefix prefix: String) -> String? {
    let found = filter { $0.hasPrefix(prefix) }
    return found.count == 1 ? String(found[0].dropFirst(prefix.count)) : nil
  }
}
