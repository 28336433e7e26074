import Testing

@testable import SecureAggregation

/// One entry of protocols/vectors/refusals.json: who has what, the message that comes next, and the name of its refusal.
struct PublishedRefusal: Decodable {
  struct SignedPlan: Decodable {
    var plan: PublishedRound.Plan
    var signature: Hex

    private enum CodingKeys: CodingKey { case signature }

    init(from decoder: any Decoder) throws {
      plan = try PublishedRound.Plan(from: decoder)
      signature = try decoder.container(keyedBy: CodingKeys.self).decode(Hex.self, forKey: .signature)
    }
  }
  struct Upload: Decodable {
    var rank: UInt16
    var digest: Hex
    var unopened: Hex
    var signature: Hex
    var payload: Hex
  }
  struct Delivery: Decodable {
    var sharers: Hex
    var shares: [PublishedRound.Sealed]
  }
  struct Survivors: Decodable {
    var sharers: Hex
    var survivors: Hex
    var root: Hex
    var inclusionProof: [Hex]
  }
  struct Quorum: Decodable {
    var survivorsHash: Hex
    var confirmations: [PublishedRound.Confirmation]
  }
  /// The ranks whose messages a coordinator took, by phase.
  struct Phases: Decodable {
    var adverts: [Int]
    var shares: [Int]?
    var uploads: [Int]?
    var confirmations: [Int]?
    var answers: [Int]?
  }
  enum Receiver {
    case coordinator(Phases, frozen: Bool)
    case participant(Int, steps: [String])
  }

  var name: String
  var error: String
  var attack: Bool
  var receiver: Receiver
  var caller: Int?
  var freeze: String?
  var advert: PublishedRound.Advert?
  var shares: PublishedRound.Shares?
  var upload: Upload?
  var confirmation: PublishedRound.Confirmation?
  var answer: PublishedRound.Answer?
  var plan: SignedPlan?
  var roster: [PublishedRound.Advert]?
  var delivery: Delivery?
  var survivors: Survivors?
  var quorum: Quorum?

  private enum CodingKeys: CodingKey {
    case name, error, attack, receiver, taken, frozen, caller, freeze
    case advert, shares, upload, confirmation, answer, plan, roster, delivery, survivors, quorum
  }

  init(from decoder: any Decoder) throws {
    let entry = try decoder.container(keyedBy: CodingKeys.self)
    name = try entry.decode(String.self, forKey: .name)
    error = try entry.decode(String.self, forKey: .error)
    attack = try entry.decode(Bool.self, forKey: .attack)
    receiver =
      if let rank = try? entry.decode(Int.self, forKey: .receiver) {
        .participant(rank, steps: try entry.decode([String].self, forKey: .taken))
      } else {
        .coordinator(
          try entry.decode(Phases.self, forKey: .taken), frozen: try entry.decode(Bool.self, forKey: .frozen))
      }
    caller = try entry.decodeIfPresent(Int.self, forKey: .caller)
    freeze = try entry.decodeIfPresent(String.self, forKey: .freeze)
    advert = try entry.decodeIfPresent(PublishedRound.Advert.self, forKey: .advert)
    shares = try entry.decodeIfPresent(PublishedRound.Shares.self, forKey: .shares)
    upload = try entry.decodeIfPresent(Upload.self, forKey: .upload)
    confirmation = try entry.decodeIfPresent(PublishedRound.Confirmation.self, forKey: .confirmation)
    answer = try entry.decodeIfPresent(PublishedRound.Answer.self, forKey: .answer)
    plan = try entry.decodeIfPresent(SignedPlan.self, forKey: .plan)
    roster = try entry.decodeIfPresent([PublishedRound.Advert].self, forKey: .roster)
    delivery = try entry.decodeIfPresent(Delivery.self, forKey: .delivery)
    survivors = try entry.decodeIfPresent(Survivors.self, forKey: .survivors)
    quorum = try entry.decodeIfPresent(Quorum.self, forKey: .quorum)
  }
}

@Suite("Refusals of the published vectors")
struct PublishedRefusalTests {
  /// The round that they belong to, from its seeds, to its end.
  let golden: PublishedRound
  let start: Rehearsal
  let end: Rehearsal

  init() throws {
    golden = try #require(try published("rounds-special", as: [PublishedRound].self).first { $0.name == "base" })
    start = try golden.rehearsal()
    var round = start
    _ = try round.run()
    end = round
  }

  @Test("Each is refused by its name, and a participant locks itself exactly after an attack")
  func refusals() throws {
    let refusals = try published("refusals", as: [PublishedRefusal].self)
    #expect(refusals.count == 71)
    for expected in refusals {
      let name = Comment(rawValue: expected.name)
      switch expected.receiver {
      case .coordinator(let phases, let frozen):
        var coordinator = try coordinator(phases, frozen: frozen)
        #expect(refusal { try deliver(expected, to: &coordinator) }?.name == expected.error, name)
      case .participant(let rank, let steps):
        var member = try participant(rank, steps)
        #expect(refusal { try deliver(expected, to: &member) }?.name == expected.error, name)
        #expect((member.ledger.attack != nil) == expected.attack, name)
      }
    }
  }

