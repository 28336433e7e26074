import Federation
import Schemas
import SecureAggregation
import Testing

@Suite("A run and its rounds")
struct RunMachineTests {
  @Test("A run goes through counts, moments, its training rounds and an evaluation, and then has finished")
  func wholeRun() throws {
    var world = try RunWorld(plan: .scripted(rounds: 2), participants: 4)
    try world.runUntilQuiet()
    #expect(world.machine.standing == .finished)
    #expect(world.machine.records.map(\.kind) == [.counts, .moments, .update, .update, .evaluation])
    #expect(world.machine.records.allSatisfy { $0.reason == nil && $0.survivors.count == 4 })
    #expect(world.machine.records[0].droppedColumns == ["rare"])
    let checkpoint = try world.table(world.machine.model)
    // By hand: 10 + 11 + 12 + 13 = 46 ages of 40…43, and one pulse of 60 less from each.
    #expect(checkpoint.counts?.present == [46, 42, 5])
    #expect(checkpoint.kept?.kept == ["age", "pulse"])
    let mean: Double = (400 + 451 + 504 + 559) / 46
    let age = try #require(checkpoint.standardisation?.columns.first)
    #expect(abs(age.mean - mean) < 1e-6)
    // From 0, each round moves half the way to the weighted mean of the targets 0…3: ¾ of it after two.
    let target: Double = (11 + 24 + 39) / 46
    for value in try #require(checkpoint.parameters).values { #expect(abs(Double(value) - 0.75 * target) < 1e-3) }
  }

  @Test("Each measuring round records the cohort's metrics of the model it started from")
  func metrics() throws {
    var world = try RunWorld(plan: .scripted(rounds: 2), participants: 4)
    try world.runUntilQuiet()
    let metrics = world.machine.records.compactMap(\.metrics)
    #expect(metrics.map(\.number) == [3, 4, 5])
    #expect(metrics.map(\.model) == world.machine.records[2...].map(\.signedClose.close.modelIn))
    for round in metrics {
      #expect(round.rows == 80)
      #expect(round.accuracy == 1)
      #expect(round.meanLoss == 0.25)
      #expect(round.auc == 1)
    }
    #expect(metrics[2].updateNorm == nil)
  }

  @Test("The closes form a chain from the genesis checkpoint, each under the coordinator's signature")
  func chain() throws {
    var world = try RunWorld(plan: .scripted(rounds: 1), participants: 4)
    try world.runUntilQuiet()
    var model = world.machine.submission.genesis
    var roundID: UInt64 = 0
    for signed in world.machine.closes {
      #expect(signed.isSigned(by: world.signer.publicKey))
      #expect(signed.close.modelIn == model)
      #expect(signed.close.roundID > roundID)
      model = signed.close.modelOut
      roundID = signed.close.roundID
    }
    #expect(model == world.machine.model)
    #expect(world.machine.checkpoints.count == 4)
  }

  @Test("No round opens before enough organisations are connected")
  func waitsForPeople() throws {
    var world = try RunWorld(plan: .scripted(), participants: 4)
    world.connected = [0, 1]
    try world.settle()
    #expect(world.machine.round == nil)
    #expect(world.machine.standing == .queued)
    world.connected = [0, 1, 2]
    try world.settle()
    #expect(world.machine.round?.phase == .gathering)
    #expect(world.machine.standing == .running)
  }

  @Test("The roster waits for everyone connected and willing, and leaves out one that advertised and went")
  func gathering() throws {
    var world = try RunWorld(plan: .scripted(), participants: 4)
    try world.settle()
    for index in 0..<3 { try world.act(index) }
    #expect(world.machine.round?.phase == .gathering)
    world.connected = [1, 2, 3]
    try world.settle()
    #expect(world.machine.round?.phase == .gathering)
    try world.act(3)
    #expect(world.machine.round?.roster?.peers.map(\.name) == ["node-1", "node-2", "node-3"])
    #expect(world.log.contains(.leftOut(["node-0"])))
  }

  @Test("One who declines is not waited for, and may change its mind until the roster is frozen")
  func declining() throws {
    var world = try RunWorld(plan: .scripted(), participants: 4)
    world.declined = ["node-3": "plan not allowed"]
    try world.settle()
    for index in 0..<3 { try world.act(index) }
    #expect(world.machine.round?.phase == .sharing)
    #expect(world.machine.round?.roster?.count == 3)
  }

