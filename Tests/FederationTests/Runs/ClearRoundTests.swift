import Federation
import Foundation
import SecureAggregation
import Testing
import Updates

@Suite("Rounds without masks")
struct ClearRoundTests {
  private func plan(_ up: RunPlan.Compression.Up, keep: Double? = nil) throws -> RunPlan {
    var plan = try RunPlan.scripted(rounds: 2)
    plan.averaging = .clear
    plan.compression.up = up
    plan.compression.keep = keep
    try plan.validate()
    return plan
  }

  /// From 0, each round moves half the way to the weighted mean of the targets 0…3, with weights 10…13.
  private let target: Double = 0.75 * (11 + 24 + 39) / 46

  @Test("A run ends in rounds of two phases, with the statistics and metrics of one under masks")
  func wholeRun() throws {
    var world = try RunWorld(plan: plan(.sparse, keep: 1), participants: 4)
    try world.runUntilQuiet()
    #expect(world.machine.standing == .finished)
    #expect(world.machine.records.map(\.kind) == [.counts, .moments, .update, .update, .evaluation])
    #expect(world.machine.records.allSatisfy { $0.reason == nil && $0.survivors.count == 4 && $0.phase == .collecting })
    #expect(try world.table(world.machine.model).counts?.present == [46, 42, 5])
    #expect(world.machine.records.compactMap(\.metrics).map(\.rows) == [80, 80, 80])
    // All parameters are alike, so that 127 steps of the largest are exact.
    for value in try #require(try world.finalModel.parameters).values { #expect(abs(Double(value) - target) < 1e-5) }

    // What the log says is the run.
    var replayed = try RunMachine(world.machine.submission, coordinator: world.signer.publicKey)
    for event in world.log { try replayed.apply(event) }
    #expect(replayed == world.machine)
  }

  @Test("Four bits a coordinate lead near the same model")
  func rotated() throws {
    var world = try RunWorld(plan: plan(.rotated), participants: 4)
    try world.runUntilQuiet()
    #expect(world.machine.standing == .finished)
    // A handful of coordinates is no normal distribution: what is asked for is the way, not the last digit.
    for value in try #require(try world.finalModel.parameters).values { #expect(abs(Double(value) - target) < 0.25) }
  }

  @Test(
    "Garbage is refused to its sender, and the round goes on without it",
    arguments: ["short", "long", "weight", "scale"])
  func garbage(how: String) throws {
    var world = try RunWorld(plan: plan(.rotated), participants: 4)
    try world.run(until: .collecting)
    world.participants[3].alterClear = { payload in
      switch how {
      case "short": payload.removeLast()
      case "long": payload += [UInt8](repeating: 0, count: 1000)
      case "weight": payload.replaceSubrange(0..<4, with: [17, 0, 0, 0])  // the plan's maximum is 16
      default: payload.replaceSubrange(payload.count - 6..<payload.count, with: [0, 0, 0xC0, 0x7F, 0, 0])
      }
    }
    let error = #expect(throws: FederationError.self) { try world.act(3) }
    guard case .averaging(.malformed(let reason)) = error else {
      return #expect(Bool(false), "\(String(describing: error))")
    }
    #expect(reason.hasPrefix("upload of node-3: "))
    for index in 0..<3 { try world.act(index) }
    world.connected.remove(3)
    try world.settle()
    #expect(world.machine.records.last?.survivors == ["node-0", "node-1", "node-2"])
  }

  @Test("An update of any length moves the model by no more than the clip norm")
  func huge() throws {
    // Three parameters, padded to four: an update is a scale and two bytes.
    var world = try RunWorld(plan: plan(.rotated), participants: 4)
    try world.run(until: .collecting)
    world.participants[3].alterClear = { payload in
      payload.replaceSubrange(payload.count - 6..<payload.count - 2, with: [0, 0, 0, 0x7E])  // a scale of 4e37
    }
    for index in 0..<4 { try world.act(index) }
    let record = try #require(world.machine.records.last)
    #expect(record.survivors.count == 4)
    #expect(record.signedClose.close.meanNorm <= 10 * ClearUpdate.stretch)
  }

  @Test("Messages about masks, another's upload, a changed one and a stranger's are refused")
  func others() throws {
    var world = try RunWorld(plan: plan(.rotated), participants: 4)
    try world.run(until: .collecting)
    let first = try #require(try world.message(from: 0))
    guard case .upload(let upload, let blob) = first else { return #expect(Bool(false)) }
    #expect(throws: FederationError.averaging(.notTheCaller(claimed: "rank 0", caller: "node-1"))) {
      try world.deliver(first, from: 1)
    }
    #expect(try world.deliver(first, from: 0))
    #expect(try !world.deliver(first, from: 0))
    var other = upload
    other.statement.signature[0] ^= 1
    #expect(throws: FederationError.averaging(.changedMessage(from: "node-0", message: "upload"))) {
      try world.deliver(.upload(other, blob: blob), from: 0)
    }
    let answer = UnmaskAnswer(rank: 0, entries: [])
    #expect(throws: FederationError.averaging(.outOfPhase(message: "message about masks", phase: "collecting"))) {
      try world.deliver(.answer(answer), from: 0)
    }
  }

  @Test("Too few uploads at the deadline abandon the round, and nothing is published")
  func tooFew() throws {
    var world = try RunWorld(plan: plan(.rotated), participants: 4)
    try world.run(until: .collecting)
    for index in 0..<2 { try world.act(index) }
    world.now += 101
    try world.settle()
    #expect(world.machine.records.last?.reason == .tooFewUploads(have: 2, need: 3))
  }
}
