import Foundation
import GRPCCore
import Identities
import SecureAggregation
import Testing

@testable import Wire

@Suite("Enrolment and identity over the wire")
struct EnrolmentTests {
  @Test("One line enrols a node, and its certificate is who it is from then on")
  func enrols() async throws {
    try await TestFederation.serving { federation in
      try await federation.enrolled("north") { client, node in
        #expect(node.enrolment.coordinatorKey == federation.coordinator.signer.publicKey)
        #expect(node.enrolment.certificate.identity.organisation == "north hospital")
        _ = try await client.nextInstruction(Poll(wait: .zero))
        let caller = try #require(await federation.coordinator.callers.first)
        #expect(caller.participant == node.enrolment.certificate.identity)
        #expect(caller.peer == node.peer)
      }
    }
  }

  @Test("A repeated enrolment with the same keys gets a certificate again")
  func repeats() async throws {
    try await TestFederation.serving { federation in
      let keys = try NodeKeys()
      let invite = try await federation.coordinator.invite("north", port: federation.port)
      let first = try await EnrolmentClient.enrol(invite, keys: keys)
      let second = try await EnrolmentClient.enrol(invite, keys: keys)
      #expect(first.certificate.identity.averagingKey == second.certificate.identity.averagingKey)
    }
  }

  @Test("A token that was never issued is refused")
  func forgedToken() async throws {
    try await TestFederation.serving { federation in
      let invite = try InviteLine(
        host: "127.0.0.1", port: federation.port, name: "north", authority: federation.coordinator.authority.digest,
        token: try InviteToken())
      await #expect(throws: WireError.unknownToken) { try await EnrolmentClient.enrol(invite, keys: try NodeKeys()) }
    }
  }

