import Foundation
public import Identities
import SecureAggregation
public import Wire

extension Coordinator: EnrolmentService {
  /// Issues a certificate for an invitation. The very same request may be repeated until the invitation would have expired,
  /// so that an answer that was lost can be asked for again; the token opens nothing else any more.
  public func enrol(_ request: EnrolmentRequest, token: InviteToken) async throws -> Enrolment {
    let requestDigest = Digest(sha256: request.certificateRequest + request.averagingKey.bytes)
    return try await ask { turn in
      let invitation = try turn.state.registry.invitation(
        tokenHash: token.digest, name: request.name, request: requestDigest, now: turn.now)
      let certificate = try self.issue(
        name: invitation.name, organisation: invitation.organisation, averagingKey: request.averagingKey,
        certificateRequest: request.certificateRequest, now: turn.now)
      let event = try turn.state.registry.enrol(
        invitation, averagingKey: request.averagingKey, request: requestDigest,
        certificateExpiresAt: certificate.identity.notAfter.timeIntervalSince1970, now: turn.now)
      try turn.record(.participant(event))
      return self.enrolment(certificate)
    }
  }

  /// The caller's certificate may have expired: the registry decides by its name and key, and by how much of its life has
  /// passed.
  public func renew(_ caller: Caller, certificateRequest: [UInt8]) async throws -> Enrolment {
    try await ask(as: caller) { turn in
      // Refused before anything is signed.
      let expires = turn.now + self.home.settings.certificateHours * 3600
      _ = try turn.state.registry.renew(caller.participant, certificateExpiresAt: expires, now: turn.now)
      let certificate = try self.issue(
        name: caller.name, organisation: caller.participant.organisation, averagingKey: caller.participant.averagingKey,
        certificateRequest: certificateRequest, now: turn.now)
      let event = try turn.state.registry.renew(
        caller.participant, certificateExpiresAt: certificate.identity.notAfter.timeIntervalSince1970, now: turn.now)
      try turn.record(.participant(event))
      return self.enrolment(certificate)
    }
  }

  public func leave(_ caller: Caller) async throws {
    try await ask(as: caller) { turn in
      try turn.record(.participant(try turn.state.registry.leave(name: caller.name, now: turn.now)))
      turn.presence.forget(caller.name)
    }
  }

  public func admit(_ participant: ParticipantIdentity) async throws {
    try await ask { turn in
      try turn.state.registry.admit(name: participant.name, averagingKey: participant.averagingKey)
    }
  }

  private func issue(
    name: String, organisation: String, averagingKey: IdentityKey, certificateRequest: [UInt8], now: Double
  ) throws(WireError) -> IssuedCertificate {
    do {
      return try authority.issueParticipant(
        name: name, organisation: organisation, averagingKey: averagingKey, certificateRequest: certificateRequest,
        lifetime: home.settings.certificateHours * 3600, now: Date(timeIntervalSince1970: now))
    } catch {
      throw .refused(name: "bad-request", message: error.description, suggestion: error.hint)
    }
  }

  private func enrolment(_ certificate: IssuedCertificate) -> Enrolment {
    Enrolment(certificate: certificate, authority: authority.certificateDER, coordinatorKey: signer.publicKey)
  }
}
