@testable import SecureAggregation

/// A round without its signatures and sealed boxes, for cohorts and numbers of patterns that those would make slow.
///
/// Keys, shares, masks, frozen sets, recovery and unmasking are the product's. Each product of two mask keys is computed once
/// for both of its owners, and each mask once for all patterns of one roster: neither depends on who is lost. What is left
/// out is what `Rehearsal` goes through.
struct DirectRound {
  /// Two vector lanes and the weight, mod 2^32 until they are packed.
  typealias Lanes = SIMD4<UInt32>

  let members: [Peer]
  let shape: VectorShape
  let thresholds: Thresholds
  private let frozen: CoordinatorRound
  private let inputs: [Lanes]
  /// What i adds for itself at [i][i], and for its pair with j at [i][j].
  private let masks: [[Lanes]]
  /// What i can reveal of j.
  private let shares: [[(ofSelfMask: RevealedShare, ofMaskKey: RevealedShare)]]

  /// - Parameter names: In ascending order.
  init(_ names: [String], colluders: UInt16, bits: Int = 16, seed: UInt64 = 1) throws {
    var generator = SeededGenerator(seed)
    let plan = Rehearsal.plan(minimum: colluders + 2, colluders: colluders, dimension: 2, tail: 1)
    let signer = try IdentitySigner(seed: [UInt8](repeating: 99, count: 32))
    var round = try CoordinatorRound(plan: try SignedRoundPlan(plan, signer: signer), coordinator: signer.publicKey)
    shape = VectorShape(bits: bits, count: 2, tailLanes: 1, statisticLanes: 0)
    let keys = names.map { _ in RoundKeys(seed: Secret(generator.bytes(32))) }
    members = names.map { Peer(name: $0, organisation: $0, key: IdentityKey(bytes: generator.bytes(32))!) }
    round.adverts = try zip(members, keys).map { peer, keys in
      SignedAdvert(advert: try keys.advert(peer, planHash: plan.hash), signature: [])
    }
    try round.freezeRoster(shape: shape)
    frozen = round
    thresholds = round.thresholds!
    let transcript = round.transcript!
    let mask: UInt32 = 1 << UInt32(bits) - 1
    inputs = names.map { _ in
      let r = generator.next()
      return Lanes(UInt32(truncatingIfNeeded: r) & mask, UInt32(r >> 32) & mask, 1 + UInt32(r >> 40 % 1000), 0)
    }

    var masks = [[Lanes]](repeating: [Lanes](repeating: .zero, count: names.count), count: names.count)
    func lanes(_ keys: MaskKeys) throws -> Lanes {
      var lanes = MaskedLanes(round.shape!)
      try lanes.apply([(keys, subtract: false)])
      return Lanes(lanes.reducedVector[0], lanes.reducedVector[1], lanes.tail[0], 0)
    }
    for i in names.indices {
      masks[i][i] = try lanes(.own(keys[i].selfSecret, rank: i, transcript: transcript))
      for j in names.indices.dropFirst(i + 1) {
        let product = try Primitives.x25519(keys[i].maskScalar, round.adverts[j].advert.maskKey)!
        let pair = try lanes(.pair(product, i, j, transcript: transcript))
        masks[i][j] = pair
        masks[j][i] = .zero &- pair
      }
    }
    self.masks = masks
    let threshold = thresholds.threshold
    let dealt = try keys.map { try $0.shares(threshold: threshold, participants: names.count, transcript: transcript) }
    shares = names.indices.map { holder in
      names.indices.map { owner in
        let share = dealt[owner][holder]
        return (
          RevealedShare(rank: UInt16(owner), ofSelfMask: true, share: Array(share[32...])),
          RevealedShare(rank: UInt16(owner), ofSelfMask: false, share: Array(share[..<32]))
        )
      }
    }
  }

  /// How the round ends when each stops where it is told to, and who revealed what on the way.
  func run(_ stops: [Stop], recorder: inout SecrecyInvariantTests.Recorder) throws -> RoundSum {
    let who = { (last: Stop) in stops.indices.filter { stops[$0].rawValue > last.rawValue } }
    var round = frozen
    for k in who(.beforeShares) { round.shares[k] = ShareMessage(rank: UInt16(k), shares: []) }
    try round.freezeSharers()
    let sharers = round.sharers!.ranks
    var payloads: [Int: [UInt8]] = [:]
    let nobody = Bitmap(capacity: stops.count)
    let mask: UInt32 = 1 << UInt32(shape.bits) - 1
    for i in who(.beforeUpload) {
      var sum = inputs[i]
      for j in sharers { sum &+= masks[i][j] }
      let input = MaskedInput(vector: [sum[0] & mask, sum[1] & mask], tail: [sum[2]])
      let payload = MaskedLanes(input, shape: shape).packed()
      payloads[i] = payload
      round.uploads[i] = UploadStatement(
        rank: UInt16(i), digest: MaskedUpload.digest(of: payload), unopened: nobody, signature: [])
    }
    try round.freezeSurvivors()
    let survivors = round.survivors!
    for k in who(.beforeConfirmation) {
      round.confirmations[k] = SecureAggregation.Confirmation(rank: UInt16(k), signature: [])
    }
    try round.freezeConfirmations()
    for k in who(.beforeAnswer) {
      let answer = UnmaskAnswer(
        rank: UInt16(k),
        entries: sharers.map { survivors.contains($0) ? shares[k][$0].ofSelfMask : shares[k][$0].ofMaskKey })
      round.answers[k] = answer
      recorder.take(answer, from: k)
    }
    return try round.unmask { payloads[Int($0.rank)]! }
  }

  /// The plain sum of the inputs of some.
  func plainSum(_ who: [Int]) -> (vector: [UInt32], tail: [UInt32]) {
    let sum = who.reduce(Lanes.zero) { $0 &+ inputs[$1] }
    let mask: UInt32 = 1 << UInt32(shape.bits) - 1
    return ([sum[0] & mask, sum[1] & mask], [sum[2]])
  }
}