  @Test("A full cohort is frozen at once, whoever else is connected")
  func fullCohort() throws {
    var world = try RunWorld(plan: .scripted(size: 4), participants: 6)
    try world.settle()
    for index in [5, 1, 3, 0] { try world.act(index) }
    #expect(world.machine.round?.roster?.peers.map(\.name) == ["node-0", "node-1", "node-3", "node-5"])
    #expect(world.machine.step(for: "node-2") == nil)
    #expect(throws: FederationError.self) {
      var outsider = try ScriptedParticipant(2)
      let plan = world.machine.round!.opening.signedPlan
      let advert = try outsider.respond(
        to: .advertise(plan), plan: world.plan, coordinator: world.signer.publicKey, checkpoint: world.checkpoint)
      _ = try world.machine.receive(advert, round: plan.plan.roundID, from: outsider.peer)
    }
  }

  @Test("One that vanishes while collecting is left out of the sum, and joins the next round when it comes back")
  func vanishing() throws {
    var world = try RunWorld(plan: .scripted(rounds: 2), participants: 4)
    try world.run(until: .collecting)
    world.connected = [0, 1, 2]
    try world.runUntilQuiet()
    #expect(world.machine.records[2].survivors == ["node-0", "node-1", "node-2"])
    #expect(world.machine.records[2].reason == nil)
    #expect(world.machine.standing == .finished)

    world = try RunWorld(plan: .scripted(rounds: 2), participants: 4)
    try world.run(until: .collecting)
    world.connected = [0, 1, 2]
    while world.machine.records.count < 3 { for index in 0..<3 { try world.act(index) } }
    world.connected.insert(3)
    try world.runUntilQuiet()
    #expect(world.machine.records.map(\.survivors.count) == [4, 4, 3, 4, 4])
  }

  @Test("With too few left, the phase waits for them until its end, and the round is abandoned by name")
  func deadline() throws {
    var world = try RunWorld(plan: .scripted(), participants: 4)
    try world.run(until: .collecting)
    let opened = world.now
    world.connected = [0, 1]
    try world.runUntilQuiet()
    #expect(world.machine.round?.phase == .collecting)
    world.now = opened + 79
    try world.settle()
    #expect(world.machine.round?.phase == .collecting)
    world.now = opened + 80  // collecting ends after 0.8 of 100 seconds
    try world.settle()
    let record = try #require(world.machine.records.last)
    #expect(record.reason == .tooFewUploads(have: 2, need: 3))
    #expect(record.signedClose.close.outcome == .abandoned)
    #expect(record.signedClose.close.modelOut == record.signedClose.close.modelIn)
    #expect(world.machine.model == record.signedClose.close.modelIn)
  }

  @Test("A present participant that stays silent is waited for until the phase's end, and then left out")
  func silence() throws {
    var world = try RunWorld(plan: .scripted(), participants: 4)
    try world.run(until: .collecting)
    for index in 0..<3 { try world.act(index) }
    #expect(world.machine.round?.phase == .collecting)
    #expect(world.machine.round?.expected(world.presence) == ["node-3"])
    world.now += 80
    try world.settle()
    #expect(world.machine.round?.phase == .confirming)
    #expect(throws: FederationError.averaging(.lateUpload(from: "node-3"))) {
      let late = try world.uploadOfOne(3)
      _ = try world.deliver(late, from: 3)
    }
  }

  @Test("After an abandoned round the next one starts from the same checkpoint, and the run finishes")
  func retry() throws {
    var world = try RunWorld(plan: .scripted(rounds: 1), participants: 4)
    try world.run(until: .sharing)
    let model = world.machine.model
    world.connected = [0]
    world.now += 50
    try world.settle()
    #expect(world.machine.records.last?.reason == .tooFewShares(have: 0, need: 3))
    world.connected = [0, 1, 2, 3]
    try world.settle()
    #expect(world.machine.round?.plan.modelIn == model)
    try world.runUntilQuiet()
    #expect(world.machine.standing == .finished)
  }

  @Test("A round abandoned after its unmasking began is retried with the same roster and no other")
  func retryAfterAnswers() throws {
    var world = try RunWorld(plan: .scripted(rounds: 1), participants: 5)
    try world.run(until: .unmasking)
    let roster = world.machine.round!.roster!.peers.map(\.name)
    try world.act(0)
    world.connected = [0]
    world.now += 100
    try world.settle()
    #expect(world.machine.records.last?.reason != nil)
    #expect(world.machine.records.last?.phase == .unmasking)
    let outsider = (0..<5).first { !roster.contains("node-\($0)") }!
    world.connected = Set(0..<5).subtracting([1])
    try world.settle()
    #expect(world.machine.round == nil, "one of the roster is away")
    #expect(world.machine.waitingFor(world.presence) == ["node-1"])
    world.connected = Set(0..<5)
    try world.settle()
    #expect(world.machine.round?.opening.requiredRoster == roster)
    #expect(world.machine.step(for: "node-\(outsider)") == nil)
    try world.runUntilQuiet()
    #expect(world.machine.standing == .finished)
  }

  @Test(
    "A roster that can never be complete again ends the run, by the name of whom it lacks", arguments: [false, true])
  func retryWithoutAMember(isGathering: Bool) throws {
    var world = try RunWorld(plan: .scripted(rounds: 1), participants: 5)
    try world.run(until: .unmasking)
    let roster = world.machine.round!.roster!.peers.map(\.name)
    try world.act(0)
    world.connected = [0]
    world.now += 100
    try world.settle()
    if isGathering {
      world.connected = Set(0..<5)
      try world.settle()
      #expect(world.machine.round?.phase == .gathering)
    }
    let leaving = (1..<5).first { roster.contains("node-\($0)") }!
    world.left = [leaving]
    world.connected = Set(0..<5).subtracting([leaving])
    try world.settle()
    guard case .failed(let reason) = world.machine.standing else {
      Issue.record("\(world.machine.standing)")
      return
    }
    #expect(reason.contains("node-\(leaving), which is no longer enrolled"))
    #expect(world.machine.waitingFor(world.presence) == [])
  }

  @Test("A member of a required roster that is enrolled again under its name with another key is not the one it lacks")
  func retryWithANamesake() throws {
    var world = try RunWorld(plan: .scripted(rounds: 1), participants: 5)
    try world.run(until: .unmasking)
    let member = try #require(world.machine.round?.roster?.peers.last?.name)
    try world.act(0)
    world.connected = [0]
    world.now += 100
    try world.settle()
    world.newKeys[member] = try IdentitySigner(seed: [UInt8](repeating: 9, count: 32)).publicKey
    world.connected = Set(0..<5)
    try world.settle()
    guard case .failed(let reason) = world.machine.standing else {
      Issue.record("\(world.machine.standing)")
      return
    }
    #expect(reason.contains("\(member), which is no longer enrolled with its key"))
  }

  @Test("Five abandoned rounds in a row end the run, and it says why the last one was")
  func givesUp() throws {
    var world = try RunWorld(plan: .scripted(), participants: 4)
    for _ in 0..<5 {
      world.connected = [0, 1, 2, 3]
      try world.settle()
      for index in 0..<4 { try world.act(index) }
      #expect(world.machine.round?.phase == .sharing)
      world.connected = []
      world.now += 50
      try world.settle()
    }
    #expect(
      world.machine.standing
        == .failed(reason: "5 rounds in a row were abandoned; the last: too few participants shared: 0, needs 3"))
  }

  @Test("Rounds abandoned while gathering cost nobody anything and do not count")
  func gatheringAgain() throws {
    var world = try RunWorld(plan: .scripted(rounds: 1), participants: 4)
    for _ in 0..<10 {
      try world.settle()
      world.now += 25
      try world.settle()
      #expect(world.machine.records.last?.reason == .tooFewAdverts(have: 0, need: 3))
    }
    try world.runUntilQuiet()
    #expect(world.machine.standing == .finished)
  }

  @Test(
    "A message again changes nothing; another one in its place is refused, and so is one of another round or person")
  func refusals() throws {
    var world = try RunWorld(plan: .scripted(), participants: 4)
    try world.run(until: .sharing)
    let shares = try #require(try world.message(from: 0))
    #expect(try world.deliver(shares, from: 0))
    #expect(try world.deliver(shares, from: 0) == false)
    let before = world.machine
    #expect(throws: FederationError.averaging(.notTheCaller(claimed: "node-0", caller: "node-1"))) {
      try world.deliver(shares, from: 1)
    }
    #expect(throws: FederationError.otherRound(open: before.round!.roundID, found: 7)) {
      try world.deliver(shares, from: 0, round: 7)
    }
    guard case .shares(var message) = shares else { return }
    message.shares[0].ciphertext[0] ^= 1
    #expect(throws: FederationError.averaging(.changedMessage(from: "node-0", message: "share message"))) {
      try world.deliver(.shares(message), from: 0)
    }
    #expect(world.machine == before)
  }

  @Test("A stopped run ends at once, and its open round is closed as abandoned")
  func stopping() throws {
    var world = try RunWorld(plan: .scripted(), participants: 4)
    try world.run(until: .collecting)
    try world.record(try world.machine.abandon(.stopped, signer: world.signer, now: world.now))
    try world.record(.ended(RunEnding(standing: .stopped, at: world.now)))
    #expect(world.machine.standing == .stopped)
    #expect(world.machine.records.last?.reason == .stopped)
    #expect(world.machine.due(now: world.now, presence: world.presence) == nil)
  }

  @Test("Tokens read back, order instructions over rounds and phases, and anything else is no token")
  func tokens() {
    let advertise = InstructionToken(roundID: 9, phase: .gathering)
    #expect(InstructionToken(advertise.description) == advertise)
    #expect(advertise < InstructionToken(roundID: 9, phase: .unmasking))
    #expect(InstructionToken(roundID: 9, phase: .unmasking) < InstructionToken(closing: 9))
    #expect(InstructionToken(closing: 9) < InstructionToken(roundID: 10, phase: .gathering))
    for text in ["", "9", "9.", ".1", "9.6", "9.-1", "9.1.1", "x.1", "18446744073709551616.1"] {
      #expect(InstructionToken(text) == nil, "\(text)")
    }
  }
}

extension RunWorld {
  /// The upload that a participant would have sent while the round was collecting.
  mutating func uploadOfOne(_ index: Int) throws -> RoundMessage {
    let collecting = try #require(
      machine.round.flatMap { round in log.lastIndex { $0 == .round(.sharersFrozen(round.sharers!)) } })
    let earlier = try RunMachine(
      replaying: machine.submission, Array(log[...collecting]), coordinator: signer.publicKey)
    let (_, step) = try #require(earlier.step(for: participants[index].name))
    let world = self
    return try participants[index].respond(
      to: step, plan: plan, coordinator: signer.publicKey, checkpoint: world.checkpoint)
  }
}
