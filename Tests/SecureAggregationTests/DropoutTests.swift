import Testing

@testable import SecureAggregation

@Suite("Dropouts")
struct DropoutTests {
  @Test(
    """
    Every pattern of stopping ends in the plain sum of the survivors or in a named abandonment when at every stage a \
    participant and the coordinator restart
    """,
    arguments: [(3, 0, 12), (4, 1, 9)])
  func restarts(participants: Int, colluders: Int, bits: Int) throws {
    var gathered = try Rehearsal(participants, plan: Rehearsal.plan(colluders: UInt16(colluders)), bits: bits)
    try gathered.gather()
    let messages = try gathered.everyone.map { try gathered.shares($0) }
    let thresholds = try #require(gathered.coordinator.thresholds)
    var finished = 0
    let patterns = (0..<participants).reduce(1) { product, _ in product * 5 }
    for pattern in 0..<patterns {
      var rest = pattern
      let stops = (0..<participants).map { _ in
        defer { rest /= 5 }
        return Stop(rawValue: rest % 5)!
      }
      var round = gathered
      let who = { (last: Stop) in stops.indices.filter { stops[$0].rawValue > last.rawValue } }
      var sum: RoundSum?
      let error = refusal {
        var stage = pattern
        func restart() throws {
          stage += 1
          try round.restart(stage % participants)
        }
        try restart()
        for k in who(.beforeShares) {
          round.record(try round.coordinator.submit(messages[k], from: round.members[k].name))
        }
        round.record(try round.coordinator.freezeSharers())
        try restart()
        try round.collect(who(.beforeUpload))
        try restart()
        try round.confirm(who(.beforeConfirmation))
        try restart()
        try round.answer(who(.beforeAnswer))
        try restart()
        sum = try round.unmask()
      }
      let outcome = ExactnessTests.expected(stops, thresholds, names: Rehearsal.names)
      #expect(error == outcome.error, "\(stops)")
      #expect((sum != nil) == (outcome.error == nil), "\(stops)")
      if let sum {
        round.expect(sum, of: outcome.survivors)
        finished += 1
      }
    }
    #expect(finished == ExactnessTests.finishing(participants, thresholds))
  }

  @Test("A cohort of twenty loses seven in all and still gives the plain sum")
  func larger() throws {
    var rehearsal = try Rehearsal(20, plan: Rehearsal.plan(minimum: 6, colluders: 4), bits: 16)
    try rehearsal.gather()
    #expect(rehearsal.coordinator.thresholds?.threshold == 13)
    try rehearsal.share(Array(2..<20))
    try rehearsal.collect(Array(4..<20))
    try rehearsal.confirm(Array(6..<20))
    try rehearsal.answer(Array(7..<20))
    rehearsal.expect(try rehearsal.unmask(), of: Array(4..<20))
  }

  @Test("Wrong shares of a dishonest survivor are got around and it is named")
  func wrongShares() throws {
    var rehearsal = try Rehearsal(5, plan: Rehearsal.plan(colluders: 0))
    try rehearsal.gather()
    try rehearsal.share(rehearsal.everyone)
    try rehearsal.collect([0, 1, 2, 3])
    try rehearsal.confirm([0, 1, 2, 3])
    for k in 0..<4 {
      var answer = try rehearsal.answer(k)
      if k == 1 { for e in answer.entries.indices { answer.entries[e].share[e] ^= 0x10 } }
      rehearsal.record(try rehearsal.coordinator.submit(answer, from: rehearsal.members[k].name))
    }
    let sum = try rehearsal.unmask()
    rehearsal.expect(sum, of: [0, 1, 2, 3])
    #expect(sum.wrongShares == ["coast"])
  }

  @Test("Wrong shares that leave fewer than the threshold abandon the round, naming whose secret is lost")
  func tooManyWrongShares() throws {
    var rehearsal = try Rehearsal(3)
    try rehearsal.gather()
    try rehearsal.share([0, 1, 2])
    try rehearsal.collect([0, 1, 2])
    try rehearsal.confirm([0, 1, 2])
    for k in 0..<3 {
      var answer = try rehearsal.answer(k)
      if k == 2 { answer.entries[1].share[0] ^= 1 }
      try rehearsal.coordinator.submit(answer, from: rehearsal.members[k].name)
    }
    #expect(refusal { _ = try rehearsal.unmask() } == .sharesDoNotReconstruct("coast"))
  }

