import Coordination
import Federation
import Foundation
import Schemas
import SecureAggregation
import Testing
import Wire

@Suite("A coordinator and its participants over loopback", .timeLimit(.minutes(5)))
struct CoordinatorRunTests {
  private func submit(_ client: OperatorClient, rounds: Int = 2) async throws -> String {
    try await client.submitRun(plan: try RunPlan.scripted(rounds: rounds).canonicalBytes)
  }

  /// A run that nothing interrupts, and its final model.
  private func uninterrupted() async throws -> Digest {
    try await TestCoordinator().serving { client in
      let nodes = try await ScriptedNode.enrolled(4, operator: client)
      return try await withParticipants(nodes) {
        let run = try await submit(client)
        return try #require(try await client.ended(run).model)
      }
    }
  }

  @Test("Four participants run a plan to its end, and the status tells of every round")
  func wholeRun() async throws {
    let coordinator = try TestCoordinator()
    let ended = try await coordinator.serving { client in
      let nodes = try await ScriptedNode.enrolled(4, operator: client)
      return try await withParticipants(nodes) {
        let run = try await submit(client)
        #expect(run == "scripted-1")
        let ended = try await client.ended(run)
        #expect(try await client.participants().map(\.membership) == [.enrolled, .enrolled, .enrolled, .enrolled])

        // While serve runs, as `export` reads it.
        let finished = try await coordinator.home.finishedRun("last")
        #expect(finished.model == ended.model)
        #expect(finished.trainingRounds == 2)
        #expect(finished.mostParticipants == 4)
        return ended
      }
    }
    #expect(ended.standing == .finished)
    #expect(ended.roundsClosed == 5)
    #expect(ended.metrics.map(\.number) == [3, 4, 5])
    #expect(ended.metrics.allSatisfy { $0.rows == 80 && $0.auc == 1 })
    #expect(ended.droppedColumns == ["rare"])
    #expect(ended.abandoned.isEmpty)
    #expect(ended.traffic.bytesUp > 0)
    #expect(ended.traffic.bytesDown > 0)

    let finished = try await coordinator.home.finishedRun(ended.run)
    #expect(Digest(sha256: finished.checkpoint) == ended.model)
    let checkpoint = try TableCheckpoint(decoding: finished.checkpoint)
    #expect(checkpoint.counts?.present == [46, 42, 5])
    // Of the uploads nothing is left: the blobs are the genesis, three checkpoints on the way, the final one, and sums.
    let blobs = try FileManager.default.contentsOfDirectory(atPath: coordinator.home.blobsPath).filter {
      $0 != "partial"
    }
    #expect(blobs.count == 5 + 5)
  }

  @Test("Models travel as deltas, across a restart too, and nothing of them is left at the end")
  func deltas() async throws {
    let coordinator = try TestCoordinator()
    var plan = try RunPlan.scripted(rounds: 4)
    plan.compression.down = .int8
    let bytes = try plan.canonicalBytes
    let gate = Gate()
    let nodes = try await coordinator.serving { client in try await ScriptedNode.enrolled(4, operator: client) }
    // Participants ask for the way from every model that they have held to the newest.
    let ended = try await withParticipants(nodes) { _, instruction in
      guard case .advertise(let plan, _) = instruction.step, plan.plan.roundID == 1 << 32 | 5 else { return }
      await gate.pass()
    } _: {
      let run = try await coordinator.serving { client in
        let run = try await client.submitRun(plan: bytes)
        await gate.arrived(4)
        return run
      }
      return try await coordinator.serving { client in
        await gate.open()
        return try await client.ended(run)
      }
    }
    #expect(ended.standing == .finished)
    #expect(ended.roundsClosed == 7)
    let finished = try await coordinator.home.finishedRun(ended.run)
    #expect(Digest(sha256: finished.checkpoint) == ended.model)
    let blobs = try FileManager.default.contentsOfDirectory(atPath: coordinator.home.blobsPath).filter {
      $0 != "partial"
    }
    #expect(blobs.count == 7 + 7)  // checkpoints and sums
  }

