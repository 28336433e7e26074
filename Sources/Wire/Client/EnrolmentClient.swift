import GRPCCore
import GRPCNIOTransportHTTP2Posix
public import Identities
import SecureAggregation

/// The one call of a node that is not a participant yet.
public enum EnrolmentClient {
  /// Enrols by an invitation: presents a self-signed certificate over the node's TLS key, trusts only the invitation's
  /// authority, and checks what it gets back.
  ///
  /// Fails at once if the coordinator is unreachable. May be repeated with the same invitation and keys.
  public static func enrol(_ invite: InviteLine, keys: NodeKeys) async throws -> Enrolment {
    let request: EnrolmentRequest
    let material: TLSMaterial
    do {
      request = try EnrolmentRequest(name: invite.name, token: invite.token, keys: keys)
      material = try keys.selfSigned(name: invite.name)
    } catch {
      throw WireError(error)
    }
    let address = CoordinatorAddress(invite)
    return try await ClientConnection.withParticipant(address, authority: invite.authority, material: material) {
      client, trust in
      let reply: Tributary_V1_EnrolReply
      do {
        reply = try await Tributary_V1_Enrolment.Client(wrapping: client)
          .enrol(.init(request, token: invite.token), options: .tributary(timeout: .seconds(30), waiting: false))
      } catch {
        if Task.isCancelled { throw CancellationError() }
        throw WireError(call: error, to: "\(address)", trust: trust)
      }
      let enrolment = try Enrolment(reply)
      try check(enrolment, invite: invite, keys: keys)
      return enrolment
    }
  }

  /// A certificate for another name or key would be of no use, and a sign of something worse.
  private static func check(_ enrolment: Enrolment, invite: InviteLine, keys: NodeKeys) throws(WireError) {
    let read = MessageReader("EnrolReply")
    guard Digest(sha256: enrolment.authority) == invite.authority else {
      throw read.fault("another authority's certificate")
    }
    let identity = enrolment.certificate.identity
    guard identity.name == invite.name else {
      throw .nameMismatch(certified: identity.name, declared: invite.name)
    }
    guard identity.averagingKey == keys.averaging.publicKey else { throw .keyMismatch(name: identity.name) }
  }
}
