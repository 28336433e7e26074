import Testing

@testable import SecureAggregation

/// One participant of a rehearsed round, with all that it would keep on disk.
struct Member {
  var peer: Peer
  var signer: IdentitySigner
  var seed: Secret
  var ledger = NodeLedger()
  var round: ParticipantRound!
  var input = MaskedInput()

  var name: String { peer.name }

  mutating func begin(_ plan: SignedRoundPlan, coordinator: IdentityKey, policy: AveragingPolicy) throws {
    let subject = plan.plan.kind.isStatistics ? Digest(sha256: Array("rows of \(name)".utf8)) : nil
    round = try ParticipantRound(
      plan: plan, peer: peer, coordinator: coordinator, signer: signer, seed: seed, subject: subject,
      policy: policy, ledger: &ledger)
  }

  mutating func share(_ roster: Roster, _ shape: VectorShape, _ policy: AveragingPolicy) throws -> ShareMessage {
    try round.share(roster, shape: shape, policy: policy, ledger: &ledger)
  }

  mutating func receive(_ delivery: ShareDelivery) throws {
    try round.receive(delivery, ledger: &ledger)
  }

  mutating func mask() throws -> MaskedUpload {
    try round.mask(input, signer: signer, ledger: &ledger)
  }

  mutating func confirm(_ set: SurvivorSet, _ policy: AveragingPolicy) throws -> SecureAggregation.Confirmation {
    try round.confirm(set, policy: policy, signer: signer, ledger: &ledger)
  }

  mutating func answer(_ quorum: Quorum) throws -> UnmaskAnswer {
    try round.answer(quorum, ledger: &ledger)
  }
}

/// A whole round in one value: a coordinator, its stored vectors and recorded events, and every participant. Copies are
/// independent, so a test can branch from any point.
struct Rehearsal {
  var coordinatorSigner: IdentitySigner
  var plan: RoundPlan
  var signedPlan: SignedRoundPlan
  var shape: VectorShape
  var policy = AveragingPolicy()
  var members: [Member]
  var coordinator: CoordinatorRound
  var stored: [Digest: [UInt8]] = [:]
  var events: [RoundEvent] = []

  static let names = ["bay", "coast", "delta", "hill", "lake", "moor", "north", "port"]

  static func plan(
    kind: RoundKind = .update, roundID: UInt64 = 1, minimum: UInt16 = 3, colluders: UInt16 = 1, dimension: Int = 5,
    tail: Int = 3, maximumWeight: UInt32 = 1000, model: String = "model"
  ) -> RoundPlan {
    RoundPlan(
      kind: kind, run: "hearts", roundID: roundID, minimumSurvivors: minimum, assumedColluders: colluders,
      targetError: 1e-3, clipNorm: 5, dimension: UInt32(dimension), maximumWeight: maximumWeight, weightRule: 1,
      tailLanes: UInt32(tail), metricScale: 65536, trainer: Digest(sha256: Array("trainer".utf8)),
      modelIn: Digest(sha256: Array(model.utf8)), deadlineSeconds: 2_000_000_000)
  }

  init(
    _ count: Int, plan: RoundPlan = Rehearsal.plan(), bits: Int = 12, lanes: Int? = nil, seed: UInt64 = 1,
    coordinatorSeed: [UInt8] = [UInt8](repeating: 99, count: 32), members previous: [Member]? = nil
  ) throws {
    var generator = SeededGenerator(seed &* 1_000_003 &+ UInt64(count))
    coordinatorSigner = try IdentitySigner(seed: coordinatorSeed)
    self.plan = plan
    signedPlan = try SignedRoundPlan(plan, signer: coordinatorSigner)
    shape = VectorShape(
      bits: bits, count: plan.kind == .update ? lanes ?? Int(plan.dimension) : 0, tailLanes: Int(plan.tailLanes),
      statisticLanes: plan.kind.isStatistics ? Int(plan.dimension) : 0)
    coordinator = try CoordinatorRound(plan: signedPlan, coordinator: coordinatorSigner.publicKey)
    members = []
    for index in 0..<count {
      let signer = try IdentitySigner(seed: [UInt8](repeating: UInt8(index + 1), count: 32))
      let name = index < Self.names.count ? Self.names[index] : "site-\(1000 + index)"
      var member = Member(
        peer: Peer(name: name, organisation: "\(name) hospital", key: signer.publicKey), signer: signer,
        seed: Secret(generator.bytes(32)))
      if let previous { member.ledger = previous[index].ledger }
      let mask: UInt32 = bits == 32 ? .max : 1 << UInt32(bits) - 1
      member.input = MaskedInput(
        vector: (0..<shape.count).map { _ in UInt32(truncatingIfNeeded: generator.next()) & mask },
        tail: (0..<shape.tailLanes).map {
          $0 == 0
            ? 1 + UInt32(generator.next() % UInt64(plan.maximumWeight)) : UInt32(truncatingIfNeeded: generator.next())
        },
        statistics: (0..<shape.statisticLanes).map { _ in generator.next() })
      members.append(member)
    }
  }

