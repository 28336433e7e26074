/// What a participant remembers beyond any one round: the facts that keep a coordinator from trying twice.
///
/// The owner's node keeps one ledger in a file of its own, writes it **before** the message that depends on it leaves, and
/// never deletes it with a round. The methods of ``ParticipantRound`` take it `inout`, check against it and record in it;
/// after every call, also after one that threw, write what ``takeChanges()`` returns: an attack is recorded here too.
public struct NodeLedger: Sendable {
  /// The last roundID of each coordinator, by the coordinator key's fingerprint.
  public private(set) var lastRoundIDs: [String: UInt64] = [:]
  /// Peers as first seen, by name.
  public private(set) var pins: [String: Peer] = [:]
  /// The end of each run's chain of closes, by ``chainName(run:coordinator:)``.
  public private(set) var chains: [String: CloseChain] = [:]
  /// What was answered, by the hexadecimal digits of the subject: the model that a round started from, or the rows that
  /// statistics were taken of.
  public private(set) var answers: [String: AnsweredSubject] = [:]
  /// What updates have cost of this node's privacy, by round; never taken back.
  public private(set) var charges: [String: PrivacyCharge] = [:]
  /// The attack that locked this node, until its owner resumes.
  public private(set) var attack: RecordedAttack?
  private var changes: [LedgerChange] = []

  public init() {}

  /// An attack and where it was met.
  public struct RecordedAttack: Codable, Sendable, Hashable {
    public var error: AveragingError
    public var run: String
    public var roundID: UInt64
  }

  // MARK: Lock

  /// Throws `.locked` after an attack.
  public func checkUnlocked() throws(AveragingError) {
    if let attack { throw .locked("round \(attack.roundID) of run \(attack.run): \(attack.error)") }
  }

  /// Locks the node when the error is an attack; the first one stays.
  public mutating func note(_ error: AveragingError, plan: RoundPlan) {
    note(error, run: plan.run, roundID: plan.roundID)
  }

  mutating func note(_ error: AveragingError, run: String, roundID: UInt64) {
    if error.isAttack, attack == nil { make(.locked(RecordedAttack(error: error, run: run, roundID: roundID))) }
  }

  /// The owner's command: takes part again. Returns what had happened, to be repeated to the owner.
  @discardableResult
  public mutating func resume() -> RecordedAttack? {
    guard let attack else { return nil }
    make(.resumed)
    return attack
  }

  // MARK: Plans

  /// Takes up a new plan and remembers its roundID; make it durable before the advert leaves.
  ///
  /// Refused: a locked node, a plan that no round can follow or that the policy forbids, one without the pinned
  /// coordinator's signature, one not newer than the last, and one whose model is not what the run's last close ended
  /// with. Hand over the closes in between first (``record(_:coordinator:genesis:)``). In a run without closes the plan's
  /// model must be `genesis`, what the run begins with.
  mutating func takeUp(
    _ signed: SignedRoundPlan, coordinator: IdentityKey, policy: AveragingPolicy, genesis: Digest? = nil
  ) throws(AveragingError) {
    try checkUnlocked()
    let plan = signed.plan
    try plan.validate()
    guard signed.isSigned(by: coordinator) else { throw .forgedSignature(of: "the coordinator", on: "the plan") }
    if let last = lastRoundIDs[coordinator.fingerprint], plan.roundID <= last {
      throw .staleRound(roundID: plan.roundID, lastSeen: last)
    }
    let end = lastClose(run: plan.run, coordinator: coordinator)?.close.modelOut
    if let expected = end ?? genesis, plan.modelIn != expected {
      throw .modelNotInChain(run: plan.run, expected: expected, found: plan.modelIn)
    }
    try policy.check(plan)
    make(.tookUp(coordinator: coordinator.fingerprint, roundID: plan.roundID))
  }

  // MARK: Peers

  /// Throws `.peerChanged` when a name or a key was first seen with another of the three.
  func checkPins(_ peers: [Peer]) throws(AveragingError) {
    var ledger = self
    try ledger.pin(peers)
  }

