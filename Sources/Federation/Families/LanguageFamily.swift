public import Schemas
public import SecureAggregation
import Tensors

/// A part of a language model that everyone has a copy of: low-rank adapters, a head, or every weight of an encoder.
///
///     model:
///       family: encoder                 # or decoder
///       base: {name: all-MiniLM-L6-v2, digest: "sha256:…", layers: 6, width: 384, …}
///       method: adapters                # or head, or full
///       adapters: {rank: 8, alpha: 16, targets: [query, value]}
///       precision: fp32                 # or bf16
///       maximumTokens: 128
///
/// `tributary plan base PATH` prints the base section of a model. No statistics come first: what a run starts from follows
/// from the plan alone, and the coordinator has neither the base model nor a row.
public struct LanguageFamily: ModelFamily {
  public var schema: TextSchema
  public var base: BaseReference
  public var shape: LanguageShape
  public var method: LanguageTraining.Method
  public var adapters: AdapterRecipe?
  public var precision: Precision
  /// Longer texts are truncated, special tokens included.
  public var maximumTokens: Int

  /// All that the plan says of the training of this model.
  ///
  /// - Parameter seed: The plan's, for the matrices A.
  public func training(seed: UInt64) -> LanguageTraining {
    LanguageTraining(
      shape: shape, method: method, adapters: adapters, task: schema.target.task, precision: precision,
      maximumTokens: maximumTokens, seed: seed)
  }

  public func validate() throws(SchemaError) {
    try schema.validate()
    try base.validate()
    switch (shape, schema.target) {
    case (.encoder, .answer):
      throw .invalid(
        path: "schema.answer", problem: "an encoder writes no answers",
        hint: "declare a label or a score, or use a model of the family decoder")
    case (.decoder, .label), (.decoder, .score):
      throw .invalid(
        path: "schema", problem: "a decoder is trained to write answers, and no answer is declared",
        hint: "name the column of the answers as `answer`, or use a model of the family encoder")
    default: break
    }
    try training(seed: 0).validate()
  }

  public var foldColumn: String? { schema.fold }
  public var measures: Measures { schema.target.task.measures }
  public var statistics: [RoundKind] { [] }
  public var largestParameterCount: Int { training(seed: 0).layout.count }

  public func genesis(of plan: RunPlan) throws(FederationError) -> Checkpoint {
    .language(
      .genesis(
        planDigest: try plan.digest().description, schema: schema, base: base, training: training(seed: plan.seed)))
  }

  public func statisticLanes(of kind: RoundKind, from checkpoint: Checkpoint) -> Int { 0 }

  public func statisticsContent(of kind: RoundKind) -> (lanes: Int, words: String) { (0, "nothing") }

  public func applying(
    statistics lanes: [UInt64], of kind: RoundKind, to checkpoint: Checkpoint, plan: RunPlan
  ) throws(SchemaError) -> AppliedStatistics {
    throw .outOfOrder("a run of a language model has no round of \(kind)")
  }

  public func isReady(_ checkpoint: Checkpoint, for kind: RoundKind) -> Bool {
    guard case .language = checkpoint else { return false }
    return !kind.isStatistics
  }

  /// The values of the parameters are the coordinator's word; all else follows from the plan.
  public func difference(from checkpoint: Checkpoint, plan: RunPlan) -> String? {
    guard case .language(let language) = checkpoint, language.schema == schema else {
      return "its model is of another plan"
    }
    if language.base != base { return "its model has another base" }
    if language.training != training(seed: plan.seed) { return "its model is trained in another way" }
    return nil
  }
}

extension LanguageFamily {
  private enum CodingKeys: String, CodingKey {
    case base, method, adapters, precision, maximumTokens
  }

  /// - Parameter shape: Reads the dimensions of the family from the base section.
  init(model: any Decoder, schema: TextSchema, shape: (any Decoder) throws -> LanguageShape) throws {
    let section = try model.container(keyedBy: CodingKeys.self)
    let base = try section.superDecoder(forKey: .base)
    self.base = try BaseReference(from: base)
    self.shape = try shape(base)
    method = try section.decodeIfPresent(LanguageTraining.Method.self, forKey: .method) ?? .adapters
    adapters = try section.decodeIfPresent(AdapterRecipe.self, forKey: .adapters)
    precision = try section.decodeIfPresent(Precision.self, forKey: .precision) ?? .fp32
    maximumTokens = try section.decode(Int.self, forKey: .maximumTokens)
    self.schema = schema
  }

  func encode(model: any Encoder) throws {
    var section = model.container(keyedBy: CodingKeys.self)
    try BaseSection(base: base, shape: shape).encode(to: section.superEncoder(forKey: .base))
    try section.encode(method, forKey: .method)
    try section.encodeIfPresent(adapters, forKey: .adapters)
    try section.encode(precision, forKey: .precision)
    try section.encode(maximumTokens, forKey: .maximumTokens)
  }
}

/// A plan's section `model.base`: which base model, and its dimensions.
public struct BaseSection: Sendable, Hashable, Encodable {
  public var base: BaseReference
  public var shape: LanguageShape

  public init(base: BaseReference, shape: LanguageShape) {
    self.base = base
    self.shape = shape
  }

  public func encode(to encoder: any Encoder) throws {
    try base.encode(to: encoder)
    switch shape {
    case .encoder(let shape): try shape.encode(to: encoder)
    case .decoder(let shape): try shape.encode(to: encoder)
    }
  }
}
