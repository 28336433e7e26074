public import Schemas
public import SecureAggregation
import Tensors

/// A dense network over the columns of a table:
///
///     model: {family: table, hidden: [], activation: relu}
///
/// Two rounds of statistics come first: counts decide which columns stay, moments how they are standardised, and with both
/// the network and its first parameters are known.
public struct TableFamily: ModelFamily {
  public var schema: TableSchema
  /// The widths of the hidden layers; none is a logistic (or softmax) regression.
  public var hidden: [Int]
  public var activation: NetworkShape.Activation

  public init(schema: TableSchema, hidden: [Int], activation: NetworkShape.Activation) {
    self.schema = schema
    self.hidden = hidden
    self.activation = activation
  }

  public func validate() throws(SchemaError) {
    try schema.validate()
    guard hidden.count <= 16, hidden.allSatisfy({ (1...65_536).contains($0) }) else {
      throw .invalid(
        path: "model.hidden", problem: "expected at most 16 widths from 1 to 65536, found \(hidden)", hint: nil)
    }
    try widestNetwork.validate()
  }

  public var foldColumn: String? { schema.fold }
  public var measures: Measures { .classes(schema.classCount) }
  public var statistics: [RoundKind] { [.counts, .moments] }
  public var largestParameterCount: Int { widestNetwork.layout.count }

  public func genesis(of plan: RunPlan) throws(FederationError) -> Checkpoint {
    .table(.genesis(planDigest: try plan.digest().description, schema: schema))
  }

  /// The columns that stay: those to which enough hospitals contribute, as many as no sum is opened under.
  public func keptColumns(_ counts: ColumnCounts, of plan: RunPlan) -> KeptColumns {
    KeptColumns(schema, counts: counts, minimumContributors: plan.cohort.minimumSurvivors)
  }

  /// The network over the features of those columns.
  public func network(_ kept: KeptColumns) -> NetworkShape {
    NetworkShape(
      inputs: FeatureLayout(schema, kept: kept).count, hidden: hidden, activation: activation,
      classes: schema.classCount)
  }

  /// The network when every column of the schema is kept: the largest that a run can come to.
  public var widestNetwork: NetworkShape {
    let none = ColumnCounts(present: schema.columns.map { _ in 0 }, contributors: schema.columns.map { _ in 0 })
    return network(KeptColumns(schema, counts: none, minimumContributors: 0))
  }

  public func statisticLanes(of kind: RoundKind, from checkpoint: Checkpoint) -> Int {
    switch (kind, checkpoint) {
    case (.counts, _): ColumnCounts.laneCount(schema)
    case (.moments, .table(let table)): table.kept.map { ColumnMoments.laneCount(schema, kept: $0) } ?? 0
    default: 0
    }
  }

  public func statisticsContent(of kind: RoundKind) -> (lanes: Int, words: String) {
    let numbers = schema.columns.count { if case .number = $0.kind { true } else { false } }
    let columns = schema.columns.count
    guard kind == .counts else { return (2 * numbers, "sums and sums of squares of \(numbers) number columns") }
    let enough = ColumnCounts.minimumPresent
    return (2 * columns, "how many values each of \(columns) columns has, and whether it has \(enough)")
  }

  public func applying(
    statistics lanes: [UInt64], of kind: RoundKind, to checkpoint: Checkpoint, plan: RunPlan
  ) throws(SchemaError) -> AppliedStatistics {
    guard case .table(let table) = checkpoint else {
      throw .outOfOrder("statistics of a table apply to its checkpoint")
    }
    if kind == .moments {
      guard let kept = table.kept else { throw .outOfOrder("moments were summed before counts") }
      let moments = try ColumnMoments(lanes: lanes, schema: schema, kept: kept)
      return AppliedStatistics(checkpoint: .table(try applying(moments, to: table, seed: plan.seed)))
    }
    let counts = try ColumnCounts(lanes: lanes, schema: schema)
    let next = try table.applying(counts: counts, minimumContributors: plan.cohort.minimumSurvivors)
    let dropped = next.kept?.dropped ?? []
    // Without a number column there is nothing to standardise, and no round without lanes to ask for it.
    guard let kept = next.kept, ColumnMoments.laneCount(schema, kept: kept) == 0 else {
      return AppliedStatistics(checkpoint: .table(next), dropped: dropped)
    }
    let none = try ColumnMoments(lanes: [], schema: schema, kept: kept)
    return AppliedStatistics(
      checkpoint: .table(try applying(none, to: next, seed: plan.seed)), dropped: dropped, advances: 2)
  }

  /// Fixes the standardisation, and with it the network and its first parameters.
  public func applying(
    _ moments: ColumnMoments, to table: TableCheckpoint, seed: UInt64
  ) throws(SchemaError) -> TableCheckpoint {
    try table.applying(moments: moments, hidden: hidden, activation: activation, seed: seed)
  }

  public func isReady(_ checkpoint: Checkpoint, for kind: RoundKind) -> Bool {
    guard case .table(let table) = checkpoint else { return false }
    return switch kind {
    case .counts: table.kept == nil
    case .moments: table.kept != nil && table.standardisation == nil
    case .update, .evaluation: table.parameters != nil
    }
  }

  /// The counts, the standardisation and the values of the parameters are the coordinator's word. All else follows from the
  /// plan: another network would be a plan that its owner never saw.
  public func difference(from checkpoint: Checkpoint, plan: RunPlan) -> String? {
    guard case .table(let table) = checkpoint, table.schema == schema else { return "its model is of another plan" }
    if let counts = table.counts, table.kept != keptColumns(counts, of: plan) {
      return "its model keeps other columns than the counts leave"
    }
    if let network = table.network, network != table.kept.map(self.network) {
      return "its model has another network"
    }
    return nil
  }
}

extension TableFamily {
  private enum CodingKeys: String, CodingKey {
    case hidden, activation
  }

  init(model: any Decoder, schema: TableSchema) throws {
    let section = try model.container(keyedBy: CodingKeys.self)
    hidden = try section.decodeIfPresent([Int].self, forKey: .hidden) ?? []
    activation = try section.decodeIfPresent(NetworkShape.Activation.self, forKey: .activation) ?? .relu
    self.schema = schema
  }

  func encode(model: any Encoder) throws {
    var section = model.container(keyedBy: CodingKeys.self)
    try section.encode(hidden, forKey: .hidden)
    try section.encode(activation, forKey: .activation)
  }
}