  @Test("A share that does not open is reported and left out, and the round goes on")
  func unopenedShare() throws {
    var rehearsal = try Rehearsal(5, plan: Rehearsal.plan(colluders: 1))
    try rehearsal.gather()
    for k in rehearsal.everyone {
      var message = try rehearsal.shares(k)
      // bay's share for coast is spoilt.
      if k == 0 { message.shares[0].ciphertext[5] ^= 1 }
      rehearsal.record(try rehearsal.coordinator.submit(message, from: rehearsal.members[k].name))
    }
    rehearsal.record(try rehearsal.coordinator.freezeSharers())
    try rehearsal.collect(rehearsal.everyone)
    #expect(rehearsal.members[1].round.upload?.statement.unopened.ranks == [0])
    try rehearsal.confirm(rehearsal.everyone)
    try rehearsal.answer(rehearsal.everyone)
    #expect(rehearsal.members[1].round.answer?.entries.map(\.rank) == [1, 2, 3, 4])
    rehearsal.expect(try rehearsal.unmask(), of: rehearsal.everyone)
  }

  @Test("One whose shares too many could not open is left out of the survivors")
  func unopenableSender() throws {
    var rehearsal = try Rehearsal(5, plan: Rehearsal.plan(colluders: 1))  // t = 4: one failure is tolerated
    try rehearsal.gather()
    for k in rehearsal.everyone {
      var message = try rehearsal.shares(k)
      if k == 0 { for share in 0..<2 { message.shares[share].ciphertext[0] ^= 1 } }
      rehearsal.record(try rehearsal.coordinator.submit(message, from: rehearsal.members[k].name))
    }
    rehearsal.record(try rehearsal.coordinator.freezeSharers())
    try rehearsal.collect(rehearsal.everyone)
    #expect(rehearsal.coordinator.survivorNames == ["coast", "delta", "hill", "lake"])
    #expect(rehearsal.coordinator.survivorSet(for: "bay") == nil)
    try rehearsal.confirm([1, 2, 3, 4])
    try rehearsal.answer([1, 2, 3, 4])
    #expect(refusal { _ = try rehearsal.unmask() } == .tooFewShares(of: "bay", have: 2, need: 4))
  }

  @Test("A total weight that survivors cannot have abandons the round")
  func impossibleWeight() throws {
    for (weight, total) in [(0 as UInt32, 2 as UInt64), (5000, 5002)] {
      var rehearsal = try Rehearsal(3)
      for k in 0..<3 { rehearsal.members[k].input.tail[0] = 1 }
      try rehearsal.gather()
      try rehearsal.share([0, 1, 2])
      // A participant that checks nothing masks a weight that its own machine would have refused.
      let honest = try rehearsal.upload(0)
      var lanes = MaskedLanes(rehearsal.shape)
      lanes.add(packed: honest.payload)
      var change = MaskedInput(
        vector: [UInt32](repeating: 0, count: rehearsal.shape.count),
        tail: [UInt32](repeating: 0, count: rehearsal.shape.tailLanes))
      change.tail[0] = weight &- 1
      lanes.add(packed: MaskedLanes(change, shape: rehearsal.shape).packed())
      var statement = honest.statement
      statement.digest = MaskedUpload.digest(of: lanes.packed())
      statement.signature = try rehearsal.members[0].signer.sign(
        label: "fsa1/sig/y",
        UploadStatement.signedBytes(
          transcript: rehearsal.coordinator.transcript!, rank: 0, digest: statement.digest, unopened: statement.unopened
        ))
      let forged = MaskedUpload(statement: statement, payload: lanes.packed())
      rehearsal.members[0].round.upload = forged
      try rehearsal.take(forged, from: "bay")
      try rehearsal.collect([1, 2])
      try rehearsal.confirm([0, 1, 2])
      try rehearsal.answer([0, 1, 2])
      #expect(
        refusal { _ = try rehearsal.unmask() }
          == .impossibleTotalWeight(total: total, survivors: 3, maximumWeight: 1000))
    }
  }
}
