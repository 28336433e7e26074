import Tensors

/// The state of a run of a `table` model between two rounds: what is agreed so far, from the schema to the parameters.
///
///     genesis ─counts→ columns kept ─moments→ standardisation, network, first parameters ─update→ … ─update→ final
///
/// As bytes it is a safetensors file, see `encoded()`; its name is the SHA-256 of these bytes. It holds no run: the same
/// plan begins with the same genesis, whoever runs it.
public struct TableCheckpoint: Sendable, Equatable {
  /// The digest of the plan, as text.
  public var planDigest: String
  public var schema: TableSchema
  public var counts: ColumnCounts?
  public var kept: KeptColumns?
  public var standardisation: Standardisation?
  public var network: NetworkShape?
  public var parameters: Parameters?

  /// What a run starts from: nothing is known but the plan and its schema.
  public static func genesis(planDigest: String, schema: TableSchema) -> Self {
    Self(planDigest: planDigest, schema: schema)
  }

  /// The features that the model sees; `nil` before the columns are known.
  public var features: FeatureLayout? { kept.map { FeatureLayout(schema, kept: $0) } }
}

extension TableCheckpoint {
  /// Decides which columns stay.
  ///
  /// - Throws: `.noColumnsLeft` when none has `minimumContributors`.
  public func applying(counts: ColumnCounts, minimumContributors: Int) throws(SchemaError) -> Self {
    guard self.kept == nil else { throw .outOfOrder("the checkpoint already holds the column counts") }
    try counts.validate(schema)
    let kept = KeptColumns(schema, counts: counts, minimumContributors: minimumContributors)
    guard !kept.kept.isEmpty else { throw .noColumnsLeft(minimumContributors: minimumContributors) }
    var next = self
    next.counts = counts
    next.kept = kept
    return next
  }

  /// Fixes the standardisation, and with it the network and the parameters that training starts from.
  public func applying(
    moments: ColumnMoments, hidden: [Int], activation: NetworkShape.Activation, seed: UInt64
  ) throws(SchemaError) -> Self {
    guard let kept, let counts, standardisation == nil else {
      throw .outOfOrder("column moments apply to a checkpoint that holds column counts and nothing more")
    }
    let network = NetworkShape(
      inputs: FeatureLayout(schema, kept: kept).count, hidden: hidden, activation: activation,
      classes: schema.classCount)
    try network.validate()
    var next = self
    next.standardisation = try Standardisation(schema, kept: kept, counts: counts, moments: moments)
    next.network = network
    next.parameters = network.initialParameters(seed: seed)
    return next
  }

  /// The checkpoint after an update.
  public func replacing(parameters: Parameters) throws(SchemaError) -> Self {
    guard let network else { throw .outOfOrder("an update applies to a checkpoint that holds a network") }
    guard parameters.layout == network.layout else {
      throw .wrongLength(what: "parameters", expected: network.layout.count, found: parameters.values.count)
    }
    var next = self
    next.parameters = parameters
    return next
  }
}
