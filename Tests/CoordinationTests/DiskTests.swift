import Federation
import Foundation
import SecureAggregation
import Storage
import Testing
import Wire

@testable import Coordination

@Suite("A disk that is full or loses something", .timeLimit(.minutes(5)))
struct DiskTests {
  @Test("While the disk is full everyone is told so and nothing happens; once it has space the run goes on")
  func full() async throws {
    let coordinator = try TestCoordinator()
    try await coordinator.serving { client, store in
      let nodes = try await ScriptedNode.enrolled(4, operator: client)
      let collecting = Gate()
      try await withParticipants(nodes) { _, instruction in
        guard case .upload = instruction.step else { return }
        await collecting.pass()
      } _: {
        let run = try await client.submitRun(plan: try RunPlan.scripted(rounds: 1).canonicalBytes)
        await collecting.arrived(4)
        store.fail(with: .diskFull(path: "events.sqlite"))
        let full = WireError.failed(reason: "the coordinator's disk is full; nothing of this was recorded")
        await #expect(throws: full) { try await client.revoke(name: "node-0") }
        await #expect(throws: full) { _ = try await client.submitRun(plan: RunPlan.scripted().canonicalBytes) }
        await collecting.open()
        coordinator.clock.advance(by: 1)
        store.fail(with: nil)
        #expect(try await client.participants().map(\.membership) == [.enrolled, .enrolled, .enrolled, .enrolled])
        #expect(try await client.runs().count == 1)
        #expect(try await client.ended(run).standing == .finished)
      }
    }
  }

  @Test("An upload that the disk lost abandons its round by name, and the run goes on", arguments: [false, true])
  func lostUpload(isCorrupt: Bool) async throws {
    let coordinator = try TestCoordinator()
    let ended = try await coordinator.servingService { client, service in
      let nodes = try await ScriptedNode.enrolled(4, operator: client)
      let unmasking = Gate()
      return try await withParticipants(nodes) { _, instruction in
        guard case .unmask = instruction.step else { return }
        await unmasking.pass()
      } _: {
        let run = try await client.submitRun(plan: try RunPlan.scripted(rounds: 1).canonicalBytes)
        await unmasking.arrived(4)
        let upload = try await service.ask { turn in try turn.state.run(run).round!.storedUploads[0].blob }
        let file = "\(service.home.blobsPath)/\(upload.hex)"
        if isCorrupt {
          try Data([1, 2, 3]).write(to: URL(fileURLWithPath: file))
        } else {
          try FileManager.default.removeItem(atPath: file)
        }
        await unmasking.open()
        return try await client.ended(run)
      }
    }
    #expect(ended.standing == .finished)
    guard case .cannotUnmask(let reason)? = ended.abandoned.first?.reason else {
      Issue.record("\(ended.abandoned)")
      return
    }
    #expect(reason.hasPrefix("an upload that was stored cannot be read"))
  }

  @Test("A run whose newest model is lost ends by that name, and the next one is worked on")
  func lostModel() async throws {
    let coordinator = try TestCoordinator()
    try await coordinator.servingService { client, service in
      let first = try await client.submitRun(plan: try RunPlan.scripted(rounds: 1).canonicalBytes)
      let second = try await client.submitRun(plan: try RunPlan.scripted(rounds: 2).canonicalBytes)
      let genesis = try await service.ask { turn in try turn.state.run(first).model }
      try service.blobs.delete(genesis)
      let nodes = try await ScriptedNode.enrolled(4, operator: client)
      try await withParticipants(nodes) {
        guard case .failed(let reason) = try await client.ended(first).standing else {
          Issue.record("it did not fail")
          return
        }
        #expect(reason.hasPrefix("its newest model is lost"))
        #expect(try await client.ended(second).standing == .finished)
      }
    }
  }
}
