import Federation
import Schemas
import SecureAggregation
import Tensors

/// A participant of the tests: the real averaging protocol over made-up rows. Everything it sends follows from its index and
/// the round, so that two runs with the same plan and clock give the same bytes.
///
/// Its rows: `10 + index` values of column `age`, all equal to `40 + index`; one value less of `pulse`, all 60; and 10 held-out
/// rows of each class. Only participant 0 has `rare`, five values of it.
struct ScriptedParticipant: Sendable {
  let index: Int
  let peer: Peer
  let signer: IdentitySigner
  let policy = AveragingPolicy()
  var ledger = NodeLedger()
  var round: ParticipantRound?
  /// What a dishonest one does to its uploads without masks.
  var alterClear: (@Sendable (inout [UInt8]) -> Void)?

  init(_ index: Int, name: String? = nil) throws {
    self.index = index
    signer = try IdentitySigner(seed: [UInt8](repeating: UInt8(index + 1), count: 32))
    peer = Peer(name: name ?? "node-\(index)", organisation: "organisation \(index)", key: signer.publicKey)
  }

  var name: String { peer.name }
  var rows: Int { 10 + index }

  /// The message that a step asks for.
  ///
  /// - Parameter checkpoint: Reads the model that the round starts from.
  mutating func respond(
    to step: RoundStep, plan: RunPlan, coordinator: IdentityKey, checkpoint: (Digest) throws -> Checkpoint
  ) throws -> RoundMessage {
    if case .advertise(let signed) = step {
      if round?.plan == signed { return .advert(round!.advert) }
      let seed = Digest(label: "test/seed", Array("\(name) \(signed.plan.roundID)".utf8))
      round = try ParticipantRound(
        plan: signed, peer: peer, coordinator: coordinator, signer: signer, seed: Secret(seed.bytes),
        subject: signed.plan.kind.isStatistics
          ? Digest(label: "test/rows", Array("\(name) \(signed.plan.kind)".utf8)) : nil,
        policy: policy, ledger: &ledger)
      return .advert(round!.advert)
    }
    guard var current = round else { throw AveragingError.outOfPhase(message: "\(step)", phase: "no round") }
    defer { round = current }
    switch step {
    case .advertise: fatalError("handled above")
    case .share(let roster):
      let codec = RoundCodec(plan: current.plan.plan, rosterCount: roster.count, last: nil)
      return .shares(try current.share(roster, shape: codec.shape, policy: policy, ledger: &ledger))
    case .collect(let roster):
      return try clearUpload(roster, &current, plan: plan, checkpoint: checkpoint(current.plan.plan.modelIn))
    case .upload(let delivery):
      try current.receive(delivery, ledger: &ledger)
      if let upload = current.upload { return .upload(upload, blob: Digest(sha256: upload.payload)) }
      let input = try contribution(current, plan: plan, checkpoint: try checkpoint(current.plan.plan.modelIn))
      let upload = try current.mask(input, signer: signer, ledger: &ledger)
      return .upload(upload, blob: Digest(sha256: upload.payload))
    case .confirm(let survivors):
      return .confirmation(try current.confirm(survivors, policy: policy, signer: signer, ledger: &ledger))
    case .unmask(let quorum): return .answer(try current.answer(quorum, ledger: &ledger))
    }
  }

  /// Takes a close; the per-round state is gone with it.
  mutating func take(_ close: SignedRoundClose, coordinator: IdentityKey) throws {
    try ledger.record(close, coordinator: coordinator)
    if round?.plan.plan.roundID == close.close.roundID { round = nil }
  }