  /// Pins new peers, and throws `.peerChanged` when a name or a key was first seen with another of the three.
  mutating func pin(_ peers: [Peer]) throws(AveragingError) {
    let names = Dictionary(pins.values.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    for peer in peers {
      if let pinned = pins[peer.name] ?? names[peer.key], pinned != peer { throw .peerChanged(peer.name) }
    }
    for peer in peers where pins[peer.name] == nil { make(.pinned(peer)) }
  }

  /// The owner's command: forgets a peer that has a new key for a good reason.
  public mutating func unpin(_ name: String) {
    if pins[name] != nil { make(.unpinned(name: name)) }
  }

  // MARK: Closes

  public static func chainName(run: String, coordinator: IdentityKey) -> String { coordinator.fingerprint + "/" + run }

  /// What this node holds of a run's closes; nil before the first.
  public func chain(run: String, coordinator: IdentityKey) -> CloseChain? {
    chains[Self.chainName(run: run, coordinator: coordinator)]
  }

  /// The last close of a run that this node holds.
  public func lastClose(run: String, coordinator: IdentityKey) -> SignedRoundClose? {
    chain(run: run, coordinator: coordinator)?.last
  }

  /// The close that the grid of the run's next update follows from.
  public func lastOpened(run: String, coordinator: IdentityKey) -> RoundClose? {
    chain(run: run, coordinator: coordinator)?.lastOpened
  }

  /// Adds a close to its run's chain. Closes come in ascending order without gaps; one that is held already, or is older,
  /// changes nothing. The first must start from `genesis`, where the caller knows it: otherwise a coordinator could begin a
  /// new run in the middle of another, from any model. A wrong signature, a second close of one round, one that no round can
  /// have and a model that does not follow are attacks, and lock.
  public mutating func record(
    _ signed: SignedRoundClose, coordinator: IdentityKey, genesis: Digest? = nil
  ) throws(AveragingError) {
    do throws(AveragingError) {
      guard signed.isSigned(by: coordinator) else { throw .forgedSignature(of: "the coordinator", on: "the close") }
      if let what = signed.close.contradiction {
        throw .closeContradicts(run: signed.close.run, roundID: signed.close.roundID, what: what)
      }
      let name = Self.chainName(run: signed.close.run, coordinator: coordinator)
      if chains[name] == nil, let genesis, signed.close.modelIn != genesis {
        throw .modelNotInChain(run: signed.close.run, expected: genesis, found: signed.close.modelIn)
      }
      var chain = chains[name] ?? CloseChain(signed)
      try chain.append(signed)
      if chains[name] != chain { make(.closed(chain: name, chain)) }
    } catch {
      note(error, run: signed.close.run, roundID: signed.close.roundID)
      throw error
    }
  }

  // MARK: Retries

  /// Throws when the subject was answered under another roster.
  public func checkRoster(_ roster: Set<IdentityKey>, subject: Digest) throws(AveragingError) {
    try answers[subject.hex]?.check(roster: roster)
  }

  /// Throws unless the retry rule lets this set be answered.
  public func checkSurvivors(
    _ survivors: Set<IdentityKey>, roster: Set<IdentityKey>, subject: Digest, minimum: Int
  ) throws(AveragingError) {
    try answers[subject.hex]?.check(survivors: survivors, roster: roster, minimum: minimum)
  }

  mutating func recordAnswer(_ survivors: Set<IdentityKey>, roster: Set<IdentityKey>, subject: Digest) {
    var answered = answers[subject.hex] ?? AnsweredSubject(roster: roster)
    answered.record(survivors: survivors)
    if answers[subject.hex] != answered { make(.answered(subject: subject.hex, answered)) }
  }

  /// The owner's command: lets exactly this roster, or this set under it, be answered for this subject, whatever the
  /// difference reveals.
  public mutating func permit(_ permission: AnsweredSubject.Permission, subject: Digest) {
    guard var answered = answers[subject.hex] else { return }
    answered.permit(permission)
    if answers[subject.hex] != answered { make(.answered(subject: subject.hex, answered)) }
  }
}

// MARK: - As changes

extension NodeLedger {
  /// The ledger that those changes, in their order, come to.
  public init(replaying changes: some Sequence<LedgerChange>) {
    for change in changes { apply(change) }
  }

  public mutating func apply(_ change: LedgerChange) {
    switch change {
    case .tookUp(let coordinator, let roundID): lastRoundIDs[coordinator] = roundID
    case .pinned(let peer): pins[peer.name] = peer
    case .unpinned(let name): pins[name] = nil
    case .closed(let name, let chain): chains[name] = chain
    case .answered(let subject, let answered): answers[subject] = answered
    case .locked(let attack): self.attack = attack
    case .resumed: attack = nil
    case .charged(let round, let charge): charges[round] = charge
    }
  }

  /// What was learnt since the last call, oldest first: to be written before anything that depends on it leaves.
  public mutating func takeChanges() -> [LedgerChange] {
    defer { changes = [] }
    return changes
  }

  /// The fewest changes that come to this ledger.
  public var summary: [LedgerChange] {
    let charged: [LedgerChange] = charges.sorted { $0.key < $1.key }.map { .charged(round: $0.key, $0.value) }
    return charged + others
  }

  private var others: [LedgerChange] {
    lastRoundIDs.sorted { $0.key < $1.key }.map { .tookUp(coordinator: $0.key, roundID: $0.value) }
      + pins.values.sorted { $0.name < $1.name }.map { .pinned($0) }
      + chains.sorted { $0.key < $1.key }.map { .closed(chain: $0.key, $0.value) }
      + answers.sorted { $0.key < $1.key }.map { .answered(subject: $0.key, $0.value) }
      + (attack.map { [.locked($0)] } ?? [])
  }

  mutating func make(_ change: LedgerChange) {
    apply(change)
    changes.append(change)
  }
}

extension NodeLedger: Equatable {
  /// Whether both remember the same, written or not.
  public static func == (left: NodeLedger, right: NodeLedger) -> Bool {
    left.lastRoundIDs == right.lastRoundIDs && left.pins == right.pins && left.chains == right.chains
      && left.answers == right.answers && left.charges == right.charges && left.attack == right.attack
  }
}

extension NodeLedger: Codable {
  /// As the changes that come to it.
  public init(from decoder: any Decoder) throws {
    self.init(replaying: try decoder.singleValueContainer().decode([LedgerChange].self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(summary)
  }
}
