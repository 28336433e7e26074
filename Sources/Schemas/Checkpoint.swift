public import Tensors

/// The state of a run between two rounds, of whatever family its plan trains.
public enum Checkpoint: Sendable, Equatable {
  case table(TableCheckpoint)
  case language(LanguageCheckpoint)

  /// Reads a checkpoint that anyone may have written: `tributary.format` tells the family.
  public init(decoding bytes: [UInt8]) throws(SchemaError) {
    let file: Safetensors
    do { file = try Safetensors(decoding: bytes) } catch { throw .tensors(error) }
    switch file.metadata[CheckpointMetadata.format] {
    case TableCheckpoint.format: self = .table(try TableCheckpoint(file))
    case .some(let format) where LanguageShape.Family.allCases.contains { LanguageCheckpoint.format(of: $0) == format }:
      self = .language(try LanguageCheckpoint(file))
    case let found:
      let known = [TableCheckpoint.format] + LanguageShape.Family.allCases.map(LanguageCheckpoint.format)
      throw .badCheckpoint(
        "metadata \"\(CheckpointMetadata.format)\" is \(found.map { "\"\($0)\"" } ?? "none"), expected one of "
          + known.joined(separator: ", "))
    }
  }

  /// The digest of the plan, as text.
  public var planDigest: String {
    switch self {
    case .table(let checkpoint): checkpoint.planDigest
    case .language(let checkpoint): checkpoint.planDigest
    }
  }

  /// What is trained; nil before a table's columns are known.
  public var parameters: Parameters? {
    switch self {
    case .table(let checkpoint): checkpoint.parameters
    case .language(let checkpoint): checkpoint.parameters
    }
  }

  /// The checkpoint after an update.
  public func replacing(parameters: Parameters) throws(SchemaError) -> Checkpoint {
    switch self {
    case .table(let checkpoint): .table(try checkpoint.replacing(parameters: parameters))
    case .language(let checkpoint): .language(try checkpoint.replacing(parameters: parameters))
    }
  }

  /// A safetensors file; the same bytes for equal checkpoints.
  ///
  /// - Parameter lineage: More metadata, for an exported file.
  public func encoded(lineage: [String: String] = [:]) -> [UInt8] {
    switch self {
    case .table(let checkpoint): checkpoint.encoded(lineage: lineage)
    case .language(let checkpoint): checkpoint.encoded(lineage: lineage)
    }
  }

  /// What a model computes, without what it is called: two checkpoints with the same function have the same bytes here,
  /// whatever plan, schema or training they came by.
  public var functionBytes: [UInt8] {
    switch self {
    case .table(var checkpoint):
      checkpoint.planDigest = ""
      checkpoint.counts = nil
      checkpoint.schema = TableSchema(columns: [], label: .init(name: "", values: []))
      return checkpoint.encoded()
    case .language(var checkpoint):
      checkpoint.planDigest = ""
      checkpoint.schema = TextSchema(text: [], target: .answer(""))
      checkpoint.base.name = ""
      checkpoint.training.precision = .fp32
      checkpoint.training.maximumTokens = 0
      checkpoint.training.adapters?.dropout = 0
      if case .classification(let labels) = checkpoint.training.task {
        checkpoint.training.task = .classification(labels: labels.indices.map { "\($0)" })
      }
      return checkpoint.encoded()
    }
  }
}
