import Federation
import Models
import Schemas
import SecureAggregation

/// The model that a node could have made alone: the plan's recipe on its own training rows, with as many epochs as the
/// whole run has. It shows its owner what federating bought, and never leaves.
enum LocalModel {
  /// Standardises by the node's own statistics and trains.
  ///
  /// - Parameter randomness: For the order of batches.
  static func train(plan: RunPlan, rows: TableRows, randomness: LocalRandomness) throws -> TableCheckpoint {
    let counted = try plan.genesis().applying(counts: rows.counts(), minimumContributors: 1)
    guard let kept = counted.kept else { throw ModelError.noRows }
    let start = try counted.applying(
      moments: rows.moments(kept: kept), hidden: plan.model.hidden, activation: plan.model.activation, seed: plan.seed)
    guard let network = start.network, let parameters = start.parameters else { throw ModelError.noRows }
    let examples = try rows.examples(.training, checkpoint: start)
    let seed = try randomness.batchOrder()
    // Round by round, as the cohort does: the optimizer begins anew each time.
    var trained = parameters
    for round in 0..<plan.rounds {
      trained = try LocalTraining.train(
        trained, shape: network, on: examples, recipe: plan.training,
        seed: Digest(label: "tributary/local-model", seed + Array("\(round)".utf8)).bytes, progress: nil)
    }
    return try start.replacing(parameters: trained)
  }

  /// A model's measures on the node's held-out rows, or on its training rows when none are held out.
  static func lanes(_ checkpoint: TableCheckpoint, rows: TableRows) throws -> MetricLanes {
    guard let network = checkpoint.network, let parameters = checkpoint.parameters else { throw ModelError.noRows }
    let part: TableRows.Part = rows.report.heldOutRows > 0 ? .heldOut : .training
    return try Evaluation.metrics(parameters, shape: network, on: rows.examples(part, checkpoint: checkpoint))
  }
}

/// A local model that is yet to be trained and measured, beside the rounds.
struct LocalComparison: Sendable {
  let run: String
  let plan: RunPlan
  let rows: TableRows
  let randomness: LocalRandomness

  /// Trains, keeps the model on this node, and remembers its measures; once for each plan.
  func carryOut(home: NodeHome) async throws {
    guard let history = try home.history(of: run), history.local == nil else { return }
    let comparison = self
    let (model, metrics) = try await offPool {
      let model = try LocalModel.train(
        plan: comparison.plan, rows: comparison.rows, randomness: comparison.randomness)
      return (model, try LocalModel.lanes(model, rows: comparison.rows))
    }
    try OwnedFile.replace(home.models.localModelPath(plan: history.plan), with: model.encoded())
    try home.changeHistory(of: run) { $0.local = OwnMetrics(metrics) }
  }
}
