import Documents
public import Federation
public import SecureAggregation

/// What a data owner allows its own node to take part in: the content of `policy.yaml`.
///
/// A coordinator cannot exceed it: every round is judged on the node, by these values, before anything about its rows
/// leaves. A new policy allows no plan at all.
public struct NodePolicy: Sendable, Hashable, Codable {
  /// The plans that may use this node's rows.
  public var plans: [AllowedPlan]
  /// No sum over fewer organisations may ever be opened.
  public var minimumCohort: Int
  /// A plan must assume at least this many participants that collude with the coordinator.
  public var assumedColluders: Int
  /// The largest L2 norm that an update of this node may have.
  public var maximumClipNorm: Double
  /// The most bits that a coordinate of an update may take.
  public var maximumBits: Int
  /// Whether a plan may send values without masks, so that the coordinator reads each of this node's.
  public var allowClear: Bool
  /// Owners whose fingerprints came by another way than through the coordinator.
  public var peers: [KnownPeer]
  /// A round must hold at least this many of `peers`, this node not counted.
  public var minimumKnownPeers: Int
  /// What all updates of this node together may reveal about any one row; without one there is no limit. With one, a plan
  /// must have formal privacy.
  public var privacyBudget: PrivacyBudget?

  /// One plan, or every plan that differs from it only in keys that the owner leaves free.
  public struct AllowedPlan: Sendable, Hashable, Codable {
    /// The plan's digest, or the template's when `free` names keys.
    public var digest: Digest
    public var free: [String]

    public init(digest: Digest, free: [String] = []) {
      self.digest = digest
      self.free = free.sorted()
    }
  }

  /// Another owner's node, by the fingerprint of its averaging key.
  public struct KnownPeer: Sendable, Hashable, Codable {
    /// When given, a round that shows this name under another key is refused.
    public var name: String?
    public var fingerprint: IdentityKey

    public init(name: String? = nil, fingerprint: IdentityKey) {
      self.name = name
      self.fingerprint = fingerprint
    }
  }

  /// The policy of a new node.
  public static let allowingNothing = NodePolicy()

  public init(
    plans: [AllowedPlan] = [], minimumCohort: Int = 3, assumedColluders: Int = 0, maximumClipNorm: Double = 100,
    maximumBits: Int = 32, allowClear: Bool = false, peers: [KnownPeer] = [], minimumKnownPeers: Int = 0,
    privacyBudget: PrivacyBudget? = nil
  ) {
    self.plans = plans
    self.minimumCohort = minimumCohort
    self.assumedColluders = assumedColluders
    self.maximumClipNorm = maximumClipNorm
    self.maximumBits = maximumBits
    self.allowClear = allowClear
    self.peers = peers
    self.minimumKnownPeers = minimumKnownPeers
    self.privacyBudget = privacyBudget
  }
}

// MARK: - Deciding

extension NodePolicy {
  /// Whether an entry allows `plan`, as it is or as an instance of a template.
  public func allows(_ plan: RunPlan) throws(FederationError) -> Bool {
    for allowed in plans where try plan.digest(leavingFree: allowed.free) == allowed.digest { return true }
    return false
  }

  /// The first reason not to take part in a run of `plan`; `nil` when there is none.
  public func refusal(of plan: RunPlan) throws(FederationError) -> Refusal? {
    if try !allows(plan) { return .planNotAllowed(digest: try plan.digest()) }
    if plan.averaging == .clear, !allowClear { return .clearNotAllowed }
    if plan.cohort.minimumSurvivors < minimumCohort {
      return .cohortTooSmall(plan: plan.cohort.minimumSurvivors, policy: minimumCohort)
    }
    if plan.cohort.assumedColluders < assumedColluders {
      return .tooFewColluders(plan: plan.cohort.assumedColluders, policy: assumedColluders)
    }
    if !(plan.update.clipNorm <= maximumClipNorm) {
      return .clipNormTooLarge(plan: plan.update.clipNorm, policy: maximumClipNorm)
    }
    if let privacyBudget, plan.privacy == .none { return .noFormalPrivacy(budget: privacyBudget) }
    return nil
  }

  /// A participant that the owner knows by name and that comes with another key than the owner was given.
  public func refusal(of roster: Roster) -> Refusal? {
    for peer in roster.peers {
      if let known = peers.first(where: { $0.name == peer.name }), known.fingerprint != peer.key {
        return .peerHasOtherKey(name: peer.name)
      }
    }
    return nil
  }

