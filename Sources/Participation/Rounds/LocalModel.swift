import Federation
import Schemas
import SecureAggregation

/// The model that a node could have made alone: the plan's recipe on its own training rows, with as many epochs as the
/// whole run has. It shows its owner what federating bought, and never leaves. A table is standardised by the node's own
/// statistics.
enum LocalModel {
  /// - Parameter randomness: For the order of batches.
  static func train(
    plan: RunPlan, rows: any FamilyRows, randomness: LocalRandomness,
    progress: @escaping @Sendable (WorkProgress) -> Void = { _ in }
  ) throws -> Checkpoint {
    try train(plan: plan, rows: rows, seed: try randomness.batchOrder(), progress: progress)
  }

  /// Round by round, as the cohort does: the optimizer begins anew each time.
  static func train(
    plan: RunPlan, rows: any FamilyRows, seed: [UInt8], progress: @escaping @Sendable (WorkProgress) -> Void
  ) throws -> Checkpoint {
    var model = try rows.ownStart(of: plan)
    for round in 0..<plan.rounds {
      let trained = try rows.train(
        model, recipe: plan.training,
        seed: Digest(label: "tributary/local-model", seed + Array("\(round)".utf8)).bytes
      ) { done in
        let roundsLeft = Double(plan.rounds - round - 1)
        progress(
          WorkProgress(
            fraction: (Double(round) + done.fraction) / Double(plan.rounds), tokensPerSecond: done.tokensPerSecond,
            secondsLeft: done.secondsLeft.map {
              done.fraction > 0 && done.fraction < 1 ? $0 * (1 + roundsLeft / (1 - done.fraction)) : $0
            }))
      }
      model = try model.replacing(parameters: trained)
    }
    return model
  }

  /// A model's measures on the node's held-out rows, or on its training rows when none are held out.
  static func lanes(_ checkpoint: Checkpoint, rows: any FamilyRows) throws -> MetricLanes {
    try rows.measure(checkpoint, on: rows.measuredPart)
  }
}

/// A local model that is yet to be trained and measured, beside the rounds.
struct LocalComparison: Sendable {
  let run: String
  let plan: RunPlan
  let rows: any FamilyRows
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
