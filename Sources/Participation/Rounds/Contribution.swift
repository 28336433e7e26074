import Federation
import Models
import Schemas
import SecureAggregation
import Tensors
import Updates

/// What this node adds to one round, before masking: computed from its rows and the round's model alone, so that the same
/// rows and model give the same lanes however often it is asked.
struct Contribution: Sendable {
  let plan: RunPlan
  let round: RoundPlan
  /// Identifies the rows.
  let rowsDigest: Digest
  let rows: TableRows
  let checkpoint: TableCheckpoint
  let randomness: LocalRandomness

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

  /// - Parameter progress: Called with the fraction of training that is done.
  func values(progress: @escaping @Sendable (Double) -> Void = { _ in }) throws -> Values {
    switch round.kind {
    case .counts: return .statistics(rows.counts().lanes)
    case .moments:
      guard let kept = checkpoint.kept else { throw SchemaError.outOfOrder("the checkpoint has no column counts") }
      return .statistics(rows.moments(kept: kept).lanes)
    case .update:
      guard let network = checkpoint.network, let given = checkpoint.parameters else {
        throw SchemaError.outOfOrder("the checkpoint has no network")
      }
      let metrics = try LocalModel.lanes(checkpoint, rows: rows)
      let trained = try LocalTraining.train(
        given, shape: network, on: rows.examples(.training, checkpoint: checkpoint), recipe: plan.training,
        seed: randomness.batchOrder(), progress: progress)
      return .update(delta: zip(trained.values, given.values).map { $0 - $1 }, metrics: metrics)
    case .evaluation: return .metrics(try LocalModel.lanes(checkpoint, rows: rows))
    }
  }

  /// Values in the lanes of this round.
  func encode(_ values: Values, codec: RoundCodec, transcript: Digest) throws -> MaskedInput {
    let weight = plan.weight(exampleCount: rows.report.trainingRows)
    switch values {
    case .statistics(let lanes): return codec.encode(statistics: lanes)
    case .update(let delta, let metrics):
      return try codec.encode(
        delta: delta, weight: weight, metrics: metrics, coins: randomness.coins(count: codec.coinBytes),
        transcript: transcript)
    case .metrics(let metrics): return codec.encode(metrics: metrics, weight: weight)
    }
  }
}
