import Testing

@testable import SecureAggregation

@Suite("A coordinator refuses by name, and the round goes on")
struct CoordinatorRefusalTests {
  /// Refusing leaves the round as it was: the rest of the round is run and must give the plain sum.
  private func finish(_ rehearsal: Rehearsal, from stage: CoordinatorRound.Phase) throws {
    var rehearsal = rehearsal
    let all = rehearsal.everyone
    if stage == .gathering { try rehearsal.gather() }
    if stage.isAtMost(.sharing) { try rehearsal.share(all) }
    if stage.isAtMost(.collecting) { try rehearsal.collect(all) }
    if stage.isAtMost(.confirming) { try rehearsal.confirm(all) }
    try rehearsal.answer(all)
    rehearsal.expect(try rehearsal.unmask(), of: all)
  }

  @Test("Adverts: another caller, another plan, a bad signature, a key or organisation twice, a second one")
  func adverts() throws {
    var rehearsal = try Rehearsal(4)
    for k in 0..<4 { try rehearsal.begin(k) }
    let bay = rehearsal.members[0]
    let coast = rehearsal.members[1]
    func submit(_ advert: Advert, by member: Member, as caller: Peer? = nil) throws -> AveragingError? {
      let signed = try SignedAdvert(advert, signer: member.signer)
      return refusal { try rehearsal.coordinator.submit(signed, from: caller ?? advert.peer) }
    }
    var advert = bay.round.advert.advert
    #expect(try submit(advert, by: bay, as: coast.peer) == .notTheCaller(claimed: "bay", caller: "coast"))
    var caller = bay.peer
    caller.organisation = "other hospital"
    #expect(try submit(advert, by: bay, as: caller) == .notTheCaller(claimed: "bay", caller: "bay"))
    advert.planHash = Digest(sha256: [1])
    #expect(try submit(advert, by: bay) == .wrongPlan(from: "bay"))
    advert = bay.round.advert.advert
    #expect(try submit(advert, by: coast) == .badSignature(from: "bay", on: "advert"))
    advert.nonce.append(0)
    #expect(try submit(advert, by: bay) == .wrongLength(of: "nonce of bay", expected: 16, found: 17))
    advert = bay.round.advert.advert
    advert.shareKey.removeLast()
    #expect(try submit(advert, by: bay) == .wrongLength(of: "share key of bay", expected: 32, found: 31))
    advert = bay.round.advert.advert
    advert.maskKey = advert.shareKey
    #expect(try submit(advert, by: bay) == .keyTwice("bay", "bay"))
    try rehearsal.coordinator.submit(bay.round.advert, from: bay.peer)
    advert = coast.round.advert.advert
    advert.maskKey = bay.round.advert.advert.shareKey
    #expect(try submit(advert, by: coast) == .keyTwice("bay", "coast"))
    advert = coast.round.advert.advert
    advert.peer.organisation = bay.peer.organisation
    #expect(try submit(advert, by: coast) == .organisationTwice("bay hospital"))
    advert = bay.round.advert.advert
    advert.nonce[0] ^= 1
    #expect(try submit(advert, by: bay) == .changedMessage(from: "bay", message: "advert"))
    #expect(rehearsal.coordinator.advertCount == 1)
    var fresh = try Rehearsal(4)
    fresh.coordinator = rehearsal.coordinator
    try finish(fresh, from: .gathering)
  }

