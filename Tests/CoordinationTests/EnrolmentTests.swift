import Coordination
import Federation
import Identities
import SecureAggregation
import Testing
import Wire

@Suite("Enrolment and refusals", .timeLimit(.minutes(5)))
struct EnrolmentTests {
  @Test("A token enrols once; the same request may be repeated, another key is refused")
  func tokens() async throws {
    let coordinator = try TestCoordinator()
    try await coordinator.serving { client in
      let node = try await ScriptedNode(0, operator: client)
      #expect(node.enrolment.certificate.identity.organisation == "organisation 0")
      let other = try NodeKeys()
      await #expect(throws: WireError.usedToken(name: "node-0")) {
        _ = try await EnrolmentClient.enrol(node.invite, keys: other)
      }
      let forged = try InviteLine(
        host: node.invite.host, port: node.invite.port, name: "node-0", authority: node.invite.authority,
        token: InviteToken())
      await #expect(throws: WireError.unknownToken) { _ = try await EnrolmentClient.enrol(forged, keys: other) }
      let second = try InviteLine(
        try await client.invite(name: "late", organisation: "Late", lifetime: .seconds(10)).line)
      coordinator.clock.advance(by: 10)
      await #expect(throws: WireError.expiredToken(name: "late")) {
        _ = try await EnrolmentClient.enrol(second, keys: other)
      }
      await #expect(throws: WireError.alreadyEnrolled(name: "node-0")) {
        _ = try await client.invite(name: "node-0", organisation: "Again", lifetime: nil)
      }
    }
  }

  @Test("Who is revoked is refused at its next call; a certificate of its name's new key does not bring it back")
  func revoking() async throws {
    let coordinator = try TestCoordinator()
    try await coordinator.serving { client in
      let node = try await ScriptedNode(0, operator: client)
      try await node.connected { participant in
        _ = try await participant.offeredPlans()
        try await client.revoke(name: "node-0")
        await #expect(throws: WireError.revoked(name: "node-0")) { _ = try await participant.offeredPlans() }
      }
      let again = try InviteLine(try await client.invite(name: "node-0", organisation: "New", lifetime: nil).line)
      // The revoked averaging key stays barred.
      await #expect(throws: WireError.self) { _ = try await EnrolmentClient.enrol(again, keys: node.keys) }
      _ = try await EnrolmentClient.enrol(again, keys: try NodeKeys())
      try await node.connected { participant in
        await #expect(throws: WireError.revoked(name: "node-0")) { _ = try await participant.offeredPlans() }
      }
      await #expect(throws: WireError.unknownParticipant("nobody")) { try await client.revoke(name: "nobody") }
    }
  }

  @Test("A restarted coordinator remembers who is enrolled and who is not")
  func restart() async throws {
    let coordinator = try TestCoordinator()
    let nodes = try await coordinator.serving { client in
      let nodes = [try await ScriptedNode(0, operator: client), try await ScriptedNode(1, operator: client)]
      try await nodes[1].connected { try await $0.leave() }
      return nodes
    }
    try await coordinator.serving { client in
      #expect(try await client.participants().map(\.membership) == [.enrolled, .left])
      _ = try await nodes[0].connected { node in try await node.offeredPlans() }
      await #expect(throws: WireError.revoked(name: "node-1")) {
        _ = try await nodes[1].connected { try await $0.offeredPlans() }
      }
    }
  }

  @Test("What is wrong with a message is said by name, and changes neither the round nor the model")
  func refusals() async throws {
    let coordinator = try TestCoordinator()
    try await coordinator.serving { client in
      let nodes = try await ScriptedNode.enrolled(4, operator: client)
      let collecting = Gate()
      try await withParticipants(nodes) { _, instruction in
        guard case .upload = instruction.step else { return }
        await collecting.pass()
      } _: {
        let run = try await client.submitRun(plan: try RunPlan.scripted(rounds: 1).canonicalBytes)
        await collecting.arrived(4)
        let before = try await client.run(run)
        let round = try #require(before.current?.roundID)
        let stranger = try await ScriptedNode(9, operator: client)
        let confirmation = Confirmation(rank: 0, signature: [UInt8](repeating: 0, count: 64))
        let rank = UploadStatement(
          rank: 0, digest: .zero, unopened: Bitmap(capacity: 4), signature: [UInt8](repeating: 0, count: 64))
        try await nodes[0].connected { node in
          await #expect(throws: WireError.averaging(.outOfPhase(message: "confirmation", phase: "collecting"))) {
            try await node.confirm(round: round, confirmation)
          }
          await #expect(throws: WireError.unknownRound(round - 1)) {
            try await node.confirm(round: round - 1, confirmation)
          }
          // Counts of three columns: six u64 lanes.
          await #expect(throws: WireError.averaging(.oversize(of: "upload of node-0", limit: 48, found: 49))) {
            try await node.submitUpload(
              round: round, MaskedUpload(statement: rank, payload: [UInt8](repeating: 0, count: 49)))
          }
          await #expect(throws: WireError.averaging(.wrongLength(of: "upload of node-0", expected: 48, found: 47))) {
            try await node.submitUpload(
              round: round, MaskedUpload(statement: rank, payload: [UInt8](repeating: 0, count: 47)))
          }
          await #expect(throws: WireError.averaging(.wrongDigest(from: "node-0"))) {
            try await node.submitUpload(
              round: round, MaskedUpload(statement: rank, payload: [UInt8](repeating: 0, count: 48)))
          }
          let zeros = [UInt8](repeating: 0, count: 48)
          let unsigned = UploadStatement(
            rank: 0, digest: MaskedUpload.digest(of: zeros), unopened: Bitmap(capacity: 4),
            signature: [UInt8](repeating: 0, count: 64))
          await #expect(throws: WireError.averaging(.badSignature(from: "node-0", on: "upload"))) {
            try await node.submitUpload(round: round, MaskedUpload(statement: unsigned, payload: zeros))
          }
        }
        try await nodes[1].connected { node in
          await #expect(throws: WireError.averaging(.notTheCaller(claimed: "node-0", caller: "node-1"))) {
            try await node.submitUpload(
              round: round, MaskedUpload(statement: rank, payload: [UInt8](repeating: 0, count: 48)))
          }
        }
        try await stranger.connected { node in
          await #expect(throws: WireError.averaging(.stranger("node-9"))) {
            try await node.submitUpload(
              round: round, MaskedUpload(statement: rank, payload: [UInt8](repeating: 0, count: 48)))
          }
          await #expect(throws: WireError.unknownBlob(Digest(sha256: [1]))) {
            _ = try await node.fetchBlob(Digest(sha256: [1]), limit: 10)
          }
        }
        let after = try await client.run(run)
        #expect(after.current == before.current)
        #expect(after.model == before.model)
        #expect(after.traffic.bytesUp == 0)
        try await client.revoke(name: "node-9")
        await collecting.open()
        #expect(try await client.ended(run).standing == .finished)
      }
    }
  }

  @Test("A plan that no cohort could carry out is refused before anything is queued")
  func badPlan() async throws {
    let coordinator = try TestCoordinator()
    try await coordinator.serving { client in
      for plan in ["", "{}", #"{"name":"x"}"#] {
        await #expect(throws: WireError.self) { _ = try await client.submitRun(plan: Array(plan.utf8)) }
      }
      let runs = try await client.runs()
      #expect(runs.isEmpty)
    }
  }
}
