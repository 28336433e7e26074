import Federation
import Foundation
import Identities
import SecureAggregation
import Storage
import Testing
import Wire

@testable import Coordination

@Suite("What one participant cannot do to the others", .timeLimit(.minutes(5)))
struct HostileParticipantTests {
  private func caller(_ node: ScriptedNode) -> Caller { Caller(participant: node.enrolment.certificate.identity) }

  @Test("Uploads of a participant take the place of each other, and one that is not asked for gets no byte stored")
  func uploads() async throws {
    let coordinator = try TestCoordinator()
    try await coordinator.servingService { client, service in
      let nodes = try await ScriptedNode.enrolled(4, operator: client)
      let collecting = Gate()
      try await withParticipants(nodes) { _, instruction in
        guard case .upload = instruction.step else { return }
        await collecting.pass()
      } _: {
        let run = try await client.submitRun(plan: try RunPlan.scripted(rounds: 1).canonicalBytes)
        await collecting.arrived(4)
        let north = caller(nodes[0])
        #expect(try await service.uploadLimit(north) == 48)
        let partial = "\(service.home.blobsPath)/partial"
        for announced in 0..<10 {
          let blob = BlobReference(digest: Digest(sha256: [UInt8(announced)]), size: 48)
          try await service.append(north, to: blob, at: 0, [UInt8](repeating: 0, count: 40))
          #expect(try FileManager.default.contentsOfDirectory(atPath: partial).count == 1)
        }
        // A whole one is no blob before its statement is checked.
        let payload = [UInt8](repeating: 7, count: 48)
        let blob = BlobReference(digest: Digest(sha256: payload), size: 48)
        try await service.append(north, to: blob, at: 0, payload)
        try await service.finish(north, blob)
        #expect(try await service.heldBytes(north, of: blob) == 48)
        #expect(try await service.uploadedBytes(north, blob.digest) == payload)
        #expect(!service.blobs.contains(blob.digest))
        // Another one of the roster has nothing of it.
        #expect(try await service.heldBytes(caller(nodes[1]), of: blob) == 0)

        // Larger than a masked upload of this round.
        let large = BlobReference(digest: .zero, size: 49)
        await #expect(throws: WireError.oversize(what: "blob", limit: 48, found: 49)) {
          try await service.append(north, to: large, at: 0, [1])
        }
        await collecting.open()
        #expect(try await client.ended(run).standing == .finished)
        #expect(try FileManager.default.contentsOfDirectory(atPath: partial) == [])
        await #expect(throws: WireError.oversize(what: "blob", limit: 0, found: 48)) {
          try await service.append(north, to: blob, at: 0, payload)
        }
      }
    }
  }

  @Test("A participant waits with one poll at a time: the next one answers the one before")
  func polls() async throws {
    let coordinator = try TestCoordinator()
    try await coordinator.servingService { client, service in
      let node = try await ScriptedNode(0, operator: client)
      let caller = caller(node)
      let first = Task { try await service.nextInstruction(caller, Poll(after: "1.1", wait: .seconds(60))) }
      while try await client.participants().first?.present != true { try await Task.sleep(for: .milliseconds(10)) }
      let second = Task { try await service.nextInstruction(caller, Poll(after: "2.1", wait: .seconds(60))) }
      // Which came first is the scheduler's; one is answered by the other.
      #expect(try await first.value == .idle(after: "1.1"))
      second.cancel()
      _ = await second.result
    }
  }

  @Test("A call that was let in before a revocation is refused when its turn comes after it")
  func revokedMeanwhile() async throws {
    let coordinator = try TestCoordinator()
    try await coordinator.servingService { client, service in
      let node = try await ScriptedNode(0, operator: client)
      let caller = caller(node)
      try await service.admit(caller.participant)
      try await client.revoke(name: "node-0")
      let revoked = WireError.revoked(name: "node-0")
      let blob = BlobReference(digest: .zero, size: 1)
      await #expect(throws: revoked) { _ = try await service.offeredPlans(caller) }
      await #expect(throws: revoked) { _ = try await service.closes(caller, run: "x", after: 0) }
      await #expect(throws: revoked) { try await service.decline(caller, round: 1, reason: "") }
      await #expect(throws: revoked) { try await service.confirm(caller, round: 1, Self.confirmation) }
      await #expect(throws: revoked) { try await service.append(caller, to: blob, at: 0, [1]) }
      await #expect(throws: revoked) { _ = try await service.blobSize(caller, .zero) }
      await #expect(throws: revoked) { _ = try await service.renew(caller, certificateRequest: []) }
      await #expect(throws: revoked) { try await service.leave(caller) }
    }
  }

  private static let confirmation = Confirmation(rank: 0, signature: [UInt8](repeating: 0, count: 64))

  @Test("A certificate is renewed from half of its life on, and not over and over")
  func renewals() async throws {
    let coordinator = try TestCoordinator()
    try await coordinator.serving { client in
      let node = try await ScriptedNode(0, operator: client)
      let request = try node.keys.certificateRequest(name: "node-0")
      func refused(_ error: any Error) -> Bool {
        guard case WireError.refused("renewed-too-early", _, _) = error else { return false }
        return true
      }
      try await node.connected { participant in
        coordinator.clock.advance(by: 11 * 3600)
        await #expect { _ = try await participant.renew(certificateRequest: request) } throws: { refused($0) }
        coordinator.clock.advance(by: 2 * 3600)
        _ = try await participant.renew(certificateRequest: request)
        await #expect { _ = try await participant.renew(certificateRequest: request) } throws: { refused($0) }
        // The answer may have been lost: a hundredth of a life later the old certificate may ask again.
        coordinator.clock.advance(by: 0.24 * 3600)
        _ = try await participant.renew(certificateRequest: request)
        // Long after it has expired, too.
        coordinator.clock.advance(by: 30 * 24 * 3600)
        await #expect(throws: WireError.self) { _ = try await participant.offeredPlans() }
        let renewed = try await participant.renew(certificateRequest: request)
        #expect(renewed.certificate.identity.averagingKey == node.participant.signer.publicKey)
      }
    }
  }
}