  @Test("Adverts after the freeze, and a frozen roster, stay out")
  func frozenRoster() throws {
    var rehearsal = try Rehearsal(4)
    for k in 0..<4 { try rehearsal.begin(k) }
    for k in 0..<3 {
      try rehearsal.coordinator.submit(rehearsal.members[k].round.advert, from: rehearsal.members[k].peer)
    }
    #expect(rehearsal.coordinator.isMinimumReached)
    try rehearsal.coordinator.freezeRoster(shape: rehearsal.shape)
    let late = rehearsal.members[3]
    #expect(
      refusal { try rehearsal.coordinator.submit(late.round.advert, from: late.peer) }
        == .outOfPhase(message: "advert", phase: "sharing"))
    let shape = rehearsal.shape
    #expect(refusal { try rehearsal.coordinator.freezeRoster(shape: shape) } == .alreadyFrozen("roster"))
    #expect(
      refusal { try rehearsal.coordinator.submit(ShareMessage(rank: 3, shares: []), from: "hill") } == .stranger("hill")
    )
  }

  @Test("Too small, too large and overweight cohorts are not frozen")
  func impossibleCohorts() throws {
    var two = try Rehearsal(2)
    #expect(refusal { try two.gather() } == .tooFewParticipants(have: 2, need: 3))
    #expect(!two.coordinator.isMinimumReached)
    var unreachable = try Rehearsal(5, plan: Rehearsal.plan(minimum: 8, colluders: 6))
    #expect(refusal { try unreachable.gather() } == .tooFewParticipants(have: 5, need: 8))
    var heavy = try Rehearsal(3, plan: Rehearsal.plan(maximumWeight: 1 << 30))
    #expect(refusal { try heavy.gather() } == .weightOverflow(participants: 3, maximumWeight: 1 << 30))
    var wrongShape = try Rehearsal(3)
    wrongShape.shape.tailLanes = 1
    #expect(refusal { try wrongShape.gather() } == .inputShape("1 tail lanes, the plan has 3"))
  }

  @Test("Shares: out of phase, another's rank, wrong counts, orders and lengths, a second message")
  func shares() throws {
    var rehearsal = try Rehearsal(4)
    #expect(
      refusal { try rehearsal.coordinator.submit(ShareMessage(rank: 0, shares: []), from: "bay") }
        == .outOfPhase(message: "shares", phase: "gathering"))
    try rehearsal.gather()
    let good = try rehearsal.shares(0)
    func submit(_ change: (inout ShareMessage) -> Void, from name: String = "bay") -> AveragingError? {
      var message = good
      change(&message)
      return refusal { try rehearsal.coordinator.submit(message, from: name) }
    }
    #expect(submit({ _ in }, from: "coast") == .notTheCaller(claimed: "bay", caller: "coast"))
    #expect(submit({ $0.rank = 900 }) == .notTheCaller(claimed: "rank 900", caller: "bay"))
    #expect(submit({ _ in }, from: "nobody") == .stranger("nobody"))
    #expect(
      submit { $0.shares.removeLast() } == .wrongLength(of: "share message of bay", expected: 3, found: 2))
    #expect(submit { $0.shares.swapAt(0, 1) }?.name == "malformed")
    #expect(
      submit { $0.shares[1].ciphertext.append(0) } == .wrongLength(of: "share of bay", expected: 80, found: 81))
    try rehearsal.coordinator.submit(good, from: "bay")
    #expect(
      submit { $0.shares[0].ciphertext[0] ^= 1 } == .changedMessage(from: "bay", message: "share message"))
    #expect(refusal { try rehearsal.coordinator.freezeSharers() } == .tooFewSharers(have: 1, need: 3))
    try finish(rehearsal, from: .sharing)
  }

  @Test("Uploads: wrong length, oversize, spare bits, wrong digest, bad signature, replay, out of phase, late")
  func uploads() throws {
    var rehearsal = try Rehearsal(4, bits: 9)  // 45 bits: three spare
    try rehearsal.gather()
    try rehearsal.share([0, 1, 2, 3])
    let good = try rehearsal.upload(0)
    let signer = rehearsal.members[0].signer
    let transcript = try #require(rehearsal.coordinator.transcript)
    func submit(
      resign: Bool = true, from name: String = "bay", _ change: (inout MaskedUpload) -> Void
    ) throws -> AveragingError? {
      var upload = good
      change(&upload)
      if resign {
        upload.statement.digest = MaskedUpload.digest(of: upload.payload)
        upload.statement.signature = try signer.sign(
          label: "fsa1/sig/y",
          UploadStatement.signedBytes(
            transcript: transcript, rank: upload.statement.rank, digest: upload.statement.digest,
            unopened: upload.statement.unopened))
      }
      return refusal { try rehearsal.coordinator.submit(upload, from: name) }
    }
    let size = rehearsal.shape.byteCount
    #expect(
      try submit { $0.payload.removeLast() } == .wrongLength(of: "upload of bay", expected: size, found: size - 1))
    #expect(try submit { $0.payload = [] } == .wrongLength(of: "upload of bay", expected: size, found: 0))
    #expect(
      try submit { $0.payload.append(0) } == .oversize(of: "upload of bay", limit: size, found: size + 1))
    #expect(try submit { $0.payload[5] |= 0x20 } == .paddingBits(from: "bay"))
    #expect(try submit(resign: false) { $0.payload[0] ^= 1 } == .wrongDigest(from: "bay"))
    #expect(
      try submit(resign: false) { $0.statement.signature[3] ^= 1 } == .badSignature(from: "bay", on: "upload"))
    #expect(
      try submit(resign: false) { $0.statement.unopened.insert(2) } == .badSignature(from: "bay", on: "upload"))
    #expect(try submit { $0.statement.unopened = Bitmap(capacity: 4, ranks: [0]) }?.name == "malformed")
    #expect(try submit { $0.statement.unopened = Bitmap(capacity: 5, ranks: [1]) }?.name == "malformed")
    #expect(try submit(from: "coast") { _ in } == .notTheCaller(claimed: "bay", caller: "coast"))
    #expect(try submit(from: "nobody") { _ in } == .stranger("nobody"))

    // Another round's upload, signed by the same participant over another transcript.
    var other = try Rehearsal(4, plan: Rehearsal.plan(roundID: 7), bits: 9, seed: 3)
    try other.gather()
    try other.share([0, 1, 2, 3])
    let old = try other.upload(0)
    #expect(
      refusal { try rehearsal.coordinator.submit(old, from: "bay") } == .badSignature(from: "bay", on: "upload"))

    try rehearsal.take(good, from: "bay")
    #expect(try submit { $0.payload[0] ^= 1 } == .changedMessage(from: "bay", message: "upload"))
    try finish(rehearsal, from: .collecting)

    let late = try rehearsal.upload(3)
    try rehearsal.collect([1, 2])
    #expect(refusal { try rehearsal.coordinator.submit(late, from: "port") } == .stranger("port"))
    #expect(refusal { try rehearsal.coordinator.submit(late, from: "hill") } == .lateUpload(from: "hill"))
    #expect(rehearsal.coordinator.survivorNames == ["bay", "coast", "delta"])
    try rehearsal.confirm([0, 1, 2])
    try rehearsal.answer([0, 1, 2])
    #expect(refusal { try rehearsal.coordinator.submit(late, from: "hill") } == .lateUpload(from: "hill"))
    rehearsal.expect(try rehearsal.unmask(), of: [0, 1, 2])
  }

  @Test("Stored vectors that are not those that arrived are noticed before anything is published")
  func corruptedStore() throws {
    var rehearsal = try Rehearsal(3)
    _ = try rehearsal.run()
    let digest = rehearsal.coordinator.survivorUploads[1].digest
    rehearsal.stored[digest]![0] ^= 1
    #expect(refusal { _ = try rehearsal.unmask() } == .wrongDigest(from: "coast"))
  }

  @Test("Confirmations and answers: strangers, the lost, bad signatures, wrong contents, second ones, out of phase")
  func confirmationsAndAnswers() throws {
    var rehearsal = try Rehearsal(5, plan: Rehearsal.plan(colluders: 1))
    try rehearsal.gather()
    try rehearsal.share([0, 1, 2, 3, 4])
    #expect(
      refusal { try rehearsal.coordinator.submit(SecureAggregation.Confirmation(rank: 0, signature: []), from: "bay") }
        == .outOfPhase(message: "confirmation", phase: "collecting"))
    try rehearsal.collect([0, 1, 2, 3])
    let good = try rehearsal.confirmation(0)
    func confirm(_ confirmation: SecureAggregation.Confirmation, from name: String) -> AveragingError? {
      refusal { try rehearsal.coordinator.submit(confirmation, from: name) }
    }
    #expect(confirm(.init(rank: 0, signature: []), from: "bay") == .badSignature(from: "bay", on: "confirmation"))
    #expect(confirm(good, from: "coast") == .notTheCaller(claimed: "bay", caller: "coast"))
    #expect(confirm(.init(rank: 4, signature: good.signature), from: "lake") == .notASurvivor("lake"))
    #expect(
      confirm(.init(rank: 1, signature: good.signature), from: "coast")
        == .badSignature(from: "coast", on: "confirmation"))
    try rehearsal.coordinator.submit(good, from: "bay")
    #expect(
      confirm(.init(rank: 0, signature: good.signature + [0]), from: "bay")
        == .changedMessage(from: "bay", message: "confirmation"))
    #expect(
      refusal { try rehearsal.coordinator.freezeConfirmations() } == .tooFewConfirmations(have: 1, need: 4))
    #expect(
      refusal { try rehearsal.coordinator.submit(UnmaskAnswer(rank: 0, entries: []), from: "bay") }
        == .outOfPhase(message: "answer", phase: "confirming"))
    try rehearsal.confirm([1, 2, 3])
    #expect(refusal { try rehearsal.coordinator.freezeSharers() } == .alreadyFrozen("set of sharers"))
    #expect(refusal { try rehearsal.coordinator.freezeSurvivors() } == .alreadyFrozen("set of survivors"))
    #expect(refusal { try rehearsal.coordinator.freezeConfirmations() } == .alreadyFrozen("quorum"))

    let answer: UnmaskAnswer = try rehearsal.answer(0)
    func submit(_ change: (inout UnmaskAnswer) -> Void, from name: String = "bay") -> AveragingError? {
      var changed = answer
      change(&changed)
      return refusal { try rehearsal.coordinator.submit(changed, from: name) }
    }
    #expect(submit { $0.entries.removeLast() }?.name == "malformed")
    #expect(submit { $0.entries.append($0.entries[0]) }?.name == "malformed")
    #expect(submit { $0.entries[4].ofSelfMask = true }?.name == "malformed")
    #expect(submit { $0.entries[0].ofSelfMask = false }?.name == "malformed")
    #expect(
      submit { $0.entries[0].share = [] }
        == .wrongLength(of: "share in the answer of bay", expected: 32, found: 0))
    #expect(submit({ $0.rank = 4 }, from: "lake") == .notASurvivor("lake"))
    try rehearsal.coordinator.submit(answer, from: "bay")
    #expect(submit { $0.entries[0].share[0] ^= 1 } == .changedMessage(from: "bay", message: "answer"))
    #expect(refusal { _ = try rehearsal.unmask() } == .tooFewShares(of: "bay", have: 1, need: 4))
    try rehearsal.answer([1, 2, 3])
    rehearsal.expect(try rehearsal.unmask(), of: [0, 1, 2, 3])
  }

  @Test("Plans that no round can follow are refused", arguments: [0, 1, 2, 3, 4, 5, 6, 7])
  func plans(change: Int) throws {
    var plan = Rehearsal.plan()
    switch change {
    case 0: plan.minimumSurvivors = 2
    case 1: plan.assumedColluders = 2  // nMin must be at least c + 2
    case 2: plan.clipNorm = .nan
    case 3: plan.maximumWeight = 0
    case 4: plan.weightRule = 2
    case 5: plan.tailLanes = 0
    case 6: plan.kind = .counts  // which has no tail
    default: plan.kind = .evaluation  // which has no coordinates
    }
    let signer = try IdentitySigner(seed: [UInt8](repeating: 99, count: 32))
    let signed = try SignedRoundPlan(plan, signer: signer)
    #expect(
      refusal { _ = try CoordinatorRound(plan: signed, coordinator: signer.publicKey) }?.name == "impossiblePlan")
  }

  @Test("Another protocol version is named")
  func version() throws {
    var plan = Rehearsal.plan()
    plan.protocolVersion = 2
    #expect(refusal { try plan.validate() } == .protocolVersion(expected: 1, found: 2))
  }
}
