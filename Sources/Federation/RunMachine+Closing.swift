public import Schemas
public import SecureAggregation
import Updates

/// A round's end: the event to record, and the new checkpoint to store before.
public struct RoundClosing: Sendable, Equatable {
  public var event: RunEvent
  /// The bytes whose SHA-256 the close names as modelOut; nil when the model stays.
  public var checkpoint: [UInt8]?
  /// What the record names as its delta and its residue.
  public var delta: [UInt8]?
  public var residue: [UInt8]?

  /// Everything to store before the event is recorded.
  public var blobs: [[UInt8]] { [checkpoint, delta, residue].compactMap { $0 } }
}

extension RunMachine {
  /// Turns the opened sum of the round in work into the next checkpoint, or finds that it cannot be an honest sum.
  ///
  /// Deterministic: the same sum gives the same bytes, so a coordinator that crashed here does it again.
  ///
  /// - Parameters:
  ///   - sum: Of exactly the frozen survivors.
  ///   - sumDigest: The blob under which the sum is stored.
  ///   - checkpoint: What the round started from.
  ///   - residue: The blob that the run's `residue` names, nil when it names none.
  public func close(
    _ sum: RoundSum, sumDigest: Digest, from checkpoint: Checkpoint, residue: [UInt8]? = nil, signer: IdentitySigner,
    now: Double
  ) throws(FederationError) -> RoundClosing {
    guard let round, let codec = round.codec else { throw .noRound(run: run) }
    let outcome: Result
    do {
      outcome = try result(sum, round: round, codec: codec, checkpoint: checkpoint, residue: residue)
    } catch {
      let reason = AbandonReason(refusing: error)
      var record = try round.record(abandoning: reason, signer: signer, now: now)
      record.sum = sumDigest
      return RoundClosing(event: .roundClosed(record), checkpoint: nil)
    }
    let bytes = outcome.checkpoint?.encoded()
    let modelOut = bytes.map { Digest(sha256: $0) } ?? round.plan.modelIn
    var record = try round.record(
      outcome: .done, modelOut: modelOut, meanNorm: outcome.norm, totalWeight: outcome.totalWeight, signer: signer,
      now: now)
    record.sum = sumDigest
    record.metrics = outcome.metrics
    record.droppedColumns = outcome.dropped
    record.advances = outcome.advances
    record.delta = outcome.delta.map { Digest(sha256: $0) }
    record.residue = outcome.residue.map { Digest(sha256: $0) }
    return RoundClosing(
      event: .roundClosed(record), checkpoint: bytes, delta: outcome.delta, residue: outcome.residue)
  }

  /// What an honest sum comes to.
  private struct Result {
    var checkpoint: Checkpoint?
    var norm = 0.0
    var totalWeight: UInt64 = 0
    var metrics: RoundMetrics?
    var dropped: [String]?
    var advances = 1
    var delta: [UInt8]?
    var residue: [UInt8]?
  }

  private func result(
    _ sum: RoundSum, round: RoundMachine, codec: RoundCodec, checkpoint: Checkpoint, residue: [UInt8]?
  ) throws -> Result {
    switch round.kind {
    case .counts, .moments:
      let applied = try plan.model.family.applying(
        statistics: sum.statistics, of: round.kind, to: checkpoint, plan: plan)
      return Result(checkpoint: applied.checkpoint, dropped: applied.dropped, advances: applied.advances)
    case .update:
      guard let parameters = checkpoint.parameters else {
        throw SchemaError.outOfOrder("an update was summed before there was a model")
      }
      let weight = try totalWeight(of: sum, plan: round.plan)
      let (mean, norm) = try codec.mean(of: sum, transcript: round.transcript)
      let wanted = try ServerOptimizer.step(parameters, mean: mean, learningRate: plan.server.learningRate)
      let next = try DownwardModel(
        from: parameters, to: wanted, residue: residue, delta: plan.compression.down.delta(count: mean.count))
      return Result(
        checkpoint: try checkpoint.replacing(parameters: next.parameters), norm: norm, totalWeight: weight,
        metrics: try metrics(of: sum, round: round, codec: codec, norm: norm), delta: next.delta,
        residue: next.residue)
    case .evaluation:
      let weight = try totalWeight(of: sum, plan: round.plan)
      return Result(totalWeight: weight, metrics: try metrics(of: sum, round: round, codec: codec, norm: nil))
    }
  }

  /// The sum of weights: each survivor has at least 1 and at most the maximum.
  private func totalWeight(of sum: RoundSum, plan: RoundPlan) throws(UpdateError) -> UInt64 {
    let survivors = UInt64(sum.survivors.count)
    let total = UInt64(sum.tail.first ?? 0)
    guard (survivors...survivors * UInt64(plan.maximumWeight)).contains(total) else {
      throw .impossibleTotalWeight(
        total: total, survivors: Int(survivors), maximumWeight: plan.maximumWeight)
    }
    return total
  }

  private func metrics(
    of sum: RoundSum, round: RoundMachine, codec: RoundCodec, norm: Double?
  ) throws(SchemaError) -> RoundMetrics {
    let lanes = try codec.metrics(of: sum, measures: plan.model.family.measures)
    let shown = !lanes.tooFewRows
    return RoundMetrics(
      number: round.opening.number, roundID: round.roundID, model: round.plan.modelIn, survivors: sum.survivors.count,
      rows: lanes.rows, tooFewRows: lanes.tooFewRows, meanLoss: shown ? lanes.meanLoss : nil,
      accuracy: shown ? lanes.accuracy : nil, auc: shown ? lanes.auc?.value : nil,
      aucTieBound: shown ? lanes.auc?.tieBound : nil, updateNorm: norm,
      tokens: lanes.measures == .tokens ? lanes.tokens : nil)
  }
}

extension AbandonReason {
  /// What is wrong with a set that cannot be frozen, or with a sum that no honest cohort could have sent. Nobody can be
  /// named from a sum.
  init(refusing error: any Error) {
    switch error {
    case let reason as AbandonReason: self = reason
    case AveragingError.tooFewParticipants(let have, let need): self = .tooFewAdverts(have: have, need: need)
    case AveragingError.tooFewSharers(let have, let need): self = .tooFewShares(have: have, need: need)
    case AveragingError.tooFewSurvivors(let have, let need): self = .tooFewUploads(have: have, need: need)
    case AveragingError.tooFewConfirmations(let have, let need): self = .tooFewConfirmations(have: have, need: need)
    case AveragingError.tooFewShares(_, let have, let need): self = .tooFewAnswers(have: have, need: need)
    case AveragingError.impossibleTotalWeight(let total, let survivors, _),
      UpdateError.impossibleTotalWeight(let total, let survivors, _):
      self = .impossibleTotalWeight(found: total, survivors: survivors)
    case let error as AveragingError: self = .cannotUnmask("\(error)")
    case UpdateError.occupancyAlarm: self = .occupancyAlarm
    case SchemaError.noColumnsLeft: self = .cannotGoOn("\(error)")
    default: self = .impossibleSum("\(error)")
    }
  }
}
