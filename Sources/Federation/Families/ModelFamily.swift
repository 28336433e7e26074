public import Schemas
public import SecureAggregation
import Tensors

/// What a family of models is to a run: what its plan may say, what a run begins with, the statistics before the first
/// update, and how large a vector is.
///
/// A run, a round and a node ask these questions and know no family; `TableFamily` and `LanguageFamily` answer them.
public protocol ModelFamily: Sendable, Hashable {
  /// Refuses what could not be trained; the error's path is a key of the plan.
  func validate() throws(SchemaError)

  /// The column of the rows that numbers folds.
  var foldColumn: String? { get }

  /// What a row is measured by.
  var measures: Measures { get }

  /// The rounds of statistics before the first update, in their order.
  var statistics: [RoundKind] { get }

  /// What every run of the plan starts from. It follows from the plan alone.
  func genesis(of plan: RunPlan) throws(FederationError) -> Checkpoint

  /// The number of trained parameters, or the most that a run can come to where statistics decide.
  var largestParameterCount: Int { get }

  /// Numbers that a participant sends in a round of statistics from this checkpoint.
  func statisticLanes(of kind: RoundKind, from checkpoint: Checkpoint) -> Int

  /// The most that a participant sends in a round of statistics: so many numbers, and what they are in words.
  func statisticsContent(of kind: RoundKind) -> (lanes: Int, words: String)

  /// What the summed statistics make of the checkpoint.
  ///
  /// - Throws: For sums that no rows could have given, and when nothing is left to train on.
  func applying(
    statistics lanes: [UInt64], of kind: RoundKind, to checkpoint: Checkpoint, plan: RunPlan
  ) throws(SchemaError) -> AppliedStatistics

  /// Whether a round of that kind can start from the checkpoint.
  func isReady(_ checkpoint: Checkpoint, for kind: RoundKind) -> Bool

  /// What in a checkpoint of this plan is not as the plan gives it; nil when nothing is.
  func difference(from checkpoint: Checkpoint, plan: RunPlan) throws(FederationError) -> String?
}

/// Where a round of statistics leads.
public struct AppliedStatistics: Sendable, Equatable {
  public var checkpoint: Checkpoint
  /// Columns that everyone drops, by name; nil where none was judged.
  public var dropped: [String]?
  /// How many of the run's rounds this one stands for.
  public var advances = 1
}

/// What a plan trains, under `model`, and on what rows, under `schema`: two keys that one family reads together.
public enum PlannedModel: Sendable, Hashable {
  case table(TableFamily)
  case language(LanguageFamily)

  /// The words of `model.family`.
  enum Family: String, Sendable, Hashable, Codable, CaseIterable {
    case table, encoder, decoder

    init(from decoder: any Decoder) throws {
      self = try decodeWord(from: decoder, meaning: "what is trained")
    }
  }

  public var family: any ModelFamily {
    switch self {
    case .table(let family): family
    case .language(let family): family
    }
  }
}

extension PlannedModel: Codable {
  /// Keys of the plan.
  enum CodingKeys: String, CodingKey {
    case model, schema
  }

  private enum FamilyKey: String, CodingKey {
    case family
  }

  /// - Parameter decoder: Of the whole plan.
  public init(from decoder: any Decoder) throws {
    let plan = try decoder.container(keyedBy: CodingKeys.self)
    let model = try plan.superDecoder(forKey: .model)
    switch try model.container(keyedBy: FamilyKey.self).decode(Family.self, forKey: .family) {
    case .table:
      self = .table(try TableFamily(model: model, schema: plan.decode(TableSchema.self, forKey: .schema)))
    case .encoder:
      let family = try LanguageFamily(model: model, schema: plan.decode(TextSchema.self, forKey: .schema)) {
        .encoder(try EncoderShape(from: $0))
      }
      self = .language(family)
    case .decoder:
      let family = try LanguageFamily(model: model, schema: plan.decode(TextSchema.self, forKey: .schema)) {
        .decoder(try DecoderShape(from: $0))
      }
      self = .language(family)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var plan = encoder.container(keyedBy: CodingKeys.self)
    let model = plan.superEncoder(forKey: .model)
    var name = model.container(keyedBy: FamilyKey.self)
    switch self {
    case .table(let family):
      try name.encode(Family.table, forKey: .family)
      try family.encode(model: model)
      try plan.encode(family.schema, forKey: .schema)
    case .language(let family):
      try name.encode(family.shape.family == .encoder ? Family.encoder : .decoder, forKey: .family)
      try family.encode(model: model)
      try plan.encode(family.schema, forKey: .schema)
    }
  }
}
