import Testing

@testable import SecureAggregation

@Suite("Restarts")
struct RestartTests {
  @Test("A participant restarted at any stage sends the same bytes again and finishes the round")
  func participant() throws {
    var live = try Rehearsal(4, bits: 20)
    try live.gather()
    // Each step is run by a node that was stored before it, and again by one that was stored after it.
    let advertised = live.members[1].round!
    let advert = advertised.advert
    var restarted = live
    restarted.members[1].round = try reborn(advertised)
    #expect(restarted.members[1].round.advert == advert)
    #expect(restarted.members[1].round.stage == .advertised)

    let shares = try restarted.shares(1)
    restarted.members[1].round = try reborn(restarted.members[1].round!)
    #expect(try restarted.shares(1) == shares)
    #expect(try live.shares(1) == shares)
    live = restarted
    try live.share(live.everyone)

    try live.members[1].receive(live.coordinator.delivery(for: "coast")!)
    live.members[1].round = try reborn(live.members[1].round!)
    #expect(live.members[1].round.stage == .delivered)
    let upload = try live.upload(1)
    live.members[1].round = try reborn(live.members[1].round!)
    live.members[1].ledger = try reborn(live.members[1].ledger)
    #expect(live.members[1].round.upload == upload)
    #expect(try live.upload(1) == upload)
    try live.collect(live.everyone)

    let confirmation = try live.confirmation(1)
    live.members[1].round = try reborn(live.members[1].round!)
    #expect(try live.confirmation(1) == confirmation)
    try live.confirm(live.everyone)

    let unanswered = live
    let answer: UnmaskAnswer = try live.answer(1)
    live.members[1].round = try reborn(live.members[1].round!)
    live.members[1].ledger = try reborn(live.members[1].ledger)
    #expect(live.members[1].round.stage == .answered)
    #expect(try live.answer(1) == answer)
    // Stored before the answer, too: it is made of what the file holds.
    var earlier = unanswered
    earlier.members[1].round = try reborn(earlier.members[1].round!)
    #expect(try earlier.answer(1) == answer)
    try live.answer(live.everyone)
    live.expect(try live.unmask(), of: live.everyone)
  }

  @Test("A node whose update comes out differently after a restart leaves instead of sending a second vector")
  func changedUpload() throws {
    var rehearsal = try Rehearsal(3)
    try rehearsal.gather()
    try rehearsal.share([0, 1, 2])
    _ = try rehearsal.upload(0)
    rehearsal.members[0].input.vector[2] ^= 1
    #expect(refusal { _ = try rehearsal.upload(0) } == .uploadChanged)
    #expect(rehearsal.members[0].ledger.attack == nil)
  }

  @Test("A coordinator replayed after every event shows the same sets and reaches the same sum")
  func coordinator() throws {
    var whole = try Rehearsal(4, bits: 9)
    try whole.gather()
    try whole.share([0, 1, 2, 3])
    try whole.collect([0, 1, 3])
    try whole.confirm([0, 1, 3])
    try whole.answer([0, 1, 3])
    let sum = try whole.unmask()
    let key = whole.coordinatorSigner.publicKey
    for count in 0...whole.events.count {
      let recorded = try reborn(Array(whole.events[..<count]))
      var round = try CoordinatorRound(plan: whole.signedPlan, coordinator: key, replaying: recorded)
      round = try reborn(round)
      for event in whole.events[count...] { try round.apply(event) }
      for name in whole.coordinator.rosterNames {
        #expect(round.delivery(for: name) == whole.coordinator.delivery(for: name))
        #expect(round.survivorSet(for: name) == whole.coordinator.survivorSet(for: name))
      }
      #expect(round.quorum == whole.coordinator.quorum)
      if count == whole.events.count { #expect(try round.unmask { whole.stored[$0.digest]! } == sum) }
    }
  }

  @Test("The sum does not depend on the order in which uploads and answers arrive")
  func order() throws {
    var sums: [RoundSum] = []
    for order in [[0, 1, 2, 3], [3, 1, 0, 2]] {
      var rehearsal = try Rehearsal(4)
      try rehearsal.gather()
      try rehearsal.share(order)
      try rehearsal.collect(order)
      try rehearsal.confirm(order)
      try rehearsal.answer(order)
      sums.append(try rehearsal.unmask())
    }
    #expect(sums[0] == sums[1])
  }

  @Test("A replay that would freeze another set is refused")
  func divergedReplay() throws {
    var rehearsal = try Rehearsal(4)
    try rehearsal.gather()
    try rehearsal.share([0, 1, 2, 3])
    let key = rehearsal.coordinatorSigner.publicKey
    func replay(_ events: [RoundEvent]) -> AveragingError? {
      refusal { _ = try CoordinatorRound(plan: rehearsal.signedPlan, coordinator: key, replaying: events) }
    }
    #expect(replay(rehearsal.events) == nil)
    var events = rehearsal.events
    events.remove(at: 5)  // one of the share messages
    #expect(replay(events) == .replayDiverged("set of sharers"))
    events = rehearsal.events
    events.remove(at: 0)  // one of the adverts
    #expect(replay(events) == .replayDiverged("roster"))
  }

  @Test("A repeated message is taken once and answered again")
  func repeats() throws {
    var rehearsal = try Rehearsal(3)
    try rehearsal.gather()
    let advert = rehearsal.members[0].round.advert
    #expect(try rehearsal.coordinator.submit(advert, from: rehearsal.members[0].peer) == nil)
    try rehearsal.share([0, 1, 2])
    #expect(try rehearsal.coordinator.submit(try rehearsal.shares(0), from: "bay") == nil)
    try rehearsal.collect([0, 1, 2])
    let upload = try #require(rehearsal.members[0].round.upload)
    #expect(try rehearsal.coordinator.submit(upload, from: "bay") == nil)
    try rehearsal.confirm([0, 1, 2])
    #expect(try rehearsal.coordinator.submit(try rehearsal.confirmation(0), from: "bay") == nil)
    try rehearsal.answer([0, 1, 2])
    #expect(try rehearsal.coordinator.submit(try rehearsal.answer(0) as UnmaskAnswer, from: "bay") == nil)
    rehearsal.expect(try rehearsal.unmask(), of: [0, 1, 2])
  }
}
