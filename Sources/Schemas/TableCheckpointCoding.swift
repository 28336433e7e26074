import Tensors

extension TableCheckpoint {
  /// The keys of a checkpoint's metadata; `tributary export` adds others that begin with `tributary.lineage`.
  public enum MetadataKey {
    public static let format = CheckpointMetadata.format
    public static let plan = CheckpointMetadata.plan
    public static let schema = CheckpointMetadata.schema
    public static let counts = "tributary.counts"
    public static let columns = "tributary.columns"
    public static let standardisation = "tributary.standardisation"
    public static let network = "tributary.network"
  }

  /// The value of `tributary.format`: the family, and the version of this description.
  public static let format = "table/1"

  /// A safetensors file whose tensors are the parameters and whose metadata is the rest, each part as JSON with sorted
  /// keys and no whitespace, so that equal checkpoints have equal bytes.
  ///
  /// - Parameter lineage: More metadata, for an exported file; its keys must not be those of the checkpoint itself.
  public func encoded(lineage: [String: String] = [:]) -> [UInt8] {
    var metadata = lineage
    metadata[MetadataKey.format] = Self.format
    metadata[MetadataKey.plan] = planDigest
    metadata[MetadataKey.schema] = CheckpointMetadata.json(schema)
    metadata[MetadataKey.counts] = counts.map(CheckpointMetadata.json)
    metadata[MetadataKey.columns] = kept.map(CheckpointMetadata.json)
    metadata[MetadataKey.standardisation] = standardisation.map(CheckpointMetadata.json)
    metadata[MetadataKey.network] = network.map(CheckpointMetadata.json)
    guard let parameters else { return Safetensors(metadata: metadata).encoded() }
    return Safetensors(parameters, metadata: metadata).encoded()
  }

  /// Reads a checkpoint that anyone may have written, and refuses it unless all its parts fit each other: a valid schema,
  /// columns of that schema, finite statistics, and finite parameters of exactly the network's shapes.
  public init(decoding bytes: [UInt8]) throws(SchemaError) {
    let file: Safetensors
    do { file = try Safetensors(decoding: bytes) } catch { throw .tensors(error) }
    try self.init(file)
  }

  init(_ file: Safetensors) throws(SchemaError) {
    guard file.metadata[MetadataKey.format] == Self.format else {
      let found = file.metadata[MetadataKey.format].map { "\"\($0)\"" } ?? "none"
      throw .badCheckpoint("metadata \"\(MetadataKey.format)\" is \(found), expected \"\(Self.format)\"")
    }
    planDigest = try CheckpointMetadata.text(MetadataKey.plan, of: file)
    schema = try CheckpointMetadata.needed(MetadataKey.schema, of: file)
    counts = try CheckpointMetadata.value(MetadataKey.counts, of: file)
    kept = try CheckpointMetadata.value(MetadataKey.columns, of: file)
    standardisation = try CheckpointMetadata.value(MetadataKey.standardisation, of: file)
    network = try CheckpointMetadata.value(MetadataKey.network, of: file)
    if network != nil {
      do { parameters = try file.parameters() } catch { throw .tensors(error) }
    } else if !file.tensors.isEmpty {
      throw .badCheckpoint("it has tensors but no network")
    }
    try validate()
  }

  private func validate() throws(SchemaError) {
    try schema.validate()
    guard (counts == nil) == (kept == nil) else { throw .badCheckpoint("column counts and kept columns go together") }
    guard (standardisation == nil) == (network == nil), kept != nil || network == nil else {
      throw .badCheckpoint("standardisation and network go together, and need the kept columns")
    }
    guard let kept, let counts else { return }
    try counts.validate(schema)
    let names = schema.columns.map(\.name)
    guard !kept.kept.isEmpty, names.filter(Set(kept.kept).contains) == kept.kept,
      names.filter(Set(kept.dropped).contains) == kept.dropped, Set(kept.kept + kept.dropped).count == names.count,
      kept.kept.count + kept.dropped.count == names.count
    else { throw .badCheckpoint("kept and dropped columns are not those of the schema") }
    guard let standardisation, let network, let parameters else { return }
    guard standardisation.columns.map(\.name) == kept.numbers(of: schema).map(\.name),
      standardisation.columns.allSatisfy({ $0.mean.isFinite && $0.deviation.isFinite && $0.deviation > 0 })
    else { throw .badCheckpoint("the standardisation is not that of the kept number columns") }
    try network.validate()
    guard network.inputs == FeatureLayout(schema, kept: kept).count, network.classCount == schema.classCount else {
      throw .badCheckpoint("the network does not fit the features and classes of the schema")
    }
    guard parameters.layout == network.layout else {
      throw .badCheckpoint("the tensors are not those of the network, by name, order and shape")
    }
  }
}
