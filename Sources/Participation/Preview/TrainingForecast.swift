import Federation
import Models

/// What a round's training would take on this machine, found out before it is asked for.
public struct TrainingForecast: Sendable, Hashable, Codable {
  /// Tokens of one pass over the training rows, and passes of a round.
  public var tokens: Int
  public var epochs: Int
  /// What training takes at its peak, and what it may take.
  public var memoryBytes: Int
  public var memoryAvailableBytes: Int?
  /// Of a first few steps on this machine, just now; nil where the rows are too few for one.
  public var tokensPerSecond: Double?

  public var secondsPerRound: Double? { tokensPerSecond.map { Double(tokens * epochs) / $0 } }

  /// nil where it is no matter, as for a table.
  init?(_ rows: any FamilyRows, plan: RunPlan, home: NodeHome) throws {
    guard let tokens = rows.report.tokens, rows.report.trainingRows > 0,
      let memory = try rows.trainingMemory(of: plan.training)
    else { return nil }
    self.tokens = tokens.training
    epochs = plan.training.epochs
    memoryBytes = memory
    memoryAvailableBytes = try home.memoryForTraining()
    let fits = memoryAvailableBytes.map { memory <= $0 } ?? true
    tokensPerSecond = fits ? try rows.trialSpeed(of: plan.training, from: try plan.genesis()) : nil
  }
}
