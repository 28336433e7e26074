import Compression
import Federation
import Foundation
import SecureAggregation
import Testing
import Updates

@testable import Participation

@Suite("Models that come as deltas")
struct DeltaTests {
  private func plan(_ down: RunPlan.Compression.Down, rounds: Int = 2) -> RunPlan {
    var plan = TestPlan.plan(rounds: rounds)
    plan.compression.down = down
    return plan
  }

  @Test(
    "A run ends with the digest that its closes name, and later models come as deltas", arguments: ["bf16", "int8"])
  func wholeRun(word: String) async throws {
    let down = try #require(RunPlan.Compression.Down(rawValue: word))
    let federation = try await TestFederation(plan: plan(down, rounds: 3))
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()

    #expect(await federation.coordinator.standing == .finished)
    let models = await federation.coordinator.machine.checkpoints
    let fetched = Set(await federation.coordinator.fetched)
    // The genesis, the columns and the first model come whole, three updates as one delta each.
    #expect(models.map(fetched.contains) == [true, true, true, false, false, false])
    #expect(await federation.coordinator.deltasOffered.count == 3 * 4)
    for node in federation.nodes {
      let history = try #require(try node.home.history().first)
      #expect(history.finished)
      #expect(history.held == models.last)
      #expect(try node.home.models.checkpoint(models[5]) != nil)
      #expect(try node.home.models.checkpoint(models[4]) == nil)
      var received = 0
      for model in models.prefix(3) { received += (await federation.coordinator.blob(model))!.count }
      for delta in Set(await federation.coordinator.deltasOffered) { received += delta.size }
      #expect(history.bytesReceived == received)
    }
  }

  @Test("A participant that missed two rounds walks to the newest model by one delta")
  func absence() async throws {
    let federation = try await TestFederation(plan: plan(.int8, rounds: 4))
    defer { federation.remove() }
    let others = federation.nodes.filter { $0.peer.name != "north" }
    let north = try #require(federation.nodes.last)
    func settle(_ nodes: [TestNode], untilClosed count: Int) async throws {
      while await federation.coordinator.machine.roundsClosed < count { for node in nodes { try await node.step() } }
    }
    try await federation.connectAll()
    try await settle(federation.nodes, untilClosed: 3)  // counts, moments, the first update
    let held = try #require(try north.home.history().first?.held)
    try await federation.coordinator.disconnect("north")
    try await settle(others, untilClosed: 5)
    let steps = try #require(
      await federation.coordinator.machine.deltas(from: held, to: federation.coordinator.model))
    #expect(steps.count == 3)
    try await federation.coordinator.connect(north.peer)
    let wanted = await federation.coordinator.model
    try await north.step()  // the close of a round that it was in
    try await north.step()  // the next round
    #expect(try north.home.history().first?.held == wanted)
    let offered = await federation.coordinator.deltasOffered.map(\.digest)
    var combined: [UInt8] = []
    for step in steps { combined += (await federation.coordinator.blob(step))! }
    #expect(offered.contains(Digest(sha256: combined)))
    #expect(await !federation.coordinator.fetched.contains(wanted))
  }

  @Test(
    "A delta that was tampered with is refused by name, and the node sends nothing",
    arguments: ["one more step", "another way", "a bomb", "half of it"])
  func tampered(how: String) async throws {
    let plan = plan(.int8)
    let count = plan.model.family.largestParameterCount
    let federation = try await TestFederation(plan: plan)
    defer { federation.remove() }
    await federation.coordinator.setDeltaTamper { bytes in
      switch how {
      case "one more step": bytes + bytes
      case "another way": Zstandard.compress([0, 0, 0, 0x3F] + [UInt8](repeating: 1, count: count))
      case "a bomb": Zstandard.compress([UInt8](repeating: 0, count: 1 << 24))
      default: Array(bytes.dropLast(bytes.count / 2))
      }
    }
    try await federation.connectAll()
    try await federation.settle()

    let reasons = Set(await federation.coordinator.declined.values)
    let expected =
      switch how {
      case "one more step", "another way": "the delta that came for its model leads to another"
      case "a bomb": "a Zstandard frame holds 16777216 bytes, expected \(4 + count)"
      default: "the bytes are no whole Zstandard frame"
      }
    #expect(reasons.count == 1)
    #expect(try #require(reasons.first).contains(expected), "\(reasons)")
    #expect(await federation.coordinator.machine.roundsClosed == 3)
  }
}
