public import Schemas
public import SecureAggregation

/// What a plan makes of a run's checkpoints: the coordinator does it, and each node compares, so that neither what is
/// trained nor what it starts from is anyone's to choose.
extension RunPlan {
  /// What every run of the plan starts from.
  public func genesis() throws(FederationError) -> Checkpoint { try model.family.genesis(of: self) }

  /// What the genesis is named by.
  public func genesisDigest() throws(FederationError) -> Digest { Digest(sha256: try genesis().encoded()) }

  /// More bytes than any checkpoint of the plan has: four for each parameter, and room for names and the schema.
  public var largestCheckpoint: Int { 4 * model.family.largestParameterCount + 16 << 20 }

  /// What in a checkpoint is not as this plan gives it; nil when nothing is.
  public func difference(from checkpoint: Checkpoint) throws(FederationError) -> String? {
    guard checkpoint.planDigest == (try digest().description) else { return "its model is of another plan" }
    return try model.family.difference(from: checkpoint, plan: self)
  }
}
