public import Identities
public import SecureAggregation

/// The coordinator's side of `Enrolment`.
public protocol EnrolmentService: Sendable {
  /// Enrols a node. The server has checked both proofs of possession and that the connection's key is the request's.
  ///
  /// - Throws: ``WireError/unknownToken``, ``WireError/usedToken(name:)``, ``WireError/expiredToken(name:)``,
  ///   ``WireError/nameMismatch(certified:declared:)`` or ``WireError/changedKey(name:)``.
  func enrol(_ request: EnrolmentRequest, token: InviteToken) async throws -> Enrolment

  /// A new certificate for the caller, over the key of the (checked) request; name, organisation and averaging key stay.
  ///
  /// The caller's certificate may have expired.
  func renew(_ caller: Caller, certificateRequest: [UInt8]) async throws -> Enrolment

  /// Revokes the caller's own certificate.
  func leave(_ caller: Caller) async throws

  /// Asked before every call of a participant: returns if it is still one.
  ///
  /// - Throws: ``WireError/revoked(name:)``; ``WireError/changedKey(name:)`` for a key that is no longer the name's.
  func admit(_ participant: ParticipantIdentity) async throws
}

/// A participant's certificate and what it needs to trust the coordinator.
public struct Enrolment: Sendable, Hashable {
  public var certificate: IssuedCertificate
  /// The authority's certificate, DER.
  public var authority: [UInt8]
  /// Signs round plans and closes; nodes pin it.
  public var coordinatorKey: IdentityKey

  public init(certificate: IssuedCertificate, authority: [UInt8], coordinatorKey: IdentityKey) {
    self.certificate = certificate
    self.authority = authority
    self.coordinatorKey = coordinatorKey
  }
}
