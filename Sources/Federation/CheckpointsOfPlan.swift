public import Schemas
public import SecureAggregation

/// What a plan makes of a run's statistics: the coordinator does it, and each node compares, so that neither the columns nor
/// the network are anyone's to choose.
extension RunPlan {
  /// What every run of the plan starts from.
  public func genesis() throws(FederationError) -> TableCheckpoint {
    .genesis(planDigest: try digest().description, schema: schema)
  }

  /// What the genesis is named by.
  public func genesisDigest() throws(FederationError) -> Digest { Digest(sha256: try genesis().encoded()) }

  /// The columns that stay: those to which enough hospitals contribute, as many as no sum is opened under.
  public func keptColumns(_ counts: ColumnCounts) -> KeptColumns {
    KeptColumns(schema, counts: counts, minimumContributors: cohort.minimumSurvivors)
  }

  /// The network over the features of those columns.
  public func network(_ kept: KeptColumns) -> NetworkShape {
    NetworkShape(
      inputs: FeatureLayout(schema, kept: kept).count, hidden: model.hidden, activation: model.activation,
      classes: schema.classCount)
  }

  /// The network when every column of the schema is kept: the largest that a run can come to.
  public var widestNetwork: NetworkShape {
    let none = ColumnCounts(
      present: schema.columns.map { _ in 0 }, contributors: schema.columns.map { _ in 0 })
    return network(KeptColumns(schema, counts: none, minimumContributors: 0))
  }

  /// More bytes than any checkpoint of the plan has: four for each parameter, and room for names and the schema.
  public var largestCheckpoint: Int { 4 * widestNetwork.layout.count + 16 << 20 }

  /// What in a checkpoint is not as this plan gives it; nil when nothing is.
  ///
  /// The counts, the standardisation and the values of the parameters are the coordinator's word. All else follows from the
  /// plan: another network would be a plan that its owner never saw.
  public func difference(from checkpoint: TableCheckpoint) throws(FederationError) -> String? {
    guard checkpoint.planDigest == (try digest().description), checkpoint.schema == schema else {
      return "its model is of another plan"
    }
    if let counts = checkpoint.counts, checkpoint.kept != keptColumns(counts) {
      return "its model keeps other columns than the counts leave"
    }
    if let network = checkpoint.network, network != checkpoint.kept.map(self.network) {
      return "its model has another network"
    }
    return nil
  }
}
