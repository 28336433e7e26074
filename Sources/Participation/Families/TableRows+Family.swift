import Documents
import Federation
import Models
import Schemas
import SecureAggregation
import Tensors

extension TableRows: FamilyRows {
  func statistics(_ kind: RoundKind, of checkpoint: Checkpoint) throws -> [UInt64] {
    guard kind == .moments else { return counts().lanes }
    guard let kept = try table(checkpoint).kept else {
      throw SchemaError.outOfOrder("the checkpoint has no column counts")
    }
    return moments(kept: kept).lanes
  }

  func statisticsSubject() throws -> [UInt8] {
    var columns = schema
    columns.fold = nil
    columns.ignore = []
    return try CanonicalJSON.encode(columns)
  }

  func train(
    _ checkpoint: Checkpoint, recipe: TrainingRecipe, seed: [UInt8], privately: PrivateTraining?,
    progress: @escaping @Sendable (WorkProgress) -> Void
  ) throws -> Parameters {
    let (table, network, parameters) = try ready(checkpoint)
    if let privately {
      return try LocalTraining.train(
        parameters, shape: network, on: examples(.training, checkpoint: table), recipe: recipe, privately: privately
      ) { progress(WorkProgress(fraction: $0)) }
    }
    return try LocalTraining.train(
      parameters, shape: network, on: examples(.training, checkpoint: table), recipe: recipe, seed: seed
    ) { progress(WorkProgress(fraction: $0)) }
  }

  func measure(_ checkpoint: Checkpoint, on part: RowPart) throws -> MetricLanes {
    let (table, network, parameters) = try ready(checkpoint)
    return try Evaluation.metrics(parameters, shape: network, on: examples(part, checkpoint: table))
  }

  /// Standardised by the node's own statistics.
  func ownStart(of plan: RunPlan) throws -> Checkpoint {
    guard case .table(let family) = plan.model, case .table(let genesis) = try plan.genesis() else {
      throw ModelError.otherSchema
    }
    let counted = try genesis.applying(counts: counts(), minimumContributors: 1)
    guard let kept = counted.kept else { throw ModelError.noRows }
    return .table(try family.applying(moments(kept: kept), to: counted, seed: plan.seed))
  }

  func trainingMemory(of recipe: TrainingRecipe) -> Int? { nil }

  func trialSpeed(of recipe: TrainingRecipe, from checkpoint: Checkpoint) -> Double? { nil }

  var comparesLocally: Bool { true }

  private func table(_ checkpoint: Checkpoint) throws -> TableCheckpoint {
    guard case .table(let table) = checkpoint else { throw ModelError.otherSchema }
    return table
  }

  private func ready(_ checkpoint: Checkpoint) throws -> (TableCheckpoint, NetworkShape, Parameters) {
    let table = try table(checkpoint)
    guard let network = table.network, let parameters = table.parameters else {
      throw SchemaError.outOfOrder("the checkpoint has no network")
    }
    return (table, network, parameters)
  }
}