  private func contribution(
    _ round: ParticipantRound, plan: RunPlan, checkpoint: Checkpoint
  ) throws -> MaskedInput {
    let roundPlan = round.plan.plan
    let codec = RoundCodec(plan: roundPlan, rosterCount: round.roster!.count, last: nil)
    switch roundPlan.kind {
    case .counts: return codec.encode(statistics: counts.lanes)
    case .moments:
      guard case .table(let table) = checkpoint else { preconditionFailure("only tables have moments") }
      return codec.encode(statistics: try moments(plan, table.kept!).lanes)
    case .update:
      // Half the way to a target of one's own.
      let delta = checkpoint.parameters!.values.map { (target - $0) / 2 }
      let coins = (0..<codec.coinBytes).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ index) }
      return try codec.encode(
        delta: delta, weight: UInt32(rows), metrics: metrics(plan), coins: coins, transcript: round.transcript!)
    case .evaluation: return codec.encode(metrics: metrics(plan), weight: UInt32(rows))
    }
  }

  /// An upload without masks.
  private mutating func clearUpload(
    _ roster: Roster, _ round: inout ParticipantRound, plan: RunPlan, checkpoint: Checkpoint
  ) throws -> RoundMessage {
    let codec = RoundCodec(plan: round.plan.plan, rosterCount: roster.count, last: nil, clear: plan.clearFormat)
    _ = try round.share(roster, shape: codec.shape, policy: policy, ledger: &ledger)
    var payload: [UInt8]
    if round.plan.plan.kind == .update {
      let delta = checkpoint.parameters!.values.map { (target - $0) / 2 }
      payload = try codec.clearPayload(
        delta: delta, weight: UInt32(rows), metrics: metrics(plan), transcript: round.transcript!
      ).payload
    } else {
      payload = codec.clearPayload(try contribution(round, plan: plan, checkpoint: checkpoint))
    }
    alterClear?(&payload)
    let statement = try UploadStatement(
      clear: payload, rank: round.rank!, rosterCount: roster.count, transcript: round.transcript!, signer: signer)
    return .upload(MaskedUpload(statement: statement, payload: payload), blob: Digest(sha256: payload))
  }

  /// Of every parameter.
  var target: Float { Float(index) }

  var counts: ColumnCounts {
    ColumnCounts(present: [UInt64(rows), UInt64(rows - 1), index == 0 ? 5 : 0])
  }

  func moments(_ plan: RunPlan, _ kept: KeptColumns) throws -> ColumnMoments {
    var moments = ColumnMoments(plan.table.schema, kept: kept)
    for (place, column) in kept.numbers(of: plan.table.schema).enumerated() {
      for _ in 0..<(column.name == "age" ? rows : rows - 1) {
        moments.add(column.name == "age" ? Double(40 + index) : 60, to: place)
      }
    }
    return moments
  }

  /// Ten held-out rows of each of two classes, all of them scored right; twenty rows where there are other measures.
  func metrics(_ plan: RunPlan) -> MetricLanes {
    var metrics = MetricLanes(plan.model.family.measures)
    for row in 0..<20 where metrics.measures != .classes(2) {
      switch metrics.measures {
      case .classes(let classes): metrics.record(label: row % classes, score: 0, loss: 0.25, correct: true)
      case .errors: metrics.record(squaredError: 0.25)
      case .tokens: metrics.record(tokens: 8, loss: 2, correct: 4)
      }
    }
    for _ in 0..<10 where metrics.measures == .classes(2) {
      metrics.record(label: 0, score: 0.1, loss: 0.25, correct: true)
      metrics.record(label: 1, score: 0.9, loss: 0.25, correct: true)
    }
    return metrics
  }
}

extension RunPlan {
  /// A logistic regression over two columns, a third being too rare, for a cohort of `size`.
  static func scripted(
    rounds: Int = 2, size: Int = 4, minimumSurvivors: Int = 3, colluders: Int = 1, deadlineSeconds: Int = 100
  ) throws -> RunPlan {
    try RunPlan(
      canonicalBytes: Array(
        """
        {"averaging":"secure","cohort":{"assumedColluders":\(colluders),"deadlineSeconds":\(deadlineSeconds),\
        "minimumSurvivors":\(minimumSurvivors),"size":\(size)},"model":{"family":"table","hidden":[]},\
        "name":"scripted","rounds":\(rounds),"schema":{"columns":[\
        {"name":"age","range":[0,100],"type":"number"},{"name":"pulse","range":[20,220],"type":"number"},\
        {"name":"rare","range":[0,1],"type":"number"}],"label":{"name":"sick","values":["0","1"]}},\
        "training":{"batchSize":0,"epochs":1,"learningRate":0.5,"optimizer":"sgd"},\
        "update":{"clipNorm":10,"maximumWeight":16}}
        """.utf8))
  }
}
