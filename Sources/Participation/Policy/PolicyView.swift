/// What `policy show` prints: the policy, and what waits for the owner's word.
public struct PolicyView: Sendable, Hashable, Codable {
  public var policy: NodePolicy
  /// The attack that locked the node.
  public var locked: String?
  /// A further answer that the retry rule does not allow.
  public var retry: RetryQuestion?

  public init(of home: NodeHome) throws(ParticipationError) {
    guard home.exists else { throw .noHome(path: home.path) }
    policy = try home.policy()
    locked = try home.ledger().attack.map { "round \($0.roundID) of run \($0.run): \($0.error)" }
    retry = try home.retryQuestion()
  }
}

extension PolicyView: CustomStringConvertible {
  public var description: String {
    var lines = [policy.plans.isEmpty ? "no plan is allowed" : "allowed plans"]
    for plan in policy.plans {
      lines.append("  \(plan.digest)" + (plan.free.isEmpty ? "" : ", \(plan.free.joined(separator: ", ")) free"))
    }
    lines += [
      "minimum cohort      \(policy.minimumCohort) organisations",
      "assumed colluders   at least \(policy.assumedColluders)", "maximum clip norm   \(policy.maximumClipNorm)",
      "maximum bits        \(policy.maximumBits)",
      "known peers         \(policy.peers.count), of which a round needs \(policy.minimumKnownPeers)",
    ]
    lines += policy.peers.map { "  \($0.fingerprint)" + ($0.name.map { " \($0)" } ?? "") }
    if let locked {
      lines += [
        "", "locked since an attack: \(locked)", "hint: tributary policy resume, after talking to the operator",
      ]
    }
    if let retry {
      lines += ["", "waits for your word: \(retry)", "hint: tributary policy retry answers once more in spite of that"]
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
