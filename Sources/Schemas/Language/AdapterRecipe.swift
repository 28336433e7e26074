/// A matrix of each layer that an adapter may be added to, by its part in the layer and not by its name in some file.
///
/// An encoder's `output` is the dense layer behind its attention, its `up` and `down` are the two of its feed-forward
/// network; it has no `gate`.
public enum AdapterTarget: String, Sendable, Hashable, Codable, CaseIterable {
  case query, key, value, output, gate, up, down
}

/// Low-rank adapters: y = W · x + scale · B · A · x with W frozen, A `[rank, inputs]` and B `[outputs, rank]`.
///
///     adapters: {rank: 8, alpha: 16, targets: [query, value], dropout: 0.05, trainA: false, rankStabilised: false}
///
/// With A frozen the update is linear in what is trained, so that the mean of the participants' adapters is the adapter
/// of their mean update; with both trained it is only close to it.
///
/// Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685; A frozen: Sun et al.,
/// "Improving LoRA in Privacy-preserving Federated Learning", arXiv:2403.12313; α/√r: Kalajdzievski, "A Rank
/// Stabilization Scaling Factor for Fine-Tuning with LoRA", arXiv:2312.03732.
public struct AdapterRecipe: Sendable, Hashable, Codable {
  public var rank: Int
  public var alpha: Double
  /// A set in any order; the layout follows the order of the cases.
  public var targets: [AdapterTarget]
  /// The chance that an element of an adapter's input is zero in a training step.
  public var dropout: Double
  /// Whether A is trained, sent and averaged too.
  public var trainA: Bool
  /// Whether the adapter counts α/√rank instead of α/rank.
  public var rankStabilised: Bool

  public init(
    rank: Int, alpha: Double, targets: [AdapterTarget], dropout: Double = 0, trainA: Bool = false,
    rankStabilised: Bool = false
  ) {
    self.rank = rank
    self.alpha = alpha
    self.targets = targets
    self.dropout = dropout
    self.trainA = trainA
    self.rankStabilised = rankStabilised
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    rank = try container.decode(Int.self, forKey: .rank)
    alpha = try container.decode(Double.self, forKey: .alpha)
    targets = try container.decode([AdapterTarget].self, forKey: .targets)
    dropout = try container.decodeIfPresent(Double.self, forKey: .dropout) ?? 0
    trainA = try container.decodeIfPresent(Bool.self, forKey: .trainA) ?? false
    rankStabilised = try container.decodeIfPresent(Bool.self, forKey: .rankStabilised) ?? false
  }

  /// What B · A · x is multiplied with.
  public var scale: Double { rankStabilised ? alpha / Double(rank).squareRoot() : alpha / Double(rank) }

  /// The targets in the order of the layout.
  public var orderedTargets: [AdapterTarget] { AdapterTarget.allCases.filter(targets.contains) }

  func validate(for shape: LanguageShape) throws(SchemaError) {
    func invalid(_ key: String, _ problem: String, _ hint: String? = nil) -> SchemaError {
      .invalid(path: "model.adapters.\(key)", problem: problem, hint: hint)
    }
    guard (1...1024).contains(rank) else { throw invalid("rank", "expected 1 to 1024, found \(rank)") }
    guard alpha > 0, alpha.isFinite else { throw invalid("alpha", "expected a number above 0, found \(alpha)") }
    guard dropout >= 0, dropout < 1 else { throw invalid("dropout", "expected 0 to below 1, found \(dropout)") }
    guard !targets.isEmpty else { throw invalid("targets", "at least one target is needed") }
    guard Set(targets).count == targets.count else { throw invalid("targets", "a target occurs twice") }
    for target in targets where shape.dimensions(of: target) == nil {
      let known = AdapterTarget.allCases.filter { shape.dimensions(of: $0) != nil }
      throw invalid(
        "targets", "\(shape.family.rawValue) models have no \"\(target.rawValue)\"",
        "the targets are " + known.map(\.rawValue).joined(separator: ", "))
    }
  }
}
