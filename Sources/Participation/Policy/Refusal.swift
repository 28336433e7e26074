public import SecureAggregation

/// Why this node does not take part in a round: an answer to the coordinator and, with its hint, to the owner.
///
/// A refusal loses nothing: the node stays joined, and the next round is judged anew.
public enum Refusal: Sendable, Hashable, Codable, CustomStringConvertible {
  /// No entry of the policy allows this plan.
  case planNotAllowed(digest: Digest)
  /// A sum could be opened over fewer organisations than the owner asks for.
  case cohortTooSmall(plan: Int, policy: Int)
  /// The coordinator would read each of this node's updates.
  case clearNotAllowed
  case tooFewColluders(plan: Int, policy: Int)
  case clipNormTooLarge(plan: Double, policy: Double)
  case tooManyBits(round: Int, policy: Int)
  case tooFewKnownPeers(known: Int, policy: Int)
  /// A participant that the owner knows by name came with another key.
  case peerHasOtherKey(name: String)
  /// The round's signed plan asks for something else than the plan that the owner allowed.
  case roundDiffersFromPlan(what: String)
  /// The node's own rows cannot be used as they are.
  case rows(message: String, hint: String?)
  /// The plan asks for something that this version does not do.
  case plan(message: String, hint: String?)
  /// Training would take more memory than there is, or than the owner allows.
  case memory(neededBytes: Int, availableBytes: Int)
  /// Answering would be the third answered set for one model or one statistic.
  case retry(message: String)
  case locked(what: String)
  /// The owner set a privacy budget, and the plan bounds nothing.
  case noFormalPrivacy(budget: PrivacyBudget)
  /// With this round the node's updates would have revealed more than the owner allows.
  case privacyBudget(spent: Double, after: Double, budget: PrivacyBudget)

  public var description: String {
    switch self {
    case .planNotAllowed(let digest): "the policy does not allow plan \(digest)"
    case .cohortTooSmall(let plan, let policy):
      "sums may be opened over \(plan) organisations, and the policy asks for at least \(policy)"
    case .clearNotAllowed: "the plan averages without masks: the coordinator would read this node's updates and metrics"
    case .tooFewColluders(let plan, let policy):
      "the plan assumes \(plan) colluders, and the policy asks for at least \(policy)"
    case .clipNormTooLarge(let plan, let policy):
      "the plan's clip norm is \(plan), and the policy allows at most \(policy)"
    case .tooManyBits(let round, let policy):
      "the round sends \(round) bits a coordinate, and the policy allows at most \(policy)"
    case .tooFewKnownPeers(let known, let policy):
      "\(known) participants of this round are known peers, and the policy asks for at least \(policy)"
    case .peerHasOtherKey(let name): "\(name) came with another key than the one in policy.yaml"
    case .roundDiffersFromPlan(let what): "the round differs from the plan that it names: \(what)"
    case .rows(let message, _), .plan(let message, _), .retry(let message): message
    case .memory(let needed, let available):
      "training takes \(mebibytes(needed)), and \(mebibytes(available)) are free for it"
    case .locked(let what): "the node is locked since it saw an attack: \(what)"
    case .noFormalPrivacy(let budget):
      "the plan has no formal privacy, and the policy has a budget of epsilon \(budget.epsilon)"
    case .privacyBudget(let spent, let after, let budget):
      "this round would bring the node's epsilon from \(rounded(spent)) to \(rounded(after)) at delta \(budget.delta), "
        + "and the policy allows \(budget.epsilon)"
    }
  }

  /// What the owner can type or change.
  public var hint: String? {
    switch self {
    case .planNotAllowed(let digest):
      "see what would leave with tributary preview, then: tributary policy allow \(digest)"
    case .cohortTooSmall: "ask the operator for a larger cohort.minimumSurvivors, or lower minimumCohort in policy.yaml"
    case .clearNotAllowed: "only if the coordinator may read them: allowClear: true in policy.yaml"
    case .tooFewColluders:
      "ask the operator for a larger cohort.assumedColluders, or lower assumedColluders in policy.yaml"
    case .clipNormTooLarge: "ask the operator for a smaller update.clipNorm, or raise maximumClipNorm in policy.yaml"
    case .tooManyBits: "raise maximumBits in policy.yaml"
    case .tooFewKnownPeers: "add the fingerprints of owners you know: tributary policy peers add FINGERPRINT"
    case .peerHasOtherKey(let name):
      "ask the owner of \(name) for its fingerprint, then: tributary policy peers add FINGERPRINT --name \(name)"
    case .roundDiffersFromPlan: "ask the operator; a coordinator that follows its plan never sends this"
    case .rows(_, let hint), .plan(_, let hint): hint
    case .memory:
      "free some memory, raise memoryMiB in node.yaml, or ask the operator for a smaller training.batchSize or "
        + "model.maximumTokens"
    case .retry: "tributary policy retry shows what a further answer can reveal, and what to type to allow it"
    case .locked: "talk to the operator, then: tributary policy resume"
    case .noFormalPrivacy:
      "ask the operator for a plan with privacy: {unit: example, …}, or remove privacyBudget from policy.yaml"
    case .privacyBudget:
      "what is spent does not come back; ask the operator for more noise, or raise privacyBudget in policy.yaml"
    }
  }
}

/// Two decimals, rounded up: what is said to be spent is never less than what was.
func rounded(_ epsilon: Double) -> String { "\((epsilon * 100).rounded(.up) / 100)" }

/// Rounded up, so that what is said to fit does.
func mebibytes(_ bytes: Int) -> String { "\((bytes + (1 << 20) - 1) >> 20) MiB" }
