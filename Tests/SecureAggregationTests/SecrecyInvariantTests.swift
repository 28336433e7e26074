import Testing

@testable import SecureAggregation

@Suite("Whatever happens, no one's two secrets can both be had")
struct SecrecyInvariantTests {
  /// Counts, for each participant, who revealed a share of b and who one of mu, over everything that ever left a node.
  struct Recorder {
    var selfMask: [UInt16: Set<Int>] = [:]
    var maskKey: [UInt16: Set<Int>] = [:]

    mutating func take(_ answer: UnmaskAnswer, from holder: Int) {
      for entry in answer.entries {
        if entry.ofSelfMask {
          selfMask[entry.rank, default: []].insert(holder)
        } else {
          maskKey[entry.rank, default: []].insert(holder)
        }
      }
    }

    func holds(threshold: Int) -> Bool {
      selfMask.keys.allSatisfy { (selfMask[$0]?.count ?? 0) < threshold || (maskKey[$0]?.count ?? 0) < threshold }
    }
  }

  @Test(
    "A coordinator that shows random survivor sets and random quorums never gets t shares of both", arguments: 0..<12)
  func randomCoordinator(seed: Int) throws {
    let n = 5 + seed % 3
    var generator = SeededGenerator(UInt64(seed) + 100)
    var rehearsal = try Rehearsal(n, plan: Rehearsal.plan(colluders: 1), bits: 8, seed: UInt64(seed) + 1)
    try rehearsal.gather()
    try rehearsal.share(rehearsal.everyone)
    for k in rehearsal.everyone { _ = try rehearsal.upload(k) }
    let thresholds = try #require(rehearsal.coordinator.thresholds)
    let transcript = try #require(rehearsal.coordinator.transcript)
    var recorder = Recorder()
    var pool: [Digest: [UInt16: SecureAggregation.Confirmation]] = [:]
    var stories: [[Int]] = []
    var answers = 0
    // The last c = 1 participants collude: they sign anything and answer everything.
    let colluder = n - 1
    for _ in 0..<400 {
      // Mostly one story, so that some answers do come, and now and then another.
      let ranks =
        if stories.isEmpty {
          rehearsal.everyone.filter { $0 != seed % 2 }
        } else if generator.next() % 8 == 0 {
          rehearsal.everyone.filter { _ in generator.next() % 8 != 0 }
        } else {
          stories[generator.next() % 4 == 0 ? Int(generator.next() % UInt64(stories.count)) : 0]
        }
      guard !ranks.isEmpty else { continue }
      stories.append(ranks)
      let leaves = ranks.map { rehearsal.members[$0].round.upload!.statement.digest.bytes }
      var set = SurvivorSet(
        sharers: rehearsal.coordinator.sharers!, survivors: Bitmap(capacity: n, ranks: ranks),
        root: MerkleTree.root(leaves), inclusionProof: [])
      let hash = set.hash(transcript: transcript)
      pool[hash, default: [:]][UInt16(colluder)] = SecureAggregation.Confirmation(
        rank: UInt16(colluder),
        signature: try rehearsal.members[colluder].signer.sign(label: "fsa1/sig/h2", hash.bytes))
      let k = Int(generator.next() % UInt64(colluder))
      // The owner resumes after every alarm, which is the worst that an owner can do.
      rehearsal.members[k].ledger.resume()
      if let index = ranks.firstIndex(of: k) {
        set.inclusionProof = MerkleTree.inclusionProof(leaves, index: index)
        if let confirmation = try? rehearsal.members[k].confirm(set, rehearsal.policy) {
          pool[hash, default: [:]][UInt16(k)] = confirmation
        }
      }
      rehearsal.members[k].ledger.resume()
      let quorum = Quorum(survivorsHash: hash, confirmations: Array(pool[hash]!.values))
      if let answer = try? rehearsal.members[k].answer(quorum) {
        recorder.take(answer, from: k)
        answers += 1
      }
      // The colluder's own shares of everything, of both kinds.
      for rank in rehearsal.everyone {
        recorder.selfMask[UInt16(rank), default: []].insert(colluder)
        recorder.maskKey[UInt16(rank), default: []].insert(colluder)
      }
      #expect(recorder.holds(threshold: thresholds.threshold))
    }
    #expect(answers > 0)
  }

  @Test("In honest rounds each survivor reveals exactly one share for each sharer, of the secret that is due")
  func honestAnswers() throws {
    var rehearsal = try Rehearsal(5, plan: Rehearsal.plan(colluders: 1))
    try rehearsal.gather()
    try rehearsal.share(rehearsal.everyone)
    try rehearsal.collect([0, 2, 3, 4])
    try rehearsal.confirm([0, 2, 3, 4])
    for k in [0, 2, 3, 4] {
      let answer: UnmaskAnswer = try rehearsal.answer(k)
      #expect(answer.entries.map(\.rank) == [0, 1, 2, 3, 4])
      #expect(answer.entries.map(\.ofSelfMask) == [true, false, true, true, true])
    }
  }

  @Test("Keys are used once: no two streams of a round, and none of two rounds, share a key")
  func keysAreUsedOnce() throws {
    var seen: Set<[UInt8]> = []
    var count = 0
    for round in 1...2 as ClosedRange<UInt64> {
      var rehearsal = try Rehearsal(4, plan: Rehearsal.plan(roundID: round))  // the same seeds: T alone differs
      try rehearsal.gather()
      let transcript = rehearsal.coordinator.transcript!
      for k in 0..<4 {
        let keys = RoundKeys(seed: rehearsal.members[k].seed)
        let own = MaskKeys.own(keys.selfSecret, rank: k, transcript: transcript)
        for key in [own.vector, own.tail, own.statistics] {
          seen.insert(key.bytes)
          count += 1
        }
        for j in 0..<4 where j != k {
          let advert = rehearsal.coordinator.roster!.adverts[j].advert
          let product = try #require(try Primitives.x25519(keys.shareScalar, advert.shareKey))
          seen.insert(RoundKeys.sealing(product, from: k, to: j, transcript: transcript).key.bytes)
          count += 1
          guard k < j else { continue }
          let pair = MaskKeys.pair(
            try #require(try Primitives.x25519(keys.maskScalar, advert.maskKey)), k, j, transcript: transcript)
          for key in [pair.vector, pair.tail, pair.statistics] {
            seen.insert(key.bytes)
            count += 1
          }
        }
      }
    }
    #expect(seen.count == count)
  }
}