  @Test("A used token enrols nobody else")
  func usedToken() async throws {
    try await TestFederation.serving { federation in
      let invite = try await federation.coordinator.invite("north", port: federation.port)
      _ = try await EnrolmentClient.enrol(invite, keys: try NodeKeys())
      await #expect(throws: WireError.usedToken(name: "north")) {
        try await EnrolmentClient.enrol(invite, keys: try NodeKeys())
      }
    }
  }

  @Test("An expired token enrols nobody")
  func expiredToken() async throws {
    try await TestFederation.serving { federation in
      let invite = try await federation.coordinator.invite("north", port: federation.port, lifetime: 60)
      federation.coordinator.clock.advance(by: 61)
      await #expect(throws: WireError.expiredToken(name: "north")) {
        try await EnrolmentClient.enrol(invite, keys: try NodeKeys())
      }
    }
  }

  @Test("A token of another name is refused")
  func otherName() async throws {
    try await TestFederation.serving { federation in
      let invite = try await federation.coordinator.invite("north", port: federation.port)
      let renamed = try InviteLine(
        host: invite.host, port: invite.port, name: "south", authority: invite.authority, token: invite.token)
      await #expect(throws: WireError.nameMismatch(certified: "north", declared: "south")) {
        try await EnrolmentClient.enrol(renamed, keys: try NodeKeys())
      }
    }
  }

  @Test("A name that is enrolled cannot be enrolled again with another averaging key")
  func changedKey() async throws {
    try await TestFederation.serving { federation in
      try await federation.enrolled("north") { _, _ in }
      let invite = try await federation.coordinator.invite("north", port: federation.port)
      await #expect(throws: WireError.changedKey(name: "north")) {
        try await EnrolmentClient.enrol(invite, keys: try NodeKeys())
      }
    }
  }

  @Test("A request for another key than the connection's is refused, even with a good token")
  func otherConnectionKey() async throws {
    try await TestFederation.serving { federation in
      let (mine, stolen) = (try NodeKeys(), try NodeKeys())
      let invite = try await federation.coordinator.invite("north", port: federation.port)
      let request = try EnrolmentRequest(name: "north", token: invite.token, keys: stolen)
      let error = try await federation.raw(try mine.selfSigned(name: "north")) { client, _ in
        try await failure {
          _ = try await Tributary_V1_Enrolment.Client(wrapping: client).enrol(.init(request, token: invite.token))
        }
      }
      #expect(error == .connectionKeyMismatch)
    }
  }

  @Test("A proof that does not verify is refused before the token is looked at")
  func badProof() async throws {
    try await TestFederation.serving { federation in
      let keys = try NodeKeys()
      let invite = try await federation.coordinator.invite("north", port: federation.port)
      let request = try EnrolmentRequest(name: "north", token: try InviteToken(), keys: keys)
      let error = try await federation.raw(try keys.selfSigned(name: "north")) { client, _ in
        try await failure {
          _ = try await Tributary_V1_Enrolment.Client(wrapping: client).enrol(.init(request, token: invite.token))
        }
      }
      #expect(error == .badProof)
    }
  }

  @Test("A stranger may enrol and nothing else")
  func stranger() async throws {
    try await TestFederation.serving { federation in
      let keys = try NodeKeys()
      try await federation.connected(try keys.selfSigned(name: "north")) { client in
        let request = try keys.certificateRequest(name: "north")
        let calls: [@Sendable () async throws -> Void] = [
          { _ = try await client.nextInstruction(Poll(wait: .zero)) },
          { try await client.advertise(round: 1, Samples.advert(Samples.peers[0])) },
          { try await client.submitShares(round: 1, Samples.shares) },
          { try await client.submitUpload(round: 1, Samples.upload(8)) },
          { try await client.submitUpload(round: 1, Samples.upload(Limits.inlineBytes + 1)) },
          { try await client.confirm(round: 1, Samples.confirmation) },
          { try await client.unmask(round: 1, Samples.answer) },
          { try await client.decline(round: 1, reason: "no") },
          { _ = try await client.offeredPlans() },
          { _ = try await client.closes(run: "hearts-1", after: 0) },
          { _ = try await client.fetchBlob(Samples.digest(1), limit: 10) },
          { _ = try await client.renew(certificateRequest: request) },
          { try await client.leave() },
        ]
        for call in calls { await #expect(throws: WireError.notEnrolled) { try await call() } }
      }
      #expect(await federation.coordinator.received.isEmpty)
    }
  }

  @Test("A certificate of another authority is refused, with both named")
  func otherAuthority() async throws {
    try await TestFederation.serving { federation in
      let keys = try NodeKeys()
      let other = try CoordinatorAuthority()
      let foreign = try other.issueParticipant(
        name: "north", organisation: "North", averagingKey: keys.averaging.publicKey,
        certificateRequest: try keys.certificateRequest(name: "north"))
      try await federation.connected(keys.material(certificate: foreign)) { client in
        let error = try await failure { _ = try await client.offeredPlans() }
        guard case .otherAuthority(let expected, _) = error else {
          Issue.record("found \(error)")
          return
        }
        #expect(expected == federation.coordinator.authority.digest.hex)
      }
    }
  }

  @Test("A revocation takes effect at the next call of an open connection and disturbs nobody else")
  func revoked() async throws {
    try await TestFederation.serving { federation in
      try await federation.enrolled("north") { north, _ in
        try await federation.enrolled("south") { south, _ in
          _ = try await north.offeredPlans()
          await federation.coordinator.revoke("north")
          await #expect(throws: WireError.revoked(name: "north")) { _ = try await north.offeredPlans() }
          _ = try await south.offeredPlans()
        }
      }
    }
  }

  @Test("A certificate that expires on an open connection is refused by name and date; renewing in time prevents it")
  func expires() async throws {
    let clock = TestClock()
    try await TestFederation.serving(try TestCoordinator(clock: clock)) { federation in
      let (renewed, node) = try await federation.enrolled("north") { client, node in
        clock.advance(by: 20 * 3600)
        let renewed = try await client.renew(certificateRequest: try node.keys.certificateRequest(name: "north"))
        clock.advance(by: 5 * 3600)
        let error = try await failure { _ = try await client.offeredPlans() }
        let expiry = node.enrolment.certificate.identity.notAfter.ISO8601Format()
        #expect(error == .certificateExpired(name: "north", at: expiry))
        return (renewed, node)
      }
      #expect(renewed.certificate.identity.averagingKey == node.peer.key)
      try await federation.connected(node.keys.material(certificate: renewed.certificate)) { client in
        _ = try await client.offeredPlans()
      }
    }
  }

  @Test("An expired certificate may ask for the next one and for nothing else; once revoked it may not even that")
  func renewsLate() async throws {
    let clock = TestClock()
    try await TestFederation.serving(try TestCoordinator(clock: clock)) { federation in
      let (renewed, node) = try await federation.enrolled("north") { client, node in
        clock.advance(by: 72 * 3600)
        let expired = WireError.certificateExpired(
          name: "north", at: node.enrolment.certificate.identity.notAfter.ISO8601Format())
        await #expect(throws: expired) { _ = try await client.nextInstruction(Poll(wait: .zero)) }
        await #expect(throws: expired) { try await client.leave() }
        return (try await client.renew(certificateRequest: node.keys.certificateRequest(name: "north")), node)
      }
      #expect(renewed.certificate.identity.averagingKey == node.peer.key)
      try await federation.connected(node.keys.material(certificate: renewed.certificate)) { client in
        _ = try await client.offeredPlans()
      }
      await federation.coordinator.revoke("north")
      _ = try await federation.connected(node.keys.material(certificate: node.enrolment.certificate)) { client in
        await #expect(throws: WireError.revoked(name: "north")) {
          _ = try await client.renew(certificateRequest: node.keys.certificateRequest(name: "north"))
        }
      }
    }
  }

  @Test("A node that leaves is refused from then on, and leaving again is not an error")
  func leaves() async throws {
    try await TestFederation.serving { federation in
      try await federation.enrolled("north") { client, _ in
        try await client.leave()
        await #expect(throws: WireError.revoked(name: "north")) { _ = try await client.offeredPlans() }
        try await client.leave()
      }
    }
  }

  @Test("A participant does not talk to a coordinator that its invitation does not name")
  func otherCoordinator() async throws {
    try await TestFederation.serving { federation in
      let keys = try NodeKeys()
      let elsewhere = try CoordinatorAuthority().digest
      let invite = try InviteLine(
        host: "127.0.0.1", port: federation.port, name: "north", authority: elsewhere, token: try InviteToken())
      let error = try await failure { _ = try await EnrolmentClient.enrol(invite, keys: keys) }
      let found = federation.coordinator.authority.digest.hex
      #expect(
        error
          == .untrustedCoordinator(
            reason: "certificate of another authority: expected sha256:\(elsewhere.hex), found sha256:\(found)"))
    }
  }

  @Test("An unreachable coordinator is named with its address, at once")
  func unreachable() async throws {
    // The port of a server that has stopped.
    let port = try await TestFederation.serving { $0.port }
    let invite = try InviteLine(
      host: "127.0.0.1", port: port, name: "north", authority: Samples.digest(1), token: try InviteToken())
    let keys = try NodeKeys()
    let error = try await failure { _ = try await EnrolmentClient.enrol(invite, keys: keys) }
    #expect(error == .unreachable(address: "127.0.0.1:\(port)", reason: "connection refused"))
  }

  @Test("A port that is in use is named")
  func portInUse() async throws {
    try await TestFederation.serving { federation in
      let second = try ParticipantServer(
        host: "127.0.0.1", port: federation.port, authority: federation.coordinator.authority,
        enrolment: federation.coordinator, rounds: federation.coordinator)
      let error = try await failure { try await second.run() }
      #expect(error == .portInUse(address: "127.0.0.1:\(federation.port)"))
    }
  }

  @Test("Another protocol version, or none, is refused on every call")
  func protocolVersion() async throws {
    try await TestFederation.serving { federation in
      let material = try NodeKeys().selfSigned(name: "north")
      try await federation.raw(material) { client, _ in
        // The client's own interceptor adds version 1, so there are two here.
        let error = try await failure {
          _ = try await Tributary_V1_Rounds.Client(wrapping: client)
            .offeredPlans(.init(), metadata: ["tributary-protocol": "2"])
        }
        #expect(error == .protocolVersion(expected: "1", found: "2, 1"))
      }
    }
  }
}

extension TestFederation {
  /// A connection without the client's own checks, to send what it never would.
  func raw<Result: Sendable>(
    _ material: TLSMaterial, _ body: (GRPCClient<Transport>, CoordinatorTrust) async throws -> Result
  ) async throws -> Result {
    try await ClientConnection.withParticipant(
      address, authority: coordinator.authority.digest, material: material, body)
  }
}

/// The named error that a call fails with.
func failure(_ body: () async throws -> Void) async throws -> WireError {
  do {
    try await body()
  } catch let error as WireError {
    return error
  } catch let error as RPCError {
    return WireError(error) ?? .failed(reason: "unnamed: \(error)")
  }
  return .failed(reason: "it did not fail")
}
