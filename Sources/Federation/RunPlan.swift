public import Schemas
import SecureAggregation

/// What an operator asks a cohort to train: the plan's YAML, decoded strictly and with every default filled in.
///
/// The same value travels to each participant as canonical JSON, and its digest (`digest()`) is what an owner allows, what
/// every round's signed plan names as its trainer, and what a checkpoint carries as its origin.
public struct RunPlan: Sendable, Hashable, Codable {
  public var name: String
  public var averaging: Averaging
  /// What is trained, and on what rows.
  public var model: PlannedModel
  public var training: TrainingRecipe
  /// The number of training rounds; the family's rounds of statistics come before them and one of evaluation after.
  public var rounds: Int
  public var cohort: Cohort
  public var update: UpdateRules
  public var server: ServerRules
  public var compression: Compression
  public var evaluation: EvaluationRules
  /// Seeds the initial parameters of hidden layers; nothing private depends on it.
  public var seed: UInt64
  public var privacy: PlannedPrivacy

  /// How updates are added up.
  public enum Averaging: String, Sendable, Hashable, Codable {
    /// Under masks: the coordinator learns sums.
    case secure
    /// Without: the coordinator reads every update, and each node's policy must allow that.
    case clear
  }

  public struct Cohort: Sendable, Hashable, Codable {
    /// The largest roster, n at most.
    public var size: Int
    /// nMin: no sum over fewer organisations is ever opened.
    public var minimumSurvivors: Int
    /// c: how many participants may collude with the coordinator.
    public var assumedColluders: Int
    /// How long one round may take before it is abandoned, in seconds.
    public var deadlineSeconds: Int
  }

  public struct UpdateRules: Sendable, Hashable, Codable {
    /// C: the largest L2 norm of one participant's update.
    public var clipNorm: Double
    /// wMax: the example count beyond which a participant weighs no more.
    public var maximumWeight: Int
    public var weights: Weights
    /// The normalised mean squared error that quantisation may add to the mean.
    public var targetError: Double

    public enum Weights: String, Sendable, Hashable, Codable { case examples, uniform }
  }

  public struct ServerRules: Sendable, Hashable, Codable {
    /// The model moves by this times the mean update.
    public var learningRate: Double
  }

  public struct EvaluationRules: Sendable, Hashable, Codable {
    /// The value of the schema's fold column whose rows are held out; without it every row trains, and is measured on too.
    public var fold: Int?
  }

  static let mostRounds = 100_000
}

// Decoding fills the defaults in, so that a plan with and without a default written out has one digest.

extension RunPlan {
  private enum CodingKeys: String, CodingKey {
    case name, averaging, training, rounds, cohort, update, server, compression, evaluation, seed, privacy
  }

  public init(from decoder: any Decoder) throws {
    let plan = try decoder.container(keyedBy: CodingKeys.self)
    name = try plan.decode(String.self, forKey: .name)
    averaging = try plan.decodeIfPresent(Averaging.self, forKey: .averaging) ?? .secure
    model = try PlannedModel(from: decoder)
    training = try plan.decode(TrainingRecipe.self, forKey: .training)
    rounds = try plan.decode(Int.self, forKey: .rounds)
    cohort = try plan.decode(Cohort.self, forKey: .cohort)
    update = try plan.decode(UpdateRules.self, forKey: .update)
    server = try plan.decodeIfPresent(ServerRules.self, forKey: .server) ?? ServerRules(learningRate: 1)
    compression = try plan.decodeIfPresent(Compression.self, forKey: .compression) ?? Compression()
    evaluation = try plan.decodeIfPresent(EvaluationRules.self, forKey: .evaluation) ?? EvaluationRules(fold: nil)
    seed = try plan.decodeIfPresent(UInt64.self, forKey: .seed) ?? 0
    privacy = try plan.decodeIfPresent(PlannedPrivacy.self, forKey: .privacy) ?? .none
  }

  public func encode(to encoder: any Encoder) throws {
    var plan = encoder.container(keyedBy: CodingKeys.self)
    try plan.encode(name, forKey: .name)
    try plan.encode(averaging, forKey: .averaging)
    try model.encode(to: encoder)
    try plan.encode(training, forKey: .training)
    try plan.encode(rounds, forKey: .rounds)
    try plan.encode(cohort, forKey: .cohort)
    try plan.encode(update, forKey: .update)
    try plan.encode(server, forKey: .server)
    // Left out where it says nothing, so that plans older than the key keep their digests.
    if compression != Compression() { try plan.encode(compression, forKey: .compression) }
    try plan.encode(evaluation, forKey: .evaluation)
    try plan.encode(seed, forKey: .seed)
    try plan.encode(privacy, forKey: .privacy)
  }
}

extension RunPlan.Averaging {
  public init(from decoder: any Decoder) throws {
    self = try decodeWord(from: decoder, meaning: "how updates are added up")
  }
}

extension RunPlan.UpdateRules.Weights {
  public init(from decoder: any Decoder) throws {
    self = try decodeWord(from: decoder, meaning: "what a participant weighs in the mean")
  }
}

extension RunPlan.Cohort {
  public init(from decoder: any Decoder) throws {
    let cohort = try decoder.container(keyedBy: CodingKeys.self)
    size = try cohort.decode(Int.self, forKey: .size)
    assumedColluders =
      try cohort.decodeIfPresent(Int.self, forKey: .assumedColluders) ?? Thresholds.defaultColluders(participants: size)
    minimumSurvivors =
      try cohort.decodeIfPresent(Int.self, forKey: .minimumSurvivors)
      ?? Thresholds.defaultMinimumSurvivors(
        participants: Self.cut(size), assumedColluders: Self.cut(assumedColluders))
    deadlineSeconds = try cohort.decodeIfPresent(Int.self, forKey: .deadlineSeconds) ?? 120
  }

  /// t of a full cohort.
  public var threshold: Int {
    Thresholds.threshold(participants: Self.cut(size), assumedColluders: Self.cut(assumedColluders))
  }

  /// Numbers that no cohort has are cut to ±2^16: defaults are computed before `validate` refuses them.
  private static func cut(_ number: Int) -> Int { max(-0x10000, min(0x10000, number)) }
}

extension RunPlan.UpdateRules {
  public init(from decoder: any Decoder) throws {
    let update = try decoder.container(keyedBy: CodingKeys.self)
    clipNorm = try update.decode(Double.self, forKey: .clipNorm)
    maximumWeight = try update.decode(Int.self, forKey: .maximumWeight)
    weights = try update.decodeIfPresent(Weights.self, forKey: .weights) ?? .examples
    targetError = try update.decodeIfPresent(Double.self, forKey: .targetError) ?? 1e-3
  }
}

/// Decodes one of an enum's words, and says what the word is for when it is none of them.
func decodeWord<Word>(from decoder: any Decoder, meaning: String) throws -> Word
where Word: RawRepresentable<String> & CaseIterable {
  let found = try decoder.singleValueContainer().decode(String.self)
  guard let word = Word(rawValue: found) else {
    let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
    throw DecodingError.dataCorrupted(
      .init(
        codingPath: decoder.codingPath, debugDescription: "expected one of \(known) (\(meaning)), found \"\(found)\""))
  }
  return word
}

extension RunPlan.Averaging: CaseIterable {}
extension RunPlan.UpdateRules.Weights: CaseIterable {}
