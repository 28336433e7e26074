/// The coordinator's side of one round.
///
///     gathering ─ freezeRoster ─► sharing ─ freezeSharers ─► collecting ─ freezeSurvivors ─► confirming
///       ─ freezeConfirmations ─► unmasking ─ unmask ─► the sum
///
/// Each `submit` checks one message, refuses it by name or takes it, and returns the event to record, or nil when the same
/// bytes had been taken before and there is only the reply to repeat. Each `freeze` fixes a set for good. The caller
/// decides on a copy, records the event, keeps the copy, and only then replies; ``init(plan:coordinator:replaying:)``
/// rebuilds the round from the events. When to freeze is the caller's decision: the round knows no clock
/// (``missing``, ``isMinimumReached``).
///
/// **Memory does not grow with the cohort's vectors.** The round checks an upload's bytes when they arrive and keeps only
/// their signed statement. The caller keeps the bytes under the statement's digest; ``unmask(upload:)`` asks for them one
/// at a time, checks the digest again and adds each to one accumulator.
///
/// Sequence and secrets: a participant's two secrets are asked for exclusively, b of survivors and mu of the lost, so the
/// coordinator learns the sum over the signed set and nothing about any smaller one.
public struct CoordinatorRound: Hashable, Codable, Sendable {
  public let coordinator: IdentityKey
  public let plan: SignedRoundPlan
  public let planHash: Digest
  public internal(set) var phase = Phase.gathering

  var adverts: [SignedAdvert] = []
  /// Frozen by ``freezeRoster(shape:)``.
  public internal(set) var roster: Roster?
  public internal(set) var shape: VectorShape?
  /// R and T.
  public internal(set) var rosterRoot: Digest?
  public internal(set) var transcript: Digest?
  var shares: [Int: ShareMessage] = [:]
  /// U1.
  public internal(set) var sharers: Bitmap?
  var uploads: [Int: UploadStatement] = [:]
  /// U2, the root over its uploads, and h2.
  public internal(set) var survivors: Bitmap?
  var survivorsRoot: Digest?
  public internal(set) var survivorsHash: Digest?
  var confirmations: [Int: Confirmation] = [:]
  /// S3, frozen by ``freezeConfirmations()``.
  public internal(set) var quorum: Quorum?
  var answers: [Int: UnmaskAnswer] = [:]

  public enum Phase: String, Codable, Sendable, CaseIterable {
    case gathering, sharing, collecting, confirming, unmasking
  }

  public init(plan: SignedRoundPlan, coordinator: IdentityKey) throws(AveragingError) {
    try plan.plan.validate()
    guard plan.isSigned(by: coordinator) else { throw .badSignature(from: "the coordinator", on: "plan") }
    self.plan = plan
    self.coordinator = coordinator
    planHash = plan.plan.hash
  }

  /// Rebuilds a round from its recorded events. Each is checked as it was the first time; a frozen set that would come
  /// out differently throws `.replayDiverged`.
  public init(
    plan: SignedRoundPlan, coordinator: IdentityKey, replaying events: some Sequence<RoundEvent>
  ) throws(AveragingError) {
    try self.init(plan: plan, coordinator: coordinator)
    for event in events { try apply(event) }
  }

  /// Takes one recorded event.
  public mutating func apply(_ event: RoundEvent) throws(AveragingError) {
    switch event {
    case .advert(let advert): try submit(advert, from: advert.advert.peer)
    case .rosterFrozen(let shape, _):
      guard try freezeRoster(shape: shape) == event else { throw .replayDiverged("roster") }
    case .shares(let message): try submit(message, from: try recordedName(message.rank))
    case .sharersFrozen:
      guard try freezeSharers() == event else { throw .replayDiverged("set of sharers") }
    case .upload(let statement): try take(statement, from: try recordedName(statement.rank))
    case .survivorsFrozen:
      guard try freezeSurvivors() == event else { throw .replayDiverged("set of survivors") }
    case .confirmation(let message): try submit(message, from: try recordedName(message.rank))
    case .confirmationsFrozen: try freezeConfirmations()
    case .answer(let message): try submit(message, from: try recordedName(message.rank))
    }
  }

  private func recordedName(_ rank: UInt16) throws(AveragingError) -> String {
    guard let roster, Int(rank) < roster.count else { throw .replayDiverged("roster") }
    return roster.name(Int(rank))
  }

  public var thresholds: Thresholds? {
    roster.map { Thresholds(participants: $0.count, plan: plan.plan) }
  }

  /// How many have advertised.
  public var advertCount: Int { adverts.count }

  /// Names that this phase still waits for; none while gathering, since nobody is expected by name yet.
  public var missing: [String] {
    guard let roster else { return [] }
    let all = Array(0..<roster.count)
    let ranks =
      switch phase {
      case .gathering: [Int]()
      case .sharing: all.filter { shares[$0] == nil }
      case .collecting: (sharers?.ranks ?? []).filter { uploads[$0] == nil }
      case .confirming: (survivors?.ranks ?? []).filter { confirmations[$0] == nil }
      case .unmasking: (survivors?.ranks ?? []).filter { answers[$0] == nil }
      }
    return ranks.map(roster.name)
  }

  /// Whether the phase could be closed now: enough adverts, shares, uploads, confirmations or answers.
  public var isMinimumReached: Bool {
    guard let thresholds else {
      do throws(AveragingError) {
        try Thresholds(participants: adverts.count, plan: plan.plan).validate(plan.plan)
        return adverts.count >= Thresholds(participants: adverts.count, plan: plan.plan).minimumSurvivors
      } catch {
        return false
      }
    }
    return switch phase {
    case .gathering: false
    case .sharing: shares.count >= thresholds.minimumSurvivors
    case .collecting: survivorRanks.count >= thresholds.minimumSurvivors
    case .confirming: confirmations.count >= thresholds.quorum
    case .unmasking: (sharers?.ranks ?? []).allSatisfy { revealed($0).count >= thresholds.threshold }
    }
  }

  /// Names in the frozen sets, in rank order.
  public var rosterNames: [String] { roster.map { $0.peers.map(\.name) } ?? [] }
  public var sharerNames: [String] { names(sharers) }
  public var survivorNames: [String] { names(survivors) }

  private func names(_ set: Bitmap?) -> [String] {
    guard let roster, let set else { return [] }
    return set.ranks.map(roster.name)
  }

  func outOfPhase(_ message: String) -> AveragingError { .outOfPhase(message: message, phase: phase.rawValue) }

  /// The caller's rank, which must also be the one that its message claims.
  func memberRank(_ name: String, claimed: UInt16, message: String) throws(AveragingError) -> Int {
    guard let roster else { throw outOfPhase(message) }
    guard let rank = roster.rank(of: name) else { throw .stranger(name) }
    guard rank == Int(claimed) else {
      throw .notTheCaller(
        claimed: Int(claimed) < roster.count ? roster.name(Int(claimed)) : "rank \(claimed)", caller: name)
    }
    return rank
  }
}
