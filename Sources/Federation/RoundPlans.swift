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

  /// The number of rounds that a run takes when none is abandoned: statistics, the training rounds, evaluation.
  public var roundsTotal: Int { model.family.statistics.count + rounds + 1 }

  /// What the round after so many closed ones is, nil when all are done.
  public func kind(after roundsClosed: Int) -> RoundKind? {
    let statistics = model.family.statistics
    if roundsClosed < statistics.count { return statistics[max(0, roundsClosed)] }
    if roundsClosed < statistics.count + rounds { return .update }
    return roundsClosed == statistics.count + rounds ? .evaluation : nil
  }

  /// The plan of one round, ready to be signed.
  ///
  /// - Parameters:
  ///   - checkpoint: What the round starts from; it decides how many lanes a vector has.
  ///   - modelIn: The SHA-256 of that checkpoint's bytes.
  ///   - gridClose: The hash of the run's last close whose sum was opened; zero when there is none.
  ///   - deadlineSeconds: Unix time.
  public func roundPlan(
    kind: RoundKind, run: String, roundID: UInt64, checkpoint: Checkpoint, modelIn: Digest, gridClose: Digest,
    deadlineSeconds: UInt64
  ) throws(FederationError) -> RoundPlan {
    RoundPlan(
      kind: kind, run: run, roundID: roundID, minimumSurvivors: UInt16(cohort.minimumSurvivors),
      assumedColluders: UInt16(cohort.assumedColluders), targetError: update.targetError, clipNorm: update.clipNorm,
      dimension: UInt32(dimension(of: kind, checkpoint: checkpoint)), maximumWeight: maximumWeight,
      weightRule: update.weights == .uniform ? 0 : 1,
      tailLanes: kind.isStatistics ? 0 : UInt32(1 + model.family.measures.laneCount),
      metricScale: Self.metricScale, privacy: privacy.word, trainer: try digest(), modelIn: modelIn,
      gridClose: gridClose, deadlineSeconds: deadlineSeconds)
  }

  /// d of a round: parameters of the model, lanes of a statistics round, none of an evaluation.
  public func dimension(of kind: RoundKind, checkpoint: Checkpoint) -> Int {
    switch kind {
    case .counts, .moments: model.family.statisticLanes(of: kind, from: checkpoint)
    case .update: checkpoint.parameters?.values.count ?? 0
    case .evaluation: 0
    }
  }
}
