import Schemas
import Tensors

/// What a specialist is, for people and for programs: `tributary inspect` prints its `description`, or all of it as JSON.
public struct Inspection: Sendable, Hashable, Codable, CustomStringConvertible {
  public struct Tensor: Sendable, Hashable, Codable {
    public var name: String
    public var shape: [Int]
  }

  /// `table/1`.
  public var format: String
  public var plan: String
  public var schema: TableSchema
  /// Names of the columns that the model reads, and of those that the run dropped.
  public var columns: KeptColumns
  public var standardisation: Standardisation
  /// The names of the model's inputs, in order.
  public var features: [String]
  public var network: NetworkShape
  public var tensors: [Tensor]
  public var parameterCount: Int
  /// Nil in a checkpoint that was not exported.
  public var lineage: Lineage?

  public init(_ specialist: Specialist) throws(SpecialistError) {
    let checkpoint = specialist.checkpoint
    guard let kept = checkpoint.kept, let standardisation = checkpoint.standardisation,
      let network = checkpoint.network, let parameters = checkpoint.parameters
    else { throw .unfinished }
    format = TableCheckpoint.format
    plan = checkpoint.planDigest
    schema = checkpoint.schema
    columns = kept
    self.standardisation = standardisation
    features = FeatureLayout(checkpoint.schema, kept: kept).names
    self.network = network
    tensors = parameters.layout.entries.map { Tensor(name: $0.name, shape: $0.shape) }
    parameterCount = parameters.values.count
    lineage = specialist.lineage
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
    let kind = network.hidden.isEmpty ? "logistic regression" : "dense network, \(network.activation.rawValue)"
    lines += [
      "plan            \(plan)", "format          \(format)",
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
    return lines.joined(separator: "\n")
  }
}

/// Four digits behind the point; who needs more reads the JSON.
private func rounded(_ value: Double) -> String { "\((value * 10_000).rounded() / 10_000)" }
