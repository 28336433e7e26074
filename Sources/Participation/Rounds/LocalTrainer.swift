public import Federation
public import Schemas

/// The model that a plan's recipe makes of one file of rows, without a federation.
public enum LocalTrainer {
  public struct Result: Sendable {
    public var checkpoint: Checkpoint
    public var metrics: MetricLanes
    /// Whether the metrics are of rows that were held out of training.
    public var isHeldOut: Bool
  }

  /// - Parameter progress: Called as training goes on.
  /// - Throws: `ParticipationError.rows` for rows or a base model that cannot be used.
  public static func train(
    _ plan: RunPlan, on source: RowSource, progress: @escaping @Sendable (NodeActivity.Training) -> Void = { _ in }
  ) throws -> Result {
    let rows = try source.read(plan)
    let memory = try rows.trainingMemory(of: plan.training)
    let seed = withUnsafeBytes(of: plan.seed.littleEndian) { Array($0) }
    let model = try LocalModel.train(plan: plan, rows: rows, seed: seed) {
      progress(
        NodeActivity.Training(
          fraction: $0.fraction, tokensPerSecond: $0.tokensPerSecond, secondsLeft: $0.secondsLeft, memoryBytes: memory))
    }
    return Result(
      checkpoint: model, metrics: try LocalModel.lanes(model, rows: rows), isHeldOut: rows.measuredPart == .heldOut)
  }
}