  @Test("A coordinator killed between two rounds goes on, and the model is the one of a run without a crash")
  func killedBetweenRounds() async throws {
    let expected = try await uninterrupted()
    let coordinator = try TestCoordinator()
    let gate = Gate()
    let nodes = try await coordinator.serving { client in try await ScriptedNode.enrolled(4, operator: client) }
    let ended = try await withParticipants(nodes) { _, instruction in
      guard case .advertise(let plan, _) = instruction.step, plan.plan.kind == .update else { return }
      await gate.pass()
    } _: {
      let run = try await coordinator.serving { client in
        let run = try await submit(client)
        await gate.arrived(4)
        return run
      }
      return try await coordinator.serving { client in
        await gate.open()
        return try await client.ended(run)
      }
    }
    #expect(ended.standing == .finished)
    #expect(ended.abandoned.isEmpty)
    #expect(ended.model == expected)
  }

  @Test("A coordinator killed while it collects goes on in the same round, and the model is the one without a crash")
  func killedWhileCollecting() async throws {
    let expected = try await uninterrupted()
    let coordinator = try TestCoordinator()
    let gate = Gate()
    let nodes = try await coordinator.serving { client in try await ScriptedNode.enrolled(4, operator: client) }
    let (ended, roundID) = try await withParticipants(nodes) { index, instruction in
      guard case .upload = instruction.step, index >= 2 else { return }
      await gate.pass()
    } _: {
      let (run, roundID) = try await coordinator.serving { client in
        let run = try await submit(client)
        // Two have uploaded, two are about to.
        await gate.arrived(2)
        let snapshot = try await client.reached(run) { $0.current?.answered == ["node-0", "node-1"] }
        #expect(snapshot.current?.phase == .collecting)
        return (run, snapshot.current?.roundID)
      }
      return try await coordinator.serving { client in
        let snapshot = try await client.run(run)
        #expect(snapshot.current?.roundID == roundID)
        #expect(snapshot.current?.answered == ["node-0", "node-1"])
        await gate.open()
        return (try await client.ended(run), roundID)
      }
    }
    #expect(roundID == 1 << 32 | 1)
    #expect(ended.standing == .finished)
    #expect(ended.abandoned.isEmpty)
    #expect(ended.model == expected)
  }

  @Test(
    "A participant that stays silent is named in the status, and the round goes on without it after the phase's end")
  func silent() async throws {
    let coordinator = try TestCoordinator()
    let gate = Gate()
    let ended = try await coordinator.serving { client in
      let nodes = try await ScriptedNode.enrolled(4, operator: client)
      return try await withParticipants(nodes) { index, instruction in
        guard case .upload = instruction.step, index == 3 else { return }
        await gate.pass()
      } _: {
        let run = try await submit(client, rounds: 1)
        await gate.arrived(1)
        let late = try await client.reached(run) { $0.current?.answered == ["node-0", "node-1", "node-2"] }
        #expect(late.current?.waitingFor == [LateParticipant(name: "node-3", reason: "has not answered")])
        coordinator.clock.advance(by: 80)
        _ = try await client.reached(run) { $0.roundsClosed == 1 }
        await gate.open()
        return try await client.ended(run)
      }
    }
    #expect(ended.standing == .finished)
    #expect(ended.abandoned.isEmpty)
  }

  @Test("Runs queue: the second starts when the first has ended, and a stopped one makes room")
  func queue() async throws {
    let coordinator = try TestCoordinator()
    try await coordinator.serving { client in
      let first = try await submit(client)
      let second = try await submit(client, rounds: 1)
      #expect(try await client.runs().map(\.standing) == [.running, .queued])
      let nodes = try await ScriptedNode.enrolled(4, operator: client)
      try await withParticipants(nodes) {
        _ = try await client.reached(first) { $0.current != nil }
        try await client.stopRun(first)
        #expect(try await client.run(first).standing == .stopped)
        #expect(try await client.ended(second).standing == .finished)
      }
      await #expect(throws: WireError.self) { try await client.stopRun(second) }
      await #expect(throws: WireError.unknownRun("third")) { _ = try await client.run("third") }
    }
  }

  @Test("Shutting down ends open long-polls at once, with word to come back, and the coordinator's run returns")
  func shutdown() async throws {
    let coordinator = try TestCoordinator()
    let instruction = try await coordinator.serving { client in
      let node = try await ScriptedNode(0, operator: client)
      return try await node.connected { participant in
        async let instruction = participant.nextInstruction(Poll(wait: .seconds(60)))
        while try await client.participants().first?.present != true { try await Task.sleep(for: .milliseconds(10)) }
        try await client.shutdown()
        return try await instruction
      }
    }
    guard case .idle(let after) = instruction.step else {
      Issue.record("\(instruction)")
      return
    }
    #expect(after > .zero)
  }
}
