import Testing

@testable import SecureAggregation

/// Where a participant stops for good: before the message of that number, or never.
enum Stop: Int, CaseIterable {
  case beforeShares, beforeUpload, beforeConfirmation, beforeAnswer, never
}

@Suite("Whoever is lost, the sum is the plain sum of the survivors or there is none")
struct ExactnessTests {
  /// How the round must end, from the thresholds alone.
  static func expected(
    _ stops: [Stop], _ thresholds: Thresholds, names: [String]
  ) -> (survivors: [Int], error: AveragingError?) {
    let count = { (least: Stop) in stops.indices.filter { stops[$0].rawValue > least.rawValue } }
    let sharers = count(.beforeShares)
    let survivors = count(.beforeUpload)
    let need = thresholds.minimumSurvivors
    if sharers.count < need { return ([], .tooFewSharers(have: sharers.count, need: need)) }
    if survivors.count < need { return ([], .tooFewSurvivors(have: survivors.count, need: need)) }
    let confirmed = count(.beforeConfirmation)
    if confirmed.count < thresholds.quorum {
      return ([], .tooFewConfirmations(have: confirmed.count, need: thresholds.quorum))
    }
    let answered = count(.beforeAnswer)
    if answered.count < thresholds.threshold {
      return (
        [], .tooFewShares(of: names[sharers[0]], have: answered.count, need: thresholds.threshold)
      )
    }
    return (survivors, nil)
  }

  // MARK: Every pattern, up to six

  static func subsets(_ of: [Int]) -> [[Int]] {
    (0..<1 << of.count).map { bits in of.indices.filter { bits >> $0 & 1 == 1 }.map { of[$0] } }
  }

