import Privacy
import SecureAggregation

/// What an owner lets all updates of a node reveal about any one row, as `privacyBudget` in `policy.yaml`.
public struct PrivacyBudget: Sendable, Hashable, Codable {
  public var epsilon: Double
  public var delta: Double

  public init(epsilon: Double, delta: Double) {
    self.epsilon = epsilon
    self.delta = delta
  }
}

/// What a node's updates have cost of its rows' privacy, in all runs together.
///
/// Rows are not told apart: rows that change by a line are still about the same people, so that a new file does not make a
/// new budget.
struct PrivacyAccount: Sendable {
  private let accountant: PrivacyAccountant

  /// - Throws: `PrivacyError` for charges that no accountant knows; a node with such a ledger trains no more.
  init(_ charges: some Sequence<PrivacyCharge>) throws(PrivacyError) {
    var accountant = PrivacyAccountant()
    for charge in charges {
      guard charge.steps > 0 else {
        throw .outOfRange(what: "number of steps", found: Double(charge.steps), expected: "at least 1")
      }
      try accountant.compose(SampledGaussian(charge), times: charge.steps)
    }
    self.accountant = accountant
  }

  func epsilon(delta: Double) throws(PrivacyError) -> Double { try accountant.epsilon(delta: delta) }
}

extension NodeLedger {
  /// Why the owner's budget forbids another charge; `nil` when it does not.
  func refusal(of charge: PrivacyCharge, times: Int = 1, under budget: PrivacyBudget) throws(PrivacyError) -> Refusal? {
    let after = try PrivacyAccount(Array(charges.values) + repeatElement(charge, count: times))
      .epsilon(delta: budget.delta)
    guard !(after <= budget.epsilon) else { return nil }
    let spent = try PrivacyAccount(charges.values).epsilon(delta: budget.delta)
    return .privacyBudget(spent: spent, after: after, budget: budget)
  }
}