  var everyone: [Int] { Array(members.indices) }

  mutating func begin(_ k: Int) throws {
    try members[k].begin(signedPlan, coordinator: coordinatorSigner.publicKey, policy: policy)
  }

  mutating func record(_ event: RoundEvent?) {
    if let event { events.append(event) }
  }

  mutating func gather() throws {
    for k in everyone {
      try begin(k)
      record(try coordinator.submit(members[k].round.advert, from: members[k].peer))
    }
    record(try coordinator.freezeRoster(shape: shape))
  }

  mutating func shares(_ k: Int) throws -> ShareMessage {
    try members[k].share(coordinator.roster!, shape, policy)
  }

  mutating func share(_ who: [Int]) throws {
    for k in who { record(try coordinator.submit(try shares(k), from: members[k].name)) }
    record(try coordinator.freezeSharers())
  }

  mutating func upload(_ k: Int) throws -> MaskedUpload {
    try members[k].receive(coordinator.delivery(for: members[k].name)!)
    return try members[k].mask()
  }

  mutating func take(_ upload: MaskedUpload, from name: String) throws {
    record(try coordinator.submit(upload, from: name))
    stored[upload.statement.digest] = upload.payload
  }

  mutating func collect(_ who: [Int]) throws {
    for k in who { try take(try upload(k), from: members[k].name) }
    record(try coordinator.freezeSurvivors())
  }

  mutating func confirmation(_ k: Int) throws -> SecureAggregation.Confirmation {
    try members[k].confirm(coordinator.survivorSet(for: members[k].name)!, policy)
  }

  mutating func confirm(_ who: [Int]) throws {
    for k in who { record(try coordinator.submit(try confirmation(k), from: members[k].name)) }
    record(try coordinator.freezeConfirmations())
  }

  mutating func answer(_ k: Int) throws -> UnmaskAnswer {
    try members[k].answer(coordinator.quorum!)
  }

  mutating func answer(_ who: [Int]) throws {
    for k in who { record(try coordinator.submit(try answer(k), from: members[k].name)) }
  }

  func unmask() throws -> RoundSum {
    try coordinator.unmask { stored[$0.digest]! }
  }

  /// One participant and the coordinator are killed and come back: from its files, and from the recorded events.
  mutating func restart(_ k: Int) throws {
    members[k].round = try reborn(members[k].round!)
    members[k].ledger = try reborn(members[k].ledger)
    let live = coordinator
    coordinator = try CoordinatorRound(
      plan: signedPlan, coordinator: coordinatorSigner.publicKey, replaying: events)
    #expect(coordinator == live)
  }

  /// Everything with everyone.
  mutating func run() throws -> RoundSum {
    try gather()
    try share(everyone)
    try collect(everyone)
    try confirm(everyone)
    try answer(everyone)
    return try unmask()
  }

  /// The plain integer sum of some inputs, lane by lane, which no mask ever touched.
  func plainSum(_ who: [Int]) -> MaskedInput {
    let mask: UInt32 = shape.bits == 32 ? .max : 1 << UInt32(shape.bits) - 1
    var sum = MaskedInput(
      vector: [UInt32](repeating: 0, count: shape.count), tail: [UInt32](repeating: 0, count: shape.tailLanes),
      statistics: [UInt64](repeating: 0, count: shape.statisticLanes))
    for k in who {
      for lane in sum.vector.indices { sum.vector[lane] = (sum.vector[lane] &+ members[k].input.vector[lane]) & mask }
      for lane in sum.tail.indices { sum.tail[lane] &+= members[k].input.tail[lane] }
      for lane in sum.statistics.indices { sum.statistics[lane] &+= members[k].input.statistics[lane] }
    }
    return sum
  }

  func expect(_ sum: RoundSum, of who: [Int], sourceLocation: SourceLocation = #_sourceLocation) {
    let plain = plainSum(who)
    #expect(
      MaskedInput(vector: sum.vector, tail: sum.tail, statistics: sum.statistics) == plain,
      sourceLocation: sourceLocation)
    #expect(sum.survivors.map(\.name) == who.map { members[$0].name }, sourceLocation: sourceLocation)
  }
}