  // MARK: Receivers as they stand before the message

  private func coordinator(_ phases: PublishedRefusal.Phases, frozen: Bool) throws -> CoordinatorRound {
    var round = try CoordinatorRound(plan: end.signedPlan, coordinator: end.coordinatorSigner.publicKey)
    for k in phases.adverts { try round.submit(golden.adverts[k].signed, from: end.members[k].peer) }
    if phases.shares != nil || frozen { try round.freezeRoster(shape: end.shape) }
    for k in phases.shares ?? [] { try round.submit(golden.shares[k].message, from: end.members[k].name) }
    if phases.uploads != nil || frozen && phases.shares != nil { try round.freezeSharers() }
    for k in phases.uploads ?? [] { try round.submit(end.members[k].round.upload!, from: end.members[k].name) }
    if phases.confirmations != nil || frozen && phases.uploads != nil { try round.freezeSurvivors() }
    for k in phases.confirmations ?? [] {
      try round.submit(golden.confirmations[k].message, from: end.members[k].name)
    }
    if phases.answers != nil { try round.freezeConfirmations() }
    for k in phases.answers ?? [] { try round.submit(golden.answers[k].message, from: end.members[k].name) }
    return round
  }

  private func participant(_ rank: Int, _ steps: [String]) throws -> Member {
    var member = start.members[rank]
    for step in steps {
      switch step {
      case "plan":
        try member.begin(end.signedPlan, coordinator: end.coordinatorSigner.publicKey, policy: end.policy)
      case "roster": _ = try member.share(end.coordinator.roster!, end.shape, end.policy)
      case "delivery":
        try member.receive(end.coordinator.delivery(for: member.name)!)
        _ = try member.mask()
      case "survivors": _ = try member.confirm(end.coordinator.survivorSet(for: member.name)!, end.policy)
      default: Issue.record("unknown step \(step)")
      }
    }
    return member
  }

  // MARK: The message

  private func deliver(_ refusal: PublishedRefusal, to coordinator: inout CoordinatorRound) throws {
    switch refusal.freeze {
    case "adverts": try coordinator.freezeRoster(shape: end.shape)
    case "shares": try coordinator.freezeSharers()
    case "uploads": try coordinator.freezeSurvivors()
    case "confirmations": try coordinator.freezeConfirmations()
    case "answers": _ = try coordinator.unmask { end.stored[$0.digest]! }
    default: break
    }
    guard let caller = refusal.caller.map({ end.members[$0].peer }) else { return }
    if let advert = refusal.advert { try coordinator.submit(advert.signed, from: caller) }
    if let shares = refusal.shares { try coordinator.submit(shares.message, from: caller.name) }
    if let upload = refusal.upload {
      let statement = UploadStatement(
        rank: upload.rank, digest: upload.digest.digest, unopened: try bitmap(upload.unopened),
        signature: upload.signature.bytes)
      try coordinator.submit(MaskedUpload(statement: statement, payload: upload.payload.bytes), from: caller.name)
    }
    if let confirmation = refusal.confirmation { try coordinator.submit(confirmation.message, from: caller.name) }
    if let answer = refusal.answer { try coordinator.submit(answer.message, from: caller.name) }
  }

  private func deliver(_ refusal: PublishedRefusal, to member: inout Member) throws {
    if let signed = refusal.plan {
      var round = golden
      round.plan = signed.plan
      try member.begin(
        SignedRoundPlan(plan: round.roundPlan, signature: signed.signature.bytes),
        coordinator: end.coordinatorSigner.publicKey, policy: end.policy)
    }
    if let roster = refusal.roster {
      _ = try member.share(Roster(received: roster.map(\.signed)), end.shape, end.policy)
    }
    if let delivery = refusal.delivery {
      try member.receive(
        ShareDelivery(sharers: try bitmap(delivery.sharers), shares: delivery.shares.map(\.message)))
    }
    if let set = refusal.survivors {
      let survivors = SurvivorSet(
        sharers: try bitmap(set.sharers), survivors: try bitmap(set.survivors), root: set.root.digest,
        inclusionProof: set.inclusionProof.map(\.digest))
      _ = try member.confirm(survivors, end.policy)
    }
    if let quorum = refusal.quorum {
      _ = try member.answer(
        SecureAggregation.Quorum(
          survivorsHash: quorum.survivorsHash.digest, confirmations: quorum.confirmations.map(\.message)))
    }
  }

  private func bitmap(_ bits: Hex) throws -> Bitmap {
    try #require(Bitmap(bytes: bits.bytes, capacity: golden.members.count))
  }
}