  /// The same bounds for the averaging protocol, which checks them again on every signed plan, roster and survivor set.
  public var averaging: AveragingPolicy {
    AveragingPolicy(
      minimumSurvivors: minimumCohort, assumedColluders: assumedColluders, maximumClipNorm: maximumClipNorm,
      highestBits: maximumBits, peers: Set(peers.map(\.fingerprint)), minimumKnownPeers: minimumKnownPeers)
  }
}

// MARK: - Decoding

extension NodePolicy {
  /// A file that names plans must state every bound, so that half a file never allows more than the whole; one that names
  /// none may leave keys out, whose values are then those of a new policy.
  public init(from decoder: any Decoder) throws {
    let policy = try decoder.container(keyedBy: CodingKeys.self)
    self = .allowingNothing
    plans = try policy.decodeIfPresent([AllowedPlan].self, forKey: .plans) ?? []
    func read<Value: Decodable>(_ key: CodingKeys, into value: inout Value) throws {
      if let found = try policy.decodeIfPresent(Value.self, forKey: key) {
        value = found
      } else if !plans.isEmpty {
        throw MissingBound(key: key.stringValue, usual: "\(key == .peers ? "[]" : "\(value)")")
      }
    }
    try read(.minimumCohort, into: &minimumCohort)
    try read(.assumedColluders, into: &assumedColluders)
    try read(.maximumClipNorm, into: &maximumClipNorm)
    try read(.maximumBits, into: &maximumBits)
    // Nothing is lost where this is: a file without it allows less.
    allowClear = try policy.decodeIfPresent(Bool.self, forKey: .allowClear) ?? false
    try read(.peers, into: &peers)
    try read(.minimumKnownPeers, into: &minimumKnownPeers)
    privacyBudget = try policy.decodeIfPresent(PrivacyBudget.self, forKey: .privacyBudget)
  }

  private struct MissingBound: HintedError {
    var key: String
    var usual: String

    var description: String { "\(key) is missing: a policy that names plans states every bound" }
    var hint: String? { "the file may be cut short; add the line that was there, or for a new node: \(key): \(usual)" }
  }

  /// The bounds that no policy may go below, whatever the file says.
  func validate(file: String) throws(ParticipationError) {
    if minimumCohort < 3 {
      throw .document(
        message: "\(file): minimumCohort is \(minimumCohort), expected at least 3",
        hint: "with two, each learns the other's update from the sum")
    }
    if assumedColluders < 0 {
      throw .document(message: "\(file): assumedColluders is \(assumedColluders), expected 0 or more", hint: nil)
    }
    if !(maximumClipNorm > 0) {
      throw .document(message: "\(file): maximumClipNorm is \(maximumClipNorm), expected a positive number", hint: nil)
    }
    if !(8...32).contains(maximumBits) {
      throw .document(message: "\(file): maximumBits is \(maximumBits), expected 8 to 32", hint: nil)
    }
    if let budget = privacyBudget {
      guard budget.epsilon > 0, budget.epsilon.isFinite, (1e-9...1e-2).contains(budget.delta) else {
        throw .document(
          message: "\(file): privacyBudget is epsilon \(budget.epsilon) at delta \(budget.delta), expected a positive "
            + "epsilon and a delta from 1e-9 to 0.01",
          hint: "for example: privacyBudget: {epsilon: 8.0, delta: 0.000001}")
      }
    }
    if minimumKnownPeers < 0 || minimumKnownPeers > peers.count {
      throw .document(
        message: "\(file): minimumKnownPeers is \(minimumKnownPeers), and peers lists \(peers.count)",
        hint: "add fingerprints with tributary policy peers add, or lower minimumKnownPeers")
    }
    for key in plans.flatMap(\.free) where !RunPlan.freeableKeys.contains(key) {
      let known = RunPlan.freeableKeys
      throw .document(
        message: "\(file): free names \"\(key)\", expected keys of \(known.joined(separator: ", "))",
        hint: nearest(key, in: known).map { "did you mean \"\($0)\"?" } ?? "remove it from free:")
    }
  }
}

extension NodePolicy.AllowedPlan {
  public init(from decoder: any Decoder) throws {
    let plan = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      digest: try plan.decode(Digest.self, forKey: .digest),
      free: try plan.decodeIfPresent([String].self, forKey: .free) ?? [])
  }
}
