public import Schemas
public import SecureAggregation

extension RunPlan {
  /// Fixed-point scale of the summed loss in a round's tail: 2^10 keeps three decimals and leaves room for a cohort's rows.
  public static let metricScale = 1024.0

  /// wMax as the rounds state it: with uniform weights everyone weighs 1 of 1.
  public var maximumWeight: UInt32 { update.weights == .uniform ? 1 : UInt32(update.maximumWeight) }

  /// w: what a participant with `exampleCount` training rows weighs.
  public func weight(exampleCount: Int) -> UInt32 {
    update.weights == .uniform ? 1 : UInt32(min(exampleCount, update.maximumWeight))
  }

  /// The number of rounds that a run takes when none is abandoned: counts, moments, the training rounds, evaluation.
  public var roundsTotal: Int { rounds + 3 }

  /// The plan of one round, ready to be signed.
  ///
  /// - Parameters:
  ///   - checkpoint: What the round starts from; it decides how many lanes a vector has.
  ///   - modelIn: The SHA-256 of that checkpoint's bytes.
  ///   - gridClose: The hash of the run's last close whose sum was opened; zero when there is none.
  ///   - deadlineSeconds: Unix time.
  public func roundPlan(
    kind: RoundKind, run: String, roundID: UInt64, checkpoint: TableCheckpoint, modelIn: Digest, gridClose: Digest,
    deadlineSeconds: UInt64
  ) throws(FederationError) -> RoundPlan {
    RoundPlan(
      kind: kind, run: run, roundID: roundID, minimumSurvivors: UInt16(cohort.minimumSurvivors),
      assumedColluders: UInt16(cohort.assumedColluders), targetError: update.targetError, clipNorm: update.clipNorm,
      dimension: UInt32(dimension(of: kind, checkpoint: checkpoint)), maximumWeight: maximumWeight,
      weightRule: update.weights == .uniform ? 0 : 1,
      tailLanes: kind.isStatistics ? 0 : UInt32(1 + MetricLanes.laneCount(classes: schema.classCount)),
      metricScale: Self.metricScale, privacy: privacy.rawValue, trainer: try digest(), modelIn: modelIn,
      gridClose: gridClose, deadlineSeconds: deadlineSeconds)
  }

  /// d of a round: parameters of the model, lanes of a statistics round, none of an evaluation.
  public func dimension(of kind: RoundKind, checkpoint: TableCheckpoint) -> Int {
    switch kind {
    case .counts: ColumnCounts.laneCount(schema)
    case .moments: checkpoint.kept.map { ColumnMoments.laneCount(schema, kept: $0) } ?? 0
    case .update: checkpoint.network?.layout.count ?? 0
    case .evaluation: 0
    }
  }
}