  /// 5 stages for each of n participants are chains U1 ⊇ U2 ⊇ confirmed ⊇ answered. They are walked as a tree, and what
  /// many patterns begin with happens once; where a set is too small, all patterns that begin so end there.
  @Test(
    "Every pattern of stopping at five stages, all messages and signatures included",
    arguments: [(3, 0), (3, 1), (4, 0), (4, 1), (5, 0), (5, 1), (6, 0), (6, 1)])
  func everyPattern(participants: Int, colluders: Int) throws {
    var gathered = try Rehearsal(
      participants, plan: Rehearsal.plan(colluders: UInt16(colluders), dimension: 2, tail: 1), bits: 9)
    try gathered.gather()
    let thresholds = try #require(gathered.coordinator.thresholds)
    let messages = try gathered.everyone.map { try gathered.shares($0) }
    var patterns = 0
    var finished = 0
    for sharers in Self.subsets(gathered.everyone) {
      var shared = gathered
      for k in sharers { try shared.coordinator.submit(messages[k], from: shared.members[k].name) }
      guard sharers.count >= thresholds.minimumSurvivors else {
        let have = sharers.count
        #expect(
          refusal { try shared.coordinator.freezeSharers() }
            == .tooFewSharers(have: have, need: thresholds.minimumSurvivors))
        patterns += power(4, have)
        continue
      }
      try shared.coordinator.freezeSharers()
      let uploads = try sharers.map { ($0, try shared.upload($0)) }
      for survivors in Self.subsets(sharers) {
        var collected = shared
        for (k, upload) in uploads where survivors.contains(k) {
          try collected.take(upload, from: collected.members[k].name)
        }
        guard survivors.count >= thresholds.minimumSurvivors else {
          let have = survivors.count
          #expect(
            refusal { try collected.coordinator.freezeSurvivors() }
              == .tooFewSurvivors(have: have, need: thresholds.minimumSurvivors))
          patterns += power(3, have)
          continue
        }
        try collected.coordinator.freezeSurvivors()
        let confirmations = try survivors.map { ($0, try collected.confirmation($0)) }
        for confirmed in Self.subsets(survivors) {
          var confirming = collected
          for (k, message) in confirmations where confirmed.contains(k) {
            try confirming.coordinator.submit(message, from: confirming.members[k].name)
          }
          guard confirmed.count >= thresholds.quorum else {
            let have = confirmed.count
            #expect(
              refusal { try confirming.coordinator.freezeConfirmations() }
                == .tooFewConfirmations(have: have, need: thresholds.quorum))
            patterns += power(2, have)
            continue
          }
          try confirming.coordinator.freezeConfirmations()
          let answers = try confirmed.map { ($0, try confirming.answer($0)) }
          for answered in Self.subsets(confirmed) {
            var unmasking = confirming
            var recorder = SecrecyInvariantTests.Recorder()
            for (k, answer) in answers where answered.contains(k) {
              try unmasking.coordinator.submit(answer, from: unmasking.members[k].name)
              recorder.take(answer, from: k)
            }
            patterns += 1
            #expect(recorder.holds(threshold: thresholds.threshold))
            if answered.count >= thresholds.threshold {
              unmasking.expect(try unmasking.unmask(), of: survivors)
              finished += 1
            } else {
              let first = unmasking.members[sharers[0]].name
              #expect(
                refusal { _ = try unmasking.unmask() }
                  == .tooFewShares(of: first, have: answered.count, need: thresholds.threshold))
            }
          }
        }
      }
    }
    #expect(patterns == power(5, participants))
    // Those that finish have U1 and U2 of at least m = max(3, t) and t that answer: by the multinomial theorem, the sum over
    // all numbers of participants in each of the five stages.
    #expect(finished == Self.finishing(participants, thresholds))
  }

  /// How many of the 5^n patterns finish, counted by sizes alone.
  static func finishing(_ n: Int, _ thresholds: Thresholds) -> Int {
    func choose(_ n: Int, _ k: Int) -> Int { k == 0 ? 1 : choose(n - 1, k - 1) * n / k }
    var total = 0
    for survivors in thresholds.minimumSurvivors...n {
      // Each of the others stopped before its shares or before its upload.
      let before = choose(n, survivors) * power(2, n - survivors)
      for answered in thresholds.threshold...survivors {
        // Each other survivor stopped before its confirmation or before its answer; answered ≥ t leaves the quorum whole.
        total += before * choose(survivors, answered) * power(2, survivors - answered)
      }
    }
    return total
  }

  // MARK: Larger cohorts

  /// A pattern that loses up to `limit`, at any stage.
  static func stops(_ count: Int, losing limit: Int, _ generator: inout SeededGenerator) -> [Stop] {
    var stops = [Stop](repeating: .never, count: count)
    let lost = Int(generator.next() % UInt64(limit + 1))
    for k in (0..<count).shuffled(using: &generator).prefix(lost) {
      // One that shared and did not upload costs a product with every survivor, so that stage is the rarer one.
      let stage = generator.next() % 16
      stops[k] =
        stage < 7 ? .beforeShares : stage < 8 ? .beforeUpload : stage < 12 ? .beforeConfirmation : .beforeAnswer
    }
    return stops
  }

  @Test("Ten thousand random patterns of fifty", arguments: 0..<4 as Range<UInt64>)
  func fifty(slice: UInt64) throws {
    let names = (0..<50).map { "site-\(100 + $0)" }
    let round = try DirectRound(names, colluders: 10)
    #expect(round.thresholds.threshold == 31)
    var generator = SeededGenerator(slice)
    var finished = 0
    for _ in 0..<2500 {
      // 19 may be lost in all; up to 22 are.
      let stops = Self.stops(50, losing: 22, &generator)
      let outcome = Self.expected(stops, round.thresholds, names: names)
      var recorder = SecrecyInvariantTests.Recorder()
      var sum: RoundSum?
      let error = refusal { sum = try round.run(stops, recorder: &recorder) }
      #expect(error == outcome.error)
      #expect(recorder.holds(threshold: 31))
      if let sum {
        let plain = round.plainSum(outcome.survivors)
        #expect(sum.vector == plain.vector && sum.tail == plain.tail)
        #expect(sum.survivors.count == outcome.survivors.count && sum.wrongShares.isEmpty)
        finished += 1
      }
    }
    // Of 0 to 22 lost, all alike, at most 19 let the round finish: 20 in 23 of 2,500 are 2,174, with a deviation of 17.
    #expect(abs(finished - 2174) < 100)
  }

  @Test("Cohorts of 256 and 1,000 in groups, one in twenty lost", arguments: [256, 1000])
  func grouped(participants: Int) throws {
    var generator = SeededGenerator(UInt64(participants))
    let cohort = try CohortGroups(participants: participants, key: Secret(generator.bytes(32)))
    var total: RoundSum?
    var expected = (vector: [UInt32](repeating: 0, count: 2), tail: [0 as UInt32])
    for group in cohort.members {
      let names = group.map { "site-\(10_000 + $0)" }
      let round = try DirectRound(
        names, colluders: UInt16(Thresholds.defaultColluders(participants: names.count)), bits: 20,
        seed: generator.next())
      var stops = [Stop](repeating: .never, count: names.count)
      for k in stops.indices where generator.next() % 20 == 0 {
        stops[k] = Stop(rawValue: Int(generator.next() % 4))!
      }
      var recorder = SecrecyInvariantTests.Recorder()
      let sum = try round.run(stops, recorder: &recorder)
      #expect(recorder.holds(threshold: round.thresholds.threshold))
      if total == nil { total = sum } else { try total?.add(sum, bits: 20) }
      let plain = round.plainSum(stops.indices.filter { stops[$0].rawValue > Stop.beforeUpload.rawValue })
      for k in 0..<2 { expected.vector[k] = (expected.vector[k] + plain.vector[k]) & 0xFFFFF }
      expected.tail[0] += plain.tail[0]
    }
    #expect(total?.vector == expected.vector && total?.tail == expected.tail)
    #expect((total?.survivors.count ?? 0) > participants * 17 / 20)
  }
}

private func power(_ base: Int, _ exponent: Int) -> Int { (0..<exponent).reduce(1) { product, _ in product * base } }
