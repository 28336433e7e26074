import Federation
import Models
import Privacy
import SecureAggregation

/// What a run of a plan with formal privacy would cost, beside what this node has spent before.
public struct PrivacyForecast: Sendable, Hashable, Codable {
  public var clipNorm: Double
  public var noiseMultiplier: Double
  public var samplingRate: Double
  /// In all training rounds, if none is abandoned.
  public var steps: Int
  /// The δ of the budget, or without one of the plan: what every ε here is taken at.
  public var delta: Double
  /// ε of the run alone.
  public var run: Double
  /// ε of everything before.
  public var spent: Double
  /// ε of both.
  public var after: Double
  public var budget: PrivacyBudget?
  public var isWithinBudget: Bool

  /// - Returns: `nil` without formal privacy, or without a row to train on.
  /// - Throws: `PrivacyError`.
  init?(_ plan: RunPlan, rows: RowReport, ledger: NodeLedger, budget: PrivacyBudget?) throws {
    guard case .examples(let rules) = plan.privacy, rows.trainingRows > 0,
      let round = try PrivateRound(plan, rowCount: rows.trainingRows)
    else { return nil }
    let run = repeatElement(round.charge, count: plan.rounds)
    delta = budget?.delta ?? rules.delta
    clipNorm = rules.clipNorm
    noiseMultiplier = round.charge.noiseMultiplier
    samplingRate = round.charge.samplingRate
    steps = round.charge.steps * plan.rounds
    self.run = try PrivacyAccount(run).epsilon(delta: delta)
    spent = try PrivacyAccount(ledger.charges.values).epsilon(delta: delta)
    let after = try PrivacyAccount(Array(ledger.charges.values) + run).epsilon(delta: delta)
    self.after = after
    self.budget = budget
    isWithinBudget = budget.map { after <= $0.epsilon } ?? true
  }
}
