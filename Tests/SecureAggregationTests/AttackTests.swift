import Testing

@testable import SecureAggregation

@Suite("A dishonest coordinator meets a named abort, and no share is revealed")
struct AttackTests {
  /// Runs the attack on every member, expects its name on each, and that attacks lock the node until its owner resumes.
  private func expectAbort(
    _ name: String, _ rehearsal: inout Rehearsal, attack: Bool = true, on who: [Int]? = nil,
    sourceLocation: SourceLocation = #_sourceLocation, _ step: (inout Member, Int) throws -> Void
  ) {
    for k in who ?? rehearsal.everyone {
      let stage = rehearsal.members[k].round.stage
      let error = refusal { try step(&rehearsal.members[k], k) }
      #expect(error?.name == name, sourceLocation: sourceLocation)
      #expect(error?.isAttack == attack, sourceLocation: sourceLocation)
      #expect(rehearsal.members[k].round.stage == stage, "nothing was taken", sourceLocation: sourceLocation)
      #expect((rehearsal.members[k].ledger.attack != nil) == attack, sourceLocation: sourceLocation)
      guard attack else { continue }
      #expect(
        refusal { try rehearsal.members[k].ledger.checkUnlocked() }?.name == "locked", sourceLocation: sourceLocation)
      #expect(refusal { try step(&rehearsal.members[k], k) }?.name == "locked", sourceLocation: sourceLocation)
      #expect(rehearsal.members[k].ledger.resume()?.error.name == name, sourceLocation: sourceLocation)
    }
  }

  private func collected(_ count: Int = 4, colluders: UInt16 = 1) throws -> Rehearsal {
    var rehearsal = try Rehearsal(count, plan: Rehearsal.plan(colluders: colluders))
    try rehearsal.gather()
    try rehearsal.share(rehearsal.everyone)
    for k in rehearsal.everyone { try rehearsal.take(try rehearsal.upload(k), from: rehearsal.members[k].name) }
    return rehearsal
  }

  @Test("Substituted keys: a changed advert without the peer's signature")
  func substitutedKeys() throws {
    var rehearsal = try Rehearsal(4)
    try rehearsal.gather()
    let (roster, shape, policy) = (rehearsal.coordinator.roster!, rehearsal.shape, rehearsal.policy)
    for change in 0..<3 {
      var adverts = roster.adverts
      let own = try Primitives.x25519PublicKey(Secret([UInt8](repeating: 8, count: 32)))
      switch change {
      case 0: adverts[3].advert.shareKey = own
      case 1: adverts[3].advert.maskKey = own
      default: adverts[3].advert.commitment = .zero
      }
      let changed = Roster(adverts)
      expectAbort("forgedSignature", &rehearsal, on: [0, 1, 2]) { member, _ in
        _ = try member.share(changed, shape, policy)
      }
      expectAbort("changedAdvert", &rehearsal, on: [3]) { member, _ in _ = try member.share(changed, shape, policy) }
    }
  }

  @Test("Substituted identity: a pinned peer's key, name or organisation changes")
  func changedPeer() throws {
    var first = try Rehearsal(4)
    _ = try first.run()
    for change in 0..<3 {
      var second = try Rehearsal(4, plan: Rehearsal.plan(roundID: 2, model: "next"), seed: 2, members: first.members)
      let attacker = try IdentitySigner(seed: [UInt8](repeating: 77, count: 32))
      switch change {
      case 0:
        second.members[3].signer = attacker
        second.members[3].peer.key = attacker.publicKey
      case 1: second.members[3].peer.organisation = "another hospital"
      default: second.members[3].peer.name = "zebra"
      }
      second.members[3].ledger = NodeLedger()
      try second.gather()
      let (roster, shape, policy) = (second.coordinator.roster!, second.shape, second.policy)
      expectAbort("peerChanged", &second, on: [0, 1, 2]) { member, _ in _ = try member.share(roster, shape, policy) }
      // The owner, told by the peer, forgets the pin and goes on.
      second.members[0].ledger.unpin("hill")
      #expect(refusal { _ = try second.members[0].share(roster, shape, policy) } == nil)
    }
  }

  @Test("Unknown peers: a cohort that the coordinator may have invented does not get shares")
  func unknownPeers() throws {
    var rehearsal = try Rehearsal(4)
    try rehearsal.gather()
    let (roster, shape) = (rehearsal.coordinator.roster!, rehearsal.shape)
    let known = try IdentitySigner(seed: [UInt8](repeating: 50, count: 32)).publicKey
    for k in rehearsal.everyone {
      let policy = AveragingPolicy(peers: [known, roster.peers[(k + 1) % 4].key], minimumKnownPeers: 2)
      #expect(
        refusal { _ = try rehearsal.members[k].share(roster, shape, policy) } == .tooFewKnownPeers(have: 1, need: 2))
      // A node does not count itself.
      let own = AveragingPolicy(peers: [rehearsal.members[k].peer.key], minimumKnownPeers: 1)
      #expect(
        refusal { _ = try rehearsal.members[k].share(roster, shape, own) } == .tooFewKnownPeers(have: 0, need: 1))
      let both = AveragingPolicy(peers: Set(roster.peers.map(\.key)), minimumKnownPeers: 2)
      #expect(refusal { _ = try rehearsal.members[k].share(roster, shape, both) } == nil)
    }
  }

  @Test("Known peers that are listed and then declared lost do not count")
  func knownPeersLost() throws {
    var rehearsal = try Rehearsal(5, plan: Rehearsal.plan(colluders: 1))
    try rehearsal.gather()
    rehearsal.policy = AveragingPolicy(
      peers: [rehearsal.members[3].peer.key, rehearsal.members[4].peer.key], minimumKnownPeers: 1)
    for k in rehearsal.everyone {
      try rehearsal.coordinator.submit(try rehearsal.shares(k), from: rehearsal.members[k].name)
    }
    try rehearsal.coordinator.freezeSharers()
    try rehearsal.collect([0, 1, 2, 3])
    rehearsal.policy.minimumKnownPeers = 2
    #expect(refusal { _ = try rehearsal.confirmation(0) } == .tooFewKnownPeers(have: 1, need: 2))
    rehearsal.policy.minimumKnownPeers = 1
    #expect(refusal { _ = try rehearsal.confirmation(0) } == nil)
  }

  @Test("Low-order points in a signed advert: the product is zero")
  func lowOrderPoints() throws {
    for (inMaskKey, byte) in [(false, 0), (false, 1), (true, 0), (true, 1)] as [(Bool, UInt8)] {
      var rehearsal = try Rehearsal(4)
      try rehearsal.gather()
      var adverts = rehearsal.coordinator.roster!.adverts
      let point = [byte] + [UInt8](repeating: 0, count: 31)
      if inMaskKey { adverts[3].advert.maskKey = point } else { adverts[3].advert.shareKey = point }
      adverts[3] = try SignedAdvert(adverts[3].advert, signer: rehearsal.members[3].signer)
      let (roster, shape, policy) = (Roster(adverts), rehearsal.shape, rehearsal.policy)
      expectAbort("zeroProduct", &rehearsal, on: [0, 1, 2]) { member, _ in
        _ = try member.share(roster, shape, policy)
      }
    }
  }

  @Test("A roster with a key twice, an organisation twice, another order, other plans, or without the node")
  func badRosters() throws {
    var rehearsal = try Rehearsal(5)
    try rehearsal.gather()
    let (good, shape, policy) = (rehearsal.coordinator.roster!, rehearsal.shape, rehearsal.policy)
    func changed(_ change: (inout Advert) -> Void) throws -> Roster {
      var adverts = good.adverts
      change(&adverts[4].advert)
      adverts[4] = try SignedAdvert(adverts[4].advert, signer: rehearsal.members[4].signer)
      return Roster(adverts)
    }
    let cases: [(String, Roster, Bool)] = [
      ("repeatedKey", try changed { $0.shareKey = $0.maskKey }, true),
      ("repeatedOrganisation", try changed { $0.peer.organisation = "coast hospital" }, true),
      ("wrongPlan", try changed { $0.planHash = .zero }, false),
      ("wrongLength", try changed { $0.nonce = [] }, false),
      ("malformed", Roster(received: good.adverts.reversed()), false),
      ("malformed", Roster(received: good.adverts + [good.adverts[4]]), false),
      ("tooFewParticipants", Roster(Array(good.adverts[..<2])), false),
    ]
    for (name, roster, attack) in cases {
      expectAbort(name, &rehearsal, attack: attack, on: [0, 1]) { member, _ in
        _ = try member.share(roster, shape, policy)
      }
    }
    let without = Roster(good.adverts.filter { $0.advert.peer.name != "bay" })
    expectAbort("absentFromRoster", &rehearsal, attack: false, on: [0]) { member, _ in
      _ = try member.share(without, shape, policy)
    }
    var repeated = try Rehearsal(4)
    try repeated.gather()
    var adverts = repeated.coordinator.roster!.adverts
    adverts[3].advert.shareKey = adverts[2].advert.maskKey
    adverts[3] = try SignedAdvert(adverts[3].advert, signer: repeated.members[3].signer)
    let roster = Roster(adverts)
    expectAbort("repeatedKey", &repeated, on: [0, 1, 2]) { member, _ in _ = try member.share(roster, shape, policy) }
  }

  @Test("A second roster for one plan")
  func secondRoster() throws {
    var rehearsal = try Rehearsal(5)
    try rehearsal.gather()
    try rehearsal.share(rehearsal.everyone)
    let second = Roster(Array(rehearsal.coordinator.roster!.adverts[..<4]))
    let (shape, policy) = (rehearsal.shape, rehearsal.policy)
    expectAbort("secondRoster", &rehearsal, on: [0, 1, 2, 3]) { member, _ in
      _ = try member.share(second, shape, policy)
    }
  }

  @Test("A second set of sharers, or other shares, for one roster")
  func secondSharers() throws {
    var rehearsal = try collected(5)
    let deliveries = rehearsal.members.map { rehearsal.coordinator.delivery(for: $0.name)! }
    expectAbort("secondSharerSet", &rehearsal, on: [0, 1, 2]) { member, k in
      var delivery = deliveries[k]
      delivery.sharers = Bitmap(capacity: 5, ranks: [0, 1, 2, 3])
      delivery.shares.removeLast()
      try member.receive(delivery)
    }
    expectAbort("secondSharerSet", &rehearsal) { member, k in
      var delivery = deliveries[k]
      delivery.shares[0].ciphertext[0] ^= 1
      try member.receive(delivery)
    }
  }

  @Test("Deliveries that do not fit: without the node, too few sharers, wrong senders or lengths")
  func badDeliveries() throws {
    var rehearsal = try Rehearsal(5, plan: Rehearsal.plan(colluders: 1))
    try rehearsal.gather()
    try rehearsal.share(rehearsal.everyone)
    let good = rehearsal.coordinator.delivery(for: "bay")!
    let cases: [(String, (inout ShareDelivery) -> Void)] = [
      ("notASurvivor", { $0.sharers = Bitmap(capacity: 5, ranks: [1, 2, 3, 4]) }),
      ("malformed", { $0.shares.removeLast() }),
      ("malformed", { $0.shares.swapAt(0, 1) }),
      ("malformed", { $0.sharers = Bitmap(capacity: 6, ranks: [0, 1, 2, 3, 4]) }),
      ("wrongLength", { $0.shares[2].ciphertext.removeLast() }),
      (
        "tooFewSharers",
        {
          $0.sharers = Bitmap(capacity: 5, ranks: [0, 1, 2])
          $0.shares.removeLast(2)
        }
      ),
    ]
    for (name, change) in cases {
      var delivery = good
      change(&delivery)
      expectAbort(name, &rehearsal, attack: false, on: [0]) { member, _ in try member.receive(delivery) }
    }
  }

  @Test("One participant in both lists: survivors that never shared")
  func overlappingSets() throws {
    var rehearsal = try Rehearsal(5, plan: Rehearsal.plan(colluders: 1))
    try rehearsal.gather()
    try rehearsal.share([0, 1, 2, 3])
    try rehearsal.collect([0, 1, 2, 3])
    let sets = (0..<4).map { rehearsal.coordinator.survivorSet(for: rehearsal.members[$0].name)! }
    let policy = rehearsal.policy
    expectAbort("overlappingSets", &rehearsal, on: [0, 1, 2, 3]) { member, k in
      var set = sets[k]
      set.survivors = Bitmap(capacity: 5, ranks: [0, 1, 2, 3, 4])
      _ = try member.confirm(set, policy)
    }
    expectAbort("secondSharerSet", &rehearsal, on: [0, 1, 2, 3]) { member, k in
      var set = sets[k]
      set.sharers = Bitmap(capacity: 5, ranks: [0, 1, 2, 3, 4])
      _ = try member.confirm(set, policy)
    }
  }

  @Test("All neighbours dead: a set below the minimum is not confirmed")
  func neighboursDead() throws {
    var rehearsal = try collected()
    for others in [[], [1]] as [[Int]] {
      let ranks = [0] + others
      let leaves = ranks.map { rehearsal.members[$0].round.upload!.statement.digest.bytes }
      let set = SurvivorSet(
        sharers: rehearsal.coordinator.sharers!, survivors: Bitmap(capacity: 4, ranks: ranks),
        root: MerkleTree.root(leaves), inclusionProof: MerkleTree.inclusionProof(leaves, index: 0))
      let policy = rehearsal.policy
      expectAbort("tooFewSurvivors", &rehearsal, attack: false, on: [0]) { member, _ in
        _ = try member.confirm(set, policy)
      }
    }
  }

  @Test("An upload that is not under the root")
  func uploadNotCounted() throws {
    var rehearsal = try collected()
    try rehearsal.coordinator.freezeSurvivors()
    let sets = rehearsal.members.map { rehearsal.coordinator.survivorSet(for: $0.name)! }
    let policy = rehearsal.policy
    expectAbort("uploadNotCounted", &rehearsal) { member, k in
      var set = sets[k]
      set.root = Digest(sha256: [1])
      _ = try member.confirm(set, policy)
    }
    expectAbort("uploadNotCounted", &rehearsal) { member, k in _ = try member.confirm(sets[(k + 1) % 4], policy) }
    expectAbort("notASurvivor", &rehearsal, attack: false, on: [0]) { member, _ in
      var set = sets[0]
      set.survivors = Bitmap(capacity: 4, ranks: [1, 2, 3])
      _ = try member.confirm(set, policy)
    }
  }

  /// S2 over any set, as a coordinator could make it.
  private func survivorSet(_ rehearsal: Rehearsal, _ ranks: [Int], for rank: Int) -> SurvivorSet {
    let leaves = ranks.map { rehearsal.members[$0].round.upload!.statement.digest.bytes }
    return SurvivorSet(
      sharers: rehearsal.coordinator.sharers!, survivors: Bitmap(capacity: rehearsal.members.count, ranks: ranks),
      root: MerkleTree.root(leaves),
      inclusionProof: MerkleTree.inclusionProof(leaves, index: ranks.firstIndex(of: rank)!))
  }

  @Test("Split survivor sets: no half reaches a quorum, and mixing the halves shows the lie")
  func splitSurvivors() throws {
    var rehearsal = try collected(5)  // t = 4
    let halves = [[0, 1, 2, 3], [1, 2, 3, 4]]
    let policy = rehearsal.policy
    var signed: [[SecureAggregation.Confirmation]] = [[], []]
    for (k, half) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 1)] {
      signed[half].append(try rehearsal.members[k].confirm(survivorSet(rehearsal, halves[half], for: k), policy))
    }
    let transcript = rehearsal.coordinator.transcript!
    for (k, half) in [(0, 0), (1, 0), (2, 1), (3, 1), (4, 1)] {
      let hash = survivorSet(rehearsal, halves[half], for: k).hash(transcript: transcript)
      let own = Quorum(survivorsHash: hash, confirmations: signed[half])
      let have = signed[half].count
      expectAbort("tooFewConfirmations", &rehearsal, attack: false, on: [k]) { member, _ in _ = try member.answer(own) }
      // Repeating signatures does not make more of them.
      let repeated = Quorum(survivorsHash: hash, confirmations: signed[half] + signed[half] + signed[half])
      #expect(
        refusal { _ = try rehearsal.members[k].answer(repeated) } == .tooFewConfirmations(have: have, need: 4))
      let mixed = Quorum(survivorsHash: hash, confirmations: signed[half] + signed[1 - half])
      expectAbort("forgedSignature", &rehearsal, on: [k]) { member, _ in _ = try member.answer(mixed) }
      let other = survivorSet(rehearsal, halves[1 - half], for: halves[1 - half].contains(k) ? k : halves[1 - half][0])
        .hash(transcript: transcript)
      let crossed = Quorum(survivorsHash: other, confirmations: signed[1 - half])
      expectAbort("secondSurvivorSet", &rehearsal, on: [k]) { member, _ in _ = try member.answer(crossed) }
    }
    #expect(rehearsal.members.allSatisfy { $0.round.answer == nil })
  }

  @Test("A second survivor set is refused before and after the answer, which is repeated byte for byte")
  func secondSurvivors() throws {
    var rehearsal = try collected(5)
    try rehearsal.coordinator.freezeSurvivors()
    try rehearsal.confirm(rehearsal.everyone)
    let policy = rehearsal.policy
    let second = rehearsal.everyone.map { k in
      survivorSet(rehearsal, k == 4 ? [1, 2, 3, 4] : [0, 1, 2, 3], for: k)
    }
    expectAbort("secondSurvivorSet", &rehearsal) { member, k in _ = try member.confirm(second[k], policy) }
    let answers: [UnmaskAnswer] = try rehearsal.everyone.map { try rehearsal.answer($0) }
    expectAbort("secondSurvivorSet", &rehearsal) { member, k in _ = try member.confirm(second[k], policy) }
    let transcript = rehearsal.coordinator.transcript!
    let confirmations = rehearsal.coordinator.quorum!.confirmations
    expectAbort("secondSurvivorSet", &rehearsal) { member, k in
      _ = try member.answer(
        Quorum(survivorsHash: second[k].hash(transcript: transcript), confirmations: confirmations))
    }
    for k in rehearsal.everyone {
      // A quorum of other signatures over the same set gets the same bytes.
      let fewer = Quorum(survivorsHash: rehearsal.coordinator.survivorsHash!, confirmations: Array(confirmations[1...]))
      #expect(try rehearsal.members[k].answer(fewer) == answers[k])
    }
  }

  @Test("Confirmations of participants outside the survivors do not count")
  func outsidersDoNotCount() throws {
    var rehearsal = try collected(5)  // t = 4, survivors 0 to 3
    let policy = rehearsal.policy
    let set = survivorSet(rehearsal, [0, 1, 2, 3], for: 0)
    let hash = set.hash(transcript: rehearsal.coordinator.transcript!)
    _ = try rehearsal.members[0].confirm(set, policy)
    let confirmations = try [0, 1, 2, 4].map { k in
      SecureAggregation.Confirmation(
        rank: UInt16(k), signature: try rehearsal.members[k].signer.sign(label: "fsa1/sig/h2", hash.bytes))
    }
    #expect(
      refusal {
        _ = try rehearsal.members[0].answer(Quorum(survivorsHash: hash, confirmations: confirmations))
      } == .tooFewConfirmations(have: 3, need: 4))
  }

  @Test("Differing models: other plan digests, other transcripts, masks that do not cancel, adverts that do not fit")
  func differingModels() throws {
    var one = try Rehearsal(4, plan: Rehearsal.plan(model: "one"))
    var two = try Rehearsal(4, plan: Rehearsal.plan(model: "two"))
    for k in 0..<4 {
      try one.begin(k)
      try two.begin(k)
    }
    #expect(one.coordinator.planHash != two.coordinator.planHash)
    #expect(
      refusal { try one.coordinator.submit(two.members[0].round.advert, from: two.members[0].peer) }
        == .wrongPlan(from: "bay"))
    // A coordinator that takes them all the same cannot show a roster that either half accepts.
    let mixed = Roster((0..<4).map { ($0 < 2 ? one : two).members[$0].round.advert })
    let (shape, policy) = (one.shape, one.policy)
    expectAbort("wrongPlan", &one, attack: false, on: [0, 1]) { member, _ in
      _ = try member.share(mixed, shape, policy)
    }
    #expect(
      mixed.transcript(planHash: one.coordinator.planHash) != mixed.transcript(planHash: two.coordinator.planHash))
    let secret = Secret([UInt8](repeating: 1, count: 32))
    #expect(
      MaskKeys.pair(secret, 0, 1, transcript: Digest(sha256: [1])).vector
        != MaskKeys.pair(secret, 0, 1, transcript: Digest(sha256: [2])).vector)
  }

  @Test("Server-chosen parameters: what the owner's policy forbids is refused before any advert leaves")
  func serverChosenParameters() throws {
    func refused(_ plan: RoundPlan, _ policy: AveragingPolicy) throws -> AveragingError? {
      var rehearsal = try Rehearsal(4, plan: plan)
      rehearsal.policy = policy
      return refusal { try rehearsal.begin(0) }
    }
    let plan = Rehearsal.plan()
    #expect(
      try refused(plan, AveragingPolicy(minimumSurvivors: 4)) == .survivorsBelowPolicy(plan: 3, policy: 4))
    #expect(
      try refused(plan, AveragingPolicy(assumedColluders: 2)) == .colludersBelowPolicy(plan: 1, policy: 2))
    #expect(
      try refused(plan, AveragingPolicy(maximumClipNorm: 1)) == .clipNormOutsidePolicy(plan: 5, policy: 1))
    var weak = plan
    weak.minimumSurvivors = 2
    var chosen = try Rehearsal(4)
    chosen.signedPlan = try SignedRoundPlan(weak, signer: chosen.coordinatorSigner)
    chosen.policy.minimumSurvivors = 2
    #expect(refusal { try chosen.begin(0) }?.name == "impossiblePlan")
    var rehearsal = try Rehearsal(4, bits: 32)
    try rehearsal.gather()
    rehearsal.policy.highestBits = 24
    #expect(
      refusal { _ = try rehearsal.shares(0) } == .bitsOutsidePolicy(bits: 32, lowest: 8, highest: 24))
  }

  @Test("A plan that another key signed")
  func forgedPlan() throws {
    var rehearsal = try Rehearsal(3)
    let attacker = try IdentitySigner(seed: [UInt8](repeating: 66, count: 32))
    rehearsal.signedPlan = try SignedRoundPlan(rehearsal.plan, signer: attacker)
    #expect(refusal { try rehearsal.begin(0) }?.name == "forgedSignature")
    #expect(rehearsal.members[0].ledger.attack?.error.name == "forgedSignature")
    #expect(rehearsal.members[0].ledger.lastRoundIDs.isEmpty)
  }

  @Test("Inputs that must not be masked: wrong counts, wide lanes, no weight, too much weight")
  func inputs() throws {
    var rehearsal = try Rehearsal(3, bits: 9)
    try rehearsal.gather()
    try rehearsal.share([0, 1, 2])
    try rehearsal.members[0].receive(rehearsal.coordinator.delivery(for: "bay")!)
    let good = rehearsal.members[0].input
    let changes: [(inout MaskedInput) -> Void] = [
      { $0.vector.removeLast() }, { $0.vector[0] = 512 }, { $0.tail[0] = 0 }, { $0.tail[0] = 1001 },
      { $0.tail.append(1) }, { $0.statistics = [1] },
    ]
    for change in changes {
      rehearsal.members[0].input = good
      change(&rehearsal.members[0].input)
      #expect(refusal { _ = try rehearsal.members[0].mask() }?.name == "inputShape")
    }
    rehearsal.members[0].input = good
    #expect(refusal { _ = try rehearsal.members[0].mask() } == nil)
  }

  @Test("Steps out of order are refused")
  func outOfOrder() throws {
    var rehearsal = try collected()
    try rehearsal.coordinator.freezeSurvivors()
    var fresh = try Rehearsal(4)
    try fresh.begin(0)
    let delivery = rehearsal.coordinator.delivery(for: "bay")!
    let set = rehearsal.coordinator.survivorSet(for: "bay")!
    let policy = fresh.policy
    #expect(refusal { try fresh.members[0].receive(delivery) }?.name == "outOfPhase")
    #expect(refusal { _ = try fresh.members[0].mask() }?.name == "outOfPhase")
    #expect(refusal { _ = try fresh.members[0].confirm(set, policy) }?.name == "outOfPhase")
    let quorum = Quorum(survivorsHash: .zero, confirmations: [])
    #expect(refusal { _ = try fresh.members[0].answer(quorum) }?.name == "outOfPhase")
  }
}
