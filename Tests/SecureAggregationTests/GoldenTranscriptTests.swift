import Testing

@testable import SecureAggregation

@Suite("Whole rounds of the published vectors")
struct GoldenTranscriptTests {
  static let files = [
    ("rounds-3", 24), ("rounds-4", 24), ("rounds-5", 24), ("rounds-10", 24), ("rounds-special", 7),
  ]

  @Test("From the seeds alone, every message has the same bytes, and the sum is the same", arguments: files)
  func rounds(file: String, count: Int) throws {
    let rounds = try published(file, as: [PublishedRound].self)
    #expect(rounds.count == count)
    // Every length and width, and a loss at every stage.
    if file != "rounds-special" { checkCoverage(rounds) }
    for round in rounds { try check(round) }
  }

  private func checkCoverage(_ rounds: [PublishedRound]) {
    let combinations = Set(rounds.map { [Int($0.plan.dimension), $0.shape.bits] })
    #expect(combinations == Set([1, 7, 1000, 32771].flatMap { d in [8, 9, 12, 16, 20, 32].map { [d, $0] } }))
    #expect(rounds.contains { !$0.losses.beforeConfirmation.isEmpty })
    #expect(rounds.contains { !$0.losses.beforeAnswer.isEmpty })
    // Three participants, the least that a round may have, can lose none before the survivors are fixed.
    let early =
      rounds.contains { !$0.losses.beforeShares.isEmpty } && rounds.contains { !$0.losses.beforeUpload.isEmpty }
    #expect(early == (rounds[0].members.count > 3))
  }

  private func check(_ golden: PublishedRound) throws {
    let name = Comment(rawValue: golden.name)
    var round = try golden.rehearsal()
    let plan = golden.roundPlan
    #expect(plan.canonicalBytes == golden.planBytes.bytes, name)
    #expect(plan.hash == golden.planHash.digest, name)
    #expect(round.signedPlan.signature == golden.planSignature.bytes, name)
    for (rank, input) in golden.inputs.enumerated() {
      #expect(input.matches(round.members[rank].input), name)
    }

    try round.gather()
    #expect(round.members.map(\.round.advert) == golden.adverts.map(\.signed), name)
    #expect(round.coordinator.rosterRoot == golden.rosterRoot.digest, name)
    #expect(round.coordinator.transcript == golden.transcript.digest, name)
    #expect(round.coordinator.thresholds?.threshold == golden.threshold, name)
    #expect(round.coordinator.thresholds?.minimumSurvivors == golden.minimumSurvivors, name)

    let sharers = round.everyone.filter { !golden.losses.beforeShares.contains($0) }
    #expect(golden.shares.map { Int($0.rank) } == sharers, name)
    for expected in golden.shares {
      let rank = Int(expected.rank)
      var message = try round.shares(rank)
      for index in message.shares.indices where golden.spoilt.contains([rank, Int(message.shares[index].rank)]) {
        message.shares[index].ciphertext[0] ^= 1
      }
      #expect(message == expected.message, name)
      round.record(try round.coordinator.submit(message, from: round.members[rank].name))
    }
    round.record(try round.coordinator.freezeSharers())
    #expect(round.coordinator.sharers?.bytes == golden.sharers.bytes, name)

    try round.collect(sharers.filter { !golden.losses.beforeUpload.contains($0) })
    for expected in golden.uploads {
      let upload = try #require(round.members[Int(expected.rank)].round.upload)
      #expect(upload.statement.digest == expected.digest.digest, name)
      #expect(upload.statement.unopened.bytes == expected.unopened.bytes, name)
      #expect(upload.statement.signature == expected.signature.bytes, name)
      #expect(expected.payload.matches(upload.payload), name)
    }
    #expect(round.coordinator.survivors?.bytes == golden.survivors.bytes, name)
    #expect(round.coordinator.survivorsHash == golden.survivorsHash.digest, name)
    let survivors = try #require(round.coordinator.survivors?.ranks)
    for (rank, proof) in zip(survivors, golden.inclusionProofs) {
      let set = round.coordinator.survivorSet(for: round.members[rank].name)
      #expect(set?.root == golden.uploadsRoot.digest, name)
      #expect(set?.inclusionProof == proof.map(\.digest), name)
    }

    let confirmers = survivors.filter { !golden.losses.beforeConfirmation.contains($0) }
    try round.confirm(confirmers)
    #expect(round.coordinator.quorum?.confirmations == golden.confirmations.map(\.message), name)

    let answerers = confirmers.filter { !golden.losses.beforeAnswer.contains($0) }
    #expect(golden.answers.map { Int($0.rank) } == answerers, name)
    for expected in golden.answers {
      let rank = Int(expected.rank)
      var answer = try round.answer(rank)
      if golden.lying.contains(rank) {
        for entry in answer.entries.indices { answer.entries[entry].share[0] ^= 0x10 }
      }
      #expect(answer == expected.message, name)
      round.record(try round.coordinator.submit(answer, from: round.members[rank].name))
    }

    let sum = try round.unmask()
    round.expect(sum, of: survivors)
    #expect(golden.sum.matches(MaskedInput(vector: sum.vector, tail: sum.tail, statistics: sum.statistics)), name)
    #expect(sum.wrongShares == golden.wrongShares, name)

    let close = golden.roundClose
    #expect(close.rosterRoot == round.coordinator.rosterRoot && close.totalWeight == sum.totalWeight ?? 0, name)
    #expect(close.canonicalBytes == golden.closeBytes.bytes, name)
    #expect(close.hash == golden.closeHash.digest, name)
    #expect(try SignedRoundClose(close, signer: round.coordinatorSigner).signature == golden.closeSignature.bytes, name)
  }
}

extension PublishedRound.Lanes {
  func matches(_ lanes: MaskedInput) -> Bool {
    vector.matches(lanes.vector.littleEndianBytes) && tail.matches(lanes.tail.littleEndianBytes)
      && statistics.matches(lanes.statistics.littleEndianBytes)
  }
}
