import Schemas
import Tensors

/// What a specialist is, for people and for programs: `tributary inspect` prints its `description`, or all of it as JSON.
public struct Inspection: Sendable, Hashable, Encodable, CustomStringConvertible {
  public struct Tensor: Sendable, Hashable, Codable {
    public var name: String
    public var shape: [Int]
  }

  /// What only one family has.
  public enum Model: Sendable, Hashable {
    case table(TableInspection)
    case language(LanguageInspection)
  }

  /// `table/1`, `encoder/1` or `decoder/1`.
  public var format: String
  public var plan: String
  public var model: Model
  public var tensors: [Tensor]
  public var parameterCount: Int
  /// Nil in a checkpoint that was not exported.
  public var lineage: Lineage?

  public init(_ specialist: Specialist) throws(SpecialistError) {
    plan = specialist.checkpoint.planDigest
    switch specialist.checkpoint {
    case .table(let checkpoint):
      format = TableCheckpoint.format
      model = .table(try TableInspection(checkpoint))
    case .language(let checkpoint):
      format = checkpoint.format
      model = .language(LanguageInspection(checkpoint))
    }
    guard let parameters = specialist.checkpoint.parameters else { throw .unfinished }
    tensors = parameters.layout.entries.map { Tensor(name: $0.name, shape: $0.shape) }
    parameterCount = parameters.values.count
    lineage = specialist.lineage
  }

  private enum CodingKeys: String, CodingKey {
    case format, plan, tensors, parameterCount, lineage
  }

  /// The members of the family stand beside those of every specialist.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(format, forKey: .format)
    try container.encode(plan, forKey: .plan)
    try container.encode(tensors, forKey: .tensors)
    try container.encode(parameterCount, forKey: .parameterCount)
    try container.encodeIfPresent(lineage, forKey: .lineage)
    switch model {
    case .table(let table): try table.encode(to: encoder)
    case .language(let language): try language.encode(to: encoder)
    }
  }

  public var description: String {
    var lines: [String] = []
    if let lineage {
      lines += [
        "name            \(lineage.name)", "run             \(lineage.run)",
        "trained         \(lineage.rounds) rounds, up to \(lineage.participants) participants",
        "averaging       \(lineage.averaging)", "formal privacy  \(lineage.formalPrivacy)",
        "coordinator     \(lineage.coordinator)", "checkpoint      \(lineage.checkpoint)",
      ]
    } else {
      lines.append("lineage         none: a checkpoint that was not exported")
    }
    lines += ["plan            \(plan)", "format          \(format)"]
    switch model {
    case .table(let table): lines += table.lines(parameterCount: parameterCount)
    case .language(let language): lines += language.lines(parameterCount: parameterCount)
    }
    return lines.joined(separator: "\n")
  }
}

/// What a table's model reads and predicts.
public struct TableInspection: Sendable, Hashable, Codable {
  public var schema: TableSchema
  /// Names of the columns that the model reads, and of those that the run dropped.
  public var columns: KeptColumns
  public var standardisation: Standardisation
  /// The names of the model's inputs, in order.
  public var features: [String]
  public var network: NetworkShape

  init(_ checkpoint: TableCheckpoint) throws(SpecialistError) {
    guard let kept = checkpoint.kept, let standardisation = checkpoint.standardisation, let network = checkpoint.network
    else { throw .unfinished }
    schema = checkpoint.schema
    columns = kept
    self.standardisation = standardisation
    features = FeatureLayout(checkpoint.schema, kept: kept).names
    self.network = network
  }

  func lines(parameterCount: Int) -> [String] {
    let kind = network.hidden.isEmpty ? "logistic regression" : "dense network, \(network.activation.rawValue)"
    var lines = [
      "model           \(kind), \(network.widths.map(String.init).joined(separator: " → ")),"
        + " \(parameterCount) parameters",
      "predicts        \(schema.label.name): \(schema.label.values.joined(separator: ", "))",
      "reads           \(columns.kept.joined(separator: ", "))",
    ]
    if !columns.dropped.isEmpty { lines.append("dropped         \(columns.dropped.joined(separator: ", "))") }
    let statistics = Dictionary(standardisation.columns.map { ($0.name, $0) }) { first, _ in first }
    lines += ["", "column"]
    for (_, column) in columns.columns(of: schema) {
      switch column.kind {
      case .number(let range, let missing):
        let codes = missing.isEmpty ? "" : ", \(missing.map { "\($0)" }.joined(separator: ", ")) missing"
        let measured = statistics[column.name].map { ", mean \(rounded($0.mean)), deviation \(rounded($0.deviation))" }
        lines.append("  \(column.name): \(range.lowerBound) to \(range.upperBound)\(codes)\(measured ?? "")")
      case .category(let values, _): lines.append("  \(column.name): \(values.joined(separator: ", "))")
      }
    }
    return lines
  }
}

/// What a language model reads and answers, and what of which base model was trained.
public struct LanguageInspection: Sendable, Hashable, Encodable {
  public var schema: TextSchema
  public var base: BaseReference
  public var training: LanguageTraining

  init(_ checkpoint: LanguageCheckpoint) {
    schema = checkpoint.schema
    base = checkpoint.base
    training = checkpoint.training
  }

  func lines(parameterCount: Int) -> [String] {
    let predicts =
      switch schema.target {
      case .label(let label): "\(label.name): \(label.values.joined(separator: ", "))"
      case .score(let score): "\(score.name), \(score.range.lowerBound) to \(score.range.upperBound)"
      case .answer(let answer): "\(answer), a text"
      }
    var trained = training.method.rawValue
    if let adapters = training.adapters {
      trained += " of rank \(adapters.rank) on " + adapters.orderedTargets.map(\.rawValue).joined(separator: ", ")
    }
    return [
      "model           \(training.shape.family.rawValue), \(trained), \(parameterCount) parameters",
      "base model      \(base.name), \(base.digest)",
      "predicts        \(predicts)",
      "reads           \(schema.text.joined(separator: ", ")), at most \(training.maximumTokens) tokens",
    ]
  }
}

/// Four digits behind the point; who needs more reads the JSON.
private func rounded(_ value: Double) -> String { "\((value * 10_000).rounded() / 10_000)" }
