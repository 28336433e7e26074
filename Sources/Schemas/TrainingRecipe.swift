/// How a participant trains in each round, as it stands in a plan under `training`.
public struct TrainingRecipe: Sendable, Hashable {
  public enum Optimizer: String, Sendable, Hashable, Codable, CaseIterable {
    case sgd, adamw
  }

  public var optimizer: Optimizer
  public var learningRate: Double
  /// Of SGD; 0 is none.
  public var momentum: Double
  /// Of SGD added to the gradient, of AdamW decoupled from it; 0 is none.
  public var weightDecay: Double
  /// Rows per step; 0 means all rows in one step.
  public var batchSize: Int
  /// Passes over the training rows per round.
  public var epochs: Int
  /// The largest L2 norm of a step's gradient, which is scaled down to it; `nil` leaves gradients as they are.
  public var clipGradientNorm: Double?
  /// The first steps of a round, in which the rate rises evenly to `learningRate`: an optimiser that begins anew in each
  /// round knows little of the gradient's size at first. `nil` is none.
  public var warmupSteps: Int?

  public init(
    optimizer: Optimizer, learningRate: Double, momentum: Double = 0, weightDecay: Double = 0, batchSize: Int = 0,
    epochs: Int = 1, clipGradientNorm: Double? = nil, warmupSteps: Int? = nil
  ) {
    self.optimizer = optimizer
    self.learningRate = learningRate
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.batchSize = batchSize
    self.epochs = epochs
    self.clipGradientNorm = clipGradientNorm
    self.warmupSteps = warmupSteps
  }

  public func validate() throws(SchemaError) {
    func check(_ holds: Bool, _ key: String, _ expected: String, _ found: some Any) throws(SchemaError) {
      if !holds { throw .invalid(path: "training.\(key)", problem: "expected \(expected), found \(found)", hint: nil) }
    }
    try check(learningRate > 0 && learningRate.isFinite, "learningRate", "a number above 0", learningRate)
    try check(momentum >= 0 && momentum < 1, "momentum", "a number from 0 to below 1", momentum)
    if optimizer == .adamw, momentum != 0 {
      throw .invalid(
        path: "training.momentum", problem: "adamw has its own momentum",
        hint: "remove `momentum`, or set `optimizer: sgd`")
    }
    try check(weightDecay >= 0 && weightDecay.isFinite, "weightDecay", "a number of at least 0", weightDecay)
    try check((0...1_000_000).contains(batchSize), "batchSize", "0 (all rows) to 1000000", batchSize)
    try check((1...1000).contains(epochs), "epochs", "1 to 1000", epochs)
    if let norm = clipGradientNorm {
      try check(norm > 0 && norm.isFinite, "clipGradientNorm", "a number above 0", norm)
    }
    if let steps = warmupSteps { try check((1...1_000_000).contains(steps), "warmupSteps", "1 to 1000000", steps) }
  }
}

extension TrainingRecipe: Codable {
  private enum CodingKeys: String, CodingKey {
    case optimizer, learningRate, momentum, weightDecay, batchSize, epochs, clipGradientNorm, warmupSteps
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    optimizer = try container.decode(Optimizer.self, forKey: .optimizer)
    learningRate = try container.decode(Double.self, forKey: .learningRate)
    momentum = try container.decodeIfPresent(Double.self, forKey: .momentum) ?? 0
    weightDecay = try container.decodeIfPresent(Double.self, forKey: .weightDecay) ?? 0
    batchSize = try container.decodeIfPresent(Int.self, forKey: .batchSize) ?? 0
    epochs = try container.decodeIfPresent(Int.self, forKey: .epochs) ?? 1
    clipGradientNorm = try container.decodeIfPresent(Double.self, forKey: .clipGradientNorm)
    warmupSteps = try container.decodeIfPresent(Int.self, forKey: .warmupSteps)
  }
}
