import Federation
import Schemas
import SecureAggregation
import Tensors
import Updates

/// What this node adds to one round, before masking: computed from its rows and the round's model alone, so that the same
/// rows and model give the same lanes however often it is asked; with formal privacy, the same within one round.
struct Contribution: Sendable {
  let plan: RunPlan
  let round: RoundPlan
  /// Identifies the rows.
  let rowsDigest: Digest
  let rows: any FamilyRows
  let checkpoint: Checkpoint
  let randomness: LocalRandomness
  /// How the update is trained with formal privacy, and where its noise comes from.
  var privately: (round: PrivateRound, secret: Secret)?

  /// What a round needs besides its roster; training happens here.
  enum Values: Sendable {
    case statistics([UInt64])
    case update(delta: [Float], metrics: MetricLanes)
    case metrics(MetricLanes)

    /// The measures of the round's model on this node's rows.
    var metrics: MetricLanes? {
      switch self {
      case .statistics: nil
      case .update(_, let metrics), .metrics(let metrics): metrics
      }
    }
  }

  /// - Parameter progress: Called as training goes on.
  func values(progress: @escaping @Sendable (WorkProgress) -> Void = { _ in }) throws -> Values {
    switch round.kind {
    case .counts, .moments: return .statistics(try rows.statistics(round.kind, of: checkpoint))
    case .update:
      guard let given = checkpoint.parameters else { throw SchemaError.outOfOrder("the checkpoint has no parameters") }
      let metrics = try rows.measure(checkpoint, on: rows.measuredPart)
      let trained = try rows.train(
        checkpoint, recipe: plan.training, seed: randomness.batchOrder(),
        privately: try privately.map { try $0.round.training($0.secret) }, progress: progress)
      return .update(delta: zip(trained.values, given.values).map { $0 - $1 }, metrics: metrics)
    case .evaluation: return .metrics(try rows.measure(checkpoint, on: rows.measuredPart))
    }
  }

  /// Values as they leave without masks, and what of an update they leave out.
  ///
  /// - Parameter residue: What earlier updates left out; it is clipped together with this one.
  func clearPayload(
    _ values: Values, residue: [Float], codec: RoundCodec, transcript: Digest
  ) throws -> (payload: [UInt8], leftOut: [Float]) {
    let weight = plan.weight(exampleCount: rows.report.trainingRows)
    switch values {
    case .statistics(let lanes): return (codec.clearPayload(codec.encode(statistics: lanes)), [])
    case .update(let delta, let metrics):
      let whole = residue.count == delta.count ? zip(delta, residue).map { $0 + $1 } : delta
      return try codec.clearPayload(delta: whole, weight: weight, metrics: metrics, transcript: transcript)
    case .metrics(let metrics): return (codec.clearPayload(codec.encode(metrics: metrics, weight: weight)), [])
    }
  }

  /// Values in the lanes of this round.
  func encode(_ values: Values, codec: RoundCodec, transcript: Digest) throws -> MaskedInput {
    let weight = plan.weight(exampleCount: rows.report.trainingRows)
    switch values {
    case .statistics(let lanes): return codec.encode(statistics: lanes)
    case .update(let delta, let metrics):
      var coins = try randomness.coins(count: codec.coinBytes)
      defer { Primitives.cleanse(&coins) }
      return try codec.encode(
        delta: delta, weight: weight, metrics: metrics, coins: coins, transcript: transcript)
    case .metrics(let metrics): return codec.encode(metrics: metrics, weight: weight)
    }
  }
}
