import Testing

@testable import SecureAggregation

@Suite("Random events")
struct RandomEventsTests {
  private typealias Event = (phase: CoordinatorRound.Phase, step: (inout CoordinatorRound) throws -> Void)

  /// Everything that could reach a coordinator, with the phase that it belongs to.
  private static func pool(_ whole: Rehearsal) throws -> [Event] {
    var pool: [Event] = []
    var honest = whole
    try honest.gather()
    let shape = honest.shape
    for k in honest.everyone {
      let (name, peer, advert) = (honest.members[k].name, honest.members[k].peer, honest.members[k].round.advert)
      let shares = try honest.shares(k)
      pool.append((.gathering, { try $0.submit(advert, from: peer) }))
      pool.append((.sharing, { try $0.submit(shares, from: name) }))
      pool.append((.sharing, { try $0.submit(shares, from: Rehearsal.names[(k + 1) % 4]) }))
    }
    try honest.share(honest.everyone)
    for k in honest.everyone {
      let name = honest.members[k].name
      let upload = try honest.upload(k)
      try honest.take(upload, from: name)
      pool.append((.collecting, { try $0.submit(upload, from: name) }))
      var spoilt = upload
      spoilt.payload[0] ^= 1
      pool.append((.collecting, { [spoilt] in try $0.submit(spoilt, from: name) }))
    }
    try honest.coordinator.freezeSurvivors()
    for k in honest.everyone {
      let (name, confirmation) = (honest.members[k].name, try honest.confirmation(k))
      pool.append((.confirming, { try $0.submit(confirmation, from: name) }))
      honest.record(try honest.coordinator.submit(confirmation, from: name))
    }
    try honest.coordinator.freezeConfirmations()
    for k in honest.everyone {
      let (name, answer) = (honest.members[k].name, try honest.answer(k) as UnmaskAnswer)
      pool.append((.unmasking, { try $0.submit(answer, from: name) }))
    }
    pool.append((.gathering, { try $0.freezeRoster(shape: shape) }))
    pool.append((.sharing, { try $0.freezeSharers() }))
    pool.append((.collecting, { try $0.freezeSurvivors() }))
    pool.append((.confirming, { try $0.freezeConfirmations() }))
    return pool
  }

  @Test("No order of messages and freezes changes a frozen set, goes back a phase, or gives any sum but the plain one")
  func randomOrders() throws {
    let start = try Rehearsal(4)
    let pool = try Self.pool(start)
    var stored: [Digest: [UInt8]] = [:]
    var honest = start
    _ = try honest.run()
    stored = honest.stored
    var sums = 0
    for seed in 0..<24 as Range<UInt64> {
      var generator = SeededGenerator(seed)
      var round = start.coordinator
      for _ in 0..<120 {
        let before = round
        // Mostly what belongs to the phase, so that rounds get anywhere.
        let due = generator.next() % 8 == 0 ? pool : pool.filter { $0.phase == before.phase }
        let event = due[Int(generator.next() % UInt64(due.count))]
        let refused = refusal { try event.step(&round) } != nil
        #expect(before.phase.isAtMost(round.phase))
        if refused { #expect(before.events == round.events) }
        if let set = before.roster { #expect(round.roster == set) }
        if let set = before.sharers { #expect(round.sharers == set) }
        if let set = before.survivors { #expect(round.survivors == set) }
        if let set = before.quorum { #expect(round.quorum == set) }
      }
      guard let sum = try? round.unmask(upload: { stored[$0.digest]! }) else { continue }
      honest.expect(sum, of: sum.survivors.map { Rehearsal.names.firstIndex(of: $0.name)! })
      sums += 1
    }
    #expect(sums > 0)
  }
}

extension CoordinatorRound {
  /// How much was taken, by kind.
  fileprivate var events: [Int] {
    [adverts.count, shares.count, uploads.count, confirmations.count, answers.count]
  }
}
