import Federation
import Updates

/// The models that come to this node in a run, at most.
public struct ArrivingModels: Sendable, Hashable, Codable {
  /// `full`, `bf16` or `int8`: how the plan has models travel.
  public var format: String
  /// The bytes of a whole model: the first one, and any that a delta would be no smaller than.
  public var wholeBytes: Int
  /// The bytes of a model in a later round. A delta is compressed further, by an amount that depends on the training.
  public var roundBytes: Int
  /// How many models come in a run that this node misses nothing of.
  public var models: Int

  public var totalBytes: Int { wholeBytes + (models - 1) * roundBytes }
}

extension ArrivingModels {
  /// Of a plan whose every column is kept.
  init(of plan: RunPlan) {
    let count = plan.model.family.largestParameterCount
    format = plan.compression.down.rawValue
    wholeBytes = 4 * count
    roundBytes = plan.compression.down.delta(count: count)?.stepByteCount ?? wholeBytes
    // One after each training round, and the one that the first of them starts from.
    models = plan.rounds + 1
  }
}
