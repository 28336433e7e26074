import Federation
import SecureAggregation

// What masked values look like: of every round, whatever was masked.

extension Attack {
  static let keysUsedOnce = Attack(
    name: "keys-used-once", row: "one key per pair reused across rounds (MicroSecAgg class)",
    breaks: "the difference of two rounds",
    does: "looks for a key, commitment or nonce that comes twice in a whole run",
    end: .property,
    play: .judged { coordinator in
      try await coordinator.goOn()
      var seen: Set<[UInt8]> = []
      var verdict = Verdict(seen: "", participants: coordinator.members.count)
      for case .received(.advert(let signed), let round, let name) in coordinator.events {
        let advert = signed.advert
        for once in [advert.shareKey, advert.maskKey, advert.commitment.bytes, advert.nonce]
        where !seen.insert(once).inserted {
          verdict.complain("\(name) shows something a second time in round \(round)")
        }
      }
      if verdict.isAsStated { verdict.seen = "\(seen.count) keys, commitments and nonces, all different" }
      if seen.count < 20 * coordinator.members.count { verdict.complain("only \(seen.count) keys came") }
      return verdict
    })

  static let uniformUploads = Attack(
    name: "uniform-uploads", row: "non-uniform mask range (Flower `randint(0, R-1)`)",
    breaks: "a bias that values show in",
    does: "counts the bytes of every upload of a whole run", end: .property,
    play: .judged { coordinator in
      try await coordinator.goOn()
      var counts = Occurrences(cells: 256)
      for case .received(.upload(let upload, _), _, _) in coordinator.events { counts.add(upload.payload) }
      return counts.verdict(of: "bytes of uploads", participants: coordinator.members.count)
    })

  static let denseUploads = Attack(
    name: "dense-uploads", row: "sparse positions with one contributor (2508.04285)", breaks: "a coordinate is exposed",
    does: "looks for an upload whose length tells anything of its values", end: .property,
    play: .judged { coordinator in
      try await coordinator.goOn()
      var lengths: [UInt64: Set<Int>] = [:]
      for case .received(.upload(let upload, _), let round, _) in coordinator.events {
        lengths[round, default: []].insert(upload.payload.count)
      }
      var verdict = Verdict(
        seen: "one length for all in each of \(lengths.count) rounds", participants: coordinator.members.count)
      for (round, found) in lengths where found.count != 1 {
        verdict.complain("round \(round) has uploads of \(found) bytes")
      }
      if lengths.isEmpty { verdict.complain("no upload came") }
      return verdict
    })

  static let uniformLanes = Attack(
    name: "uniform-lanes", row: "non-uniform mask range (Flower `randint(0, R-1)`)",
    breaks: "a bias that values show in",
    does: "masks the same values of every width, and counts what lanes come out", end: .property,
    play: .measured {
      var worst = 0.0
      var verdict = Verdict(seen: "", participants: 0)
      for bits in [8, 9, 12, 16, 20, 32] {
        let lanes = try PaperRound(bits: bits, count: 1 << 18).lanes(seeds: PaperRound.seeds())
        // The low bits tell a range that is cut short, the high ones a generator that is too small.
        let width = min(bits, 12)
        for shift in Set([0, bits - width]) {
          var counts = Occurrences(cells: 1 << width)
          for lane in lanes { counts.add(Int(lane >> UInt32(shift)) & (1 << width - 1)) }
          let deviation = counts.deviation
          worst = abs(deviation) > abs(worst) ? deviation : worst
          if abs(deviation) > Occurrences.tolerated {
            verdict.complain("lanes of \(bits) bits lie \(deviation) sigma off")
          }
        }
      }
      if verdict.isAsStated { verdict.seen = "chi-square of 8 to 32 bits: at most \(sigma(worst)) off uniform" }
      return verdict
    })

  static let unrelatedMasks = Attack(
    name: "unrelated-masks", row: "32-bit or non-crypto mask PRG", breaks: "masks can be searched for",
    does: "changes one bit of a participant's seed, and compares all masked lanes", end: .property,
    play: .measured {
      let round = PaperRound(bits: 32, count: 1 << 16)
      let seeds = try PaperRound.seeds()
      let before = try round.lanes(seeds: seeds)
      var verdict = Verdict(seen: "", participants: 0)
      var worst = 0.0
      for bit in [0, 31, 32, 127, 255] {
        var changed = seeds
        changed[0][bit / 8] ^= 1 << UInt8(bit % 8)
        let after = try round.lanes(seeds: changed)
        let differing = zip(before, after).reduce(0) { $0 + ($1.0 ^ $1.1).nonzeroBitCount }
        // Of unrelated lanes each bit differs with probability 1/2.
        let bits = Double(before.count * 32)
        let deviation = (Double(differing) - bits / 2) / (bits / 4).squareRoot()
        worst = abs(deviation) > abs(worst) ? deviation : worst
        if abs(deviation) > Occurrences.tolerated {
          verdict.complain("with bit \(bit) changed, \(differing) of \(Int(bits)) bits differ")
        }
      }
      if verdict.isAsStated { verdict.seen = "half of all bits differ, at most \(sigma(worst)) off" }
      return verdict
    })

  static let integerWrap = Attack(
    name: "integer-wrap", row: "integer wrap / weight overflow", breaks: "silent garbage",
    does: "adds up, for 3 to 255 participants, updates that all lie in one coordinate", end: .property,
    play: .measured {
      var verdict = Verdict(seen: "no sum leaves the ring, and no weight its lane", participants: 0)
      for participants in 3...Thresholds.largestCohort {
        let (bits, largest) = PaperRound.largestSum(participants: participants)
        if largest >= Double(1 << (bits - 1)) { verdict.complain("\(participants) participants wrap \(bits) bits") }
      }
      let overflow = try PaperRound(bits: 8, count: 1, maximumWeight: 1 << 30).refusal(seeds: PaperRound.seeds())
      if overflow != .weightOverflow(participants: 3, maximumWeight: 1 << 30) {
        verdict.complain("a weight that overflows its lane met \(overflow.map { $0.name } ?? "no refusal")")
      }
      return verdict
    })
}

private func sigma(_ deviation: Double) -> String { "\((abs(deviation) * 10).rounded() / 10) sigma" }
