import SecureAggregation
import Updates

/// A round of three without a wire: what the first of them uploads when it masks zeros.
struct PaperRound {
  var bits: Int
  var count: Int
  var maximumWeight: UInt32 = 1

  static func seeds() throws -> [[UInt8]] { try (0..<3).map { _ in try Primitives.randomBytes(32) } }

  private var plan: RoundPlan {
    RoundPlan(
      kind: .update, run: "paper", roundID: 1, minimumSurvivors: 3, assumedColluders: 0, targetError: 1, clipNorm: 1,
      dimension: UInt32(count), maximumWeight: maximumWeight, weightRule: 0, tailLanes: 1, metricScale: 1,
      trainer: .zero, modelIn: .zero, deadlineSeconds: 1)
  }

  /// Fixed, so that a changed seed alone makes a difference.
  private static func identity(_ number: Int) throws -> IdentitySigner {
    try IdentitySigner(seed: [UInt8](repeating: UInt8(number), count: 32))
  }

  /// What the first participant's step comes to, taken as far as its masked upload.
  private func upload(seeds: [[UInt8]]) throws -> MaskedUpload {
    let coordinator = try Self.identity(100)
    let signed = try SignedRoundPlan(plan, signer: coordinator)
    let shape = VectorShape(bits: bits, count: count, tailLanes: 1, statisticLanes: 0)
    var round = try CoordinatorRound(plan: signed, coordinator: coordinator.publicKey)
    var ledgers = seeds.map { _ in NodeLedger() }
    let signers = try seeds.indices.map { try Self.identity($0 + 1) }
    let names = seeds.indices.map { "participant-\($0)" }
    var members = try seeds.indices.map { number in
      try ParticipantRound(
        plan: signed,
        peer: Peer(name: names[number], organisation: "\(names[number]) trust", key: signers[number].publicKey),
        coordinator: coordinator.publicKey, signer: signers[number], seed: Secret(seeds[number]),
        policy: AveragingPolicy(), ledger: &ledgers[number])
    }
    for member in members { try round.submit(member.advert, from: member.peer) }
    let roster = Roster(members.map(\.advert))
    for number in members.indices.reversed() {
      let shares = try members[number].share(
        roster, shape: shape, policy: AveragingPolicy(), ledger: &ledgers[number])
      if round.phase == .gathering { try round.freezeRoster(shape: shape) }
      try round.submit(shares, from: names[number])
    }
    try round.freezeSharers()
    guard let delivery = round.delivery(for: names[0]) else { throw DrillError.stalled(waitingFor: "a delivery") }
    try members[0].receive(delivery, ledger: &ledgers[0])
    let input = MaskedInput(vector: [UInt32](repeating: 0, count: count), tail: [1], statistics: [])
    return try members[0].mask(input, signer: signers[0], ledger: &ledgers[0])
  }

  /// The lanes as the coordinator unpacks them: coordinate k is the bits from k · bits on, least significant first.
  func lanes(seeds: [[UInt8]]) throws -> [UInt32] {
    let payload = try upload(seeds: seeds).payload
    return (0..<count).map { k in
      let first = k * bits
      var lane: UInt64 = 0
      for byte in (first / 8...(first + bits - 1) / 8).reversed() { lane = lane << 8 | UInt64(payload[byte]) }
      return UInt32(truncatingIfNeeded: (lane >> UInt64(first % 8)) & (1 << UInt64(bits) - 1))
    }
  }

  /// What the round is refused by.
  func refusal(seeds: [[UInt8]]) throws -> AveragingError? {
    do {
      _ = try upload(seeds: seeds)
      return nil
    } catch let error as AveragingError {
      return error
    }
  }

  /// The bits of a run's first round, and the largest that a coordinate of its sum can be: all of every update, at the clip
  /// norm, rounded up.
  static func largestSum(participants: Int) -> (bits: Int, sum: Double) {
    let grid = UpdateGrid(participants: participants, dimension: 1000, clipNorm: 1, targetError: 1e-3, last: nil)
    return (grid.bits, Double(participants) * (1 / grid.step + 1))
  }
}
