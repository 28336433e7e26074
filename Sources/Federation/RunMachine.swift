public import SecureAggregation
import Updates

/// One run, from its submission to its end: which round is next, from which checkpoint, and what became of the others.
///
///     queued ─ start ─▶ running ─ evaluation closed ─▶ finished
///        │                 ├─ stop ─▶ stopped
///        └─ stop ─▶ stopped└─ a cause that no further round mends ─▶ failed(reason)
///
///     running:  the family's statistics ─▶ update × plan.rounds ─▶ evaluation
///                          ↺                    ↺                      ↺   abandoned: again from the same checkpoint
///
/// A round that was abandoned while gathering cost nobody anything and may be repeated for as long as people stay away.
/// After `mostAbandonments` others in a row the run fails, and says why the last one was abandoned.
///
/// The state is what `apply` makes of the events, and nothing else. `decide` functions return the events to record and
/// change nothing: the caller applies them to a copy, records them, and then keeps the copy.
public struct RunMachine: Sendable, Equatable {
  /// Abandonments in a row, after the roster was frozen, that end a run.
  public static let mostAbandonments = 5

  public let submission: RunSubmission
  public let plan: RunPlan
  public let planDigest: Digest
  public private(set) var standing = RunStanding.queued
  public private(set) var startedAt: Double?
  public private(set) var endedAt: Double?
  /// The round in work; nil between rounds, before the first and after the last.
  public internal(set) var round: RoundMachine?
  /// Every round that is over, oldest first.
  public private(set) var records: [RoundRecord] = []
  /// Rounds that closed with a model or a measurement.
  public private(set) var roundsClosed = 0
  /// The newest checkpoint.
  public private(set) var model: Digest
  private(set) var abandonmentsInARow = 0
  /// Set when the last round from this checkpoint was abandoned after its unmasking had begun.
  private(set) var requiredRoster: [String]?
  /// The keys of its members, by name.
  private var requiredKeys: [String: IdentityKey]?

  /// The key that signs the run's plans and closes.
  public let coordinator: IdentityKey

  public init(_ submission: RunSubmission, coordinator: IdentityKey) throws(FederationError) {
    self.submission = submission
    self.coordinator = coordinator
    plan = try RunPlan(canonicalBytes: Array(submission.plan.utf8))
    planDigest = try plan.digest()
    model = submission.genesis
  }

  public var run: String { submission.run }

  /// The kind of the next round, nil when all are done.
  public var nextKind: RoundKind? { plan.kind(after: roundsClosed) }

  /// The close that the next round's grid follows from: the last one that opened a sum.
  public var lastClose: RoundClose? {
    records.last { $0.signedClose.close.outcome != .abandoned }?.signedClose.close
  }

  /// What the next round's plan names as its `gridClose`.
  public var gridClose: Digest { lastClose?.hash ?? .zero }

  /// Every signed close, oldest first: the chain that participants check their models against.
  public var closes: [SignedRoundClose] { records.map(\.signedClose) }

  /// What rounding has left out of the models so far: a blob of binary32 numbers, nil when nothing has been.
  public var residue: Digest? {
    records.last { $0.reason == nil && $0.kind == .update }?.residue
  }

  /// The deltas that lead from one of the run's models to a later one, in their order; nil when there is no such way, or
  /// it is too long to be walked.
  public func deltas(from held: Digest, to wanted: Digest) -> [Digest]? {
    var path: [Digest] = []
    var model = wanted
    for record in records.reversed() where record.reason == nil {
      let close = record.signedClose.close
      guard close.modelOut == model, close.modelIn != model else { continue }
      guard let delta = record.delta, path.count < ModelDelta.mostSteps else { return nil }
      path.append(delta)
      model = close.modelIn
      if model == held { return path.reversed() }
    }
    return nil
  }

  /// The checkpoints that the run went through, oldest first, the genesis included.
  public var checkpoints: [Digest] {
    records.reduce(into: [submission.genesis]) { chain, record in
      let model = record.signedClose.close.modelOut
      if record.reason == nil, chain.last != model { chain.append(model) }
    }
  }
}

// Replaying.

extension RunMachine {
  /// Makes an event true. Events come from `decide` functions or from the log, so one that does not fit is an error of the
  /// log, not of a participant.
  public mutating func apply(_ event: RunEvent) throws(FederationError) {
    switch event {
    case .submitted: throw .replayDiverged("run \(run) was submitted twice")
    case .roundOpened(let opening):
      guard !standing.hasEnded, round == nil else {
        throw .replayDiverged("a round of \(run) was opened inside another")
      }
      guard opening.signedPlan.plan.gridClose == gridClose else {
        throw .replayDiverged("a round of \(run) follows from another close")
      }
      if startedAt == nil { startedAt = opening.at }
      standing = .running
      round = try RoundMachine(opening, coordinator: coordinator, plan: plan, last: lastClose)
    case .leftOut, .round, .uploaded:
      guard round != nil else { throw .replayDiverged("no round of \(run) is open for \(event.kind)") }
      try round?.apply(event)
    case .roundClosed(let record): close(record)
    case .ended(let ending):
      standing = ending.standing
      endedAt = ending.at
      round = nil
    }
  }

  /// Rebuilds a run from its events. The messages of rounds that are over were erased from the log and are not needed.
  public init(
    replaying submission: RunSubmission, _ events: [RunEvent], coordinator: IdentityKey
  ) throws(FederationError) {
    try self.init(submission, coordinator: coordinator)
    var opening: RoundOpening?
    var pending: [RunEvent] = []
    for event in events {
      switch event {
      case .roundOpened(let opened):
        opening = opened
        pending = [event]
      case .leftOut, .round, .uploaded: pending.append(event)
      case .roundClosed, .ended:
        if let opened = opening?.at, startedAt == nil { startedAt = opened }
        if opening != nil { standing = .running }
        opening = nil
        pending = []
        try apply(event)
      case .submitted: try apply(event)
      }
    }
    for event in pending { try apply(event) }
  }

  private mutating func close(_ record: RoundRecord) {
    round = nil
    records.append(record)
    if record.reason != nil {
      if record.phase != .gathering { abandonmentsInARow += 1 }
      if let roster = record.answeredRoster { (requiredRoster, requiredKeys) = (roster, record.answeredKeys) }
    } else {
      roundsClosed += record.advances
      model = record.signedClose.close.modelOut
      abandonmentsInARow = 0
      (requiredRoster, requiredKeys) = (nil, nil)
    }
  }
}

/// What a run needs next, besides messages.
public enum RunDue: Sendable, Equatable {
  /// Record it.
  case event(RunEvent)
  /// Open the next round from this checkpoint: `RunMachine.open`.
  case openRound(from: Digest)
  /// Open the sum of the survivors' uploads: `RoundMachine.unmask`, then `RunMachine.close`.
  case unmask
  /// Abandon the round: `RunMachine.abandon`.
  case abandon(AbandonReason)
  /// End the run.
  case end(RunStanding)
}

// Deciding what is next for the run as a whole.

extension RunMachine {
  /// - Parameter now: Unix seconds.
  public func due(now: Double, presence: Presence) -> RunDue? {
    guard !standing.hasEnded else { return nil }
    let lost = lostMember(presence)
    if let round {
      // A roster that can no longer be complete is not worth a wait.
      if lost != nil, round.phase == .gathering { return round.tooFewAdverts }
      return round.due(now: now, presence: presence)
    }
    guard nextKind != nil else { return .end(.finished) }
    if case .cannotGoOn(let why) = records.last?.reason { return .end(.failed(reason: why)) }
    if abandonmentsInARow >= Self.mostAbandonments {
      let last = records.last?.reason.map { "\($0)" } ?? "unknown"
      return .end(.failed(reason: "\(abandonmentsInARow) rounds in a row were abandoned; the last: \(last)"))
    }
    if let lost {
      return .end(
        .failed(
          reason: "the last round from this model was about to be opened to a roster with \(lost), which is no longer "
            + "enrolled with its key; nobody answers for another roster"))
    }
    return canGather(presence) ? .openRound(from: model) : nil
  }

  /// A member of the required roster that can never be met again: it left or was revoked, also if its name was given to
  /// another key since.
  private func lostMember(_ presence: Presence) -> String? {
    requiredRoster?.first { name in
      guard presence.organisations[name] != nil else { return true }
      guard let required = requiredKeys?[name], let enrolled = presence.keys[name] else { return false }
      return required != enrolled
    }
  }

  /// Whom a run between two rounds waits for: the absent of the roster that it needs, or of everyone when too few
  /// organisations are connected. Empty while a round is in work, and once the run has ended.
  public func waitingFor(_ presence: Presence) -> [String] {
    guard !standing.hasEnded, round == nil, !canGather(presence) else { return [] }
    let wanted = requiredRoster ?? Array(presence.organisations.keys)
    return wanted.filter { !presence.present.contains($0) }.sorted()
  }

  /// Whether enough organisations are connected for a round to be worth opening.
  func canGather(_ presence: Presence) -> Bool {
    if let requiredRoster { return presence.present.isSuperset(of: requiredRoster) }
    let organisations = Set(presence.present.compactMap { presence.organisations[$0] })
    return organisations.count >= plan.cohort.minimumSurvivors
  }

  /// The opening of the next round.
  ///
  /// - Parameter roundPlan: Of `nextKind`, from the checkpoint `model`, under the coordinator's next round identifier.
  public func open(
    _ roundPlan: RoundPlan, signer: IdentitySigner, now: Double
  ) throws(FederationError) -> RunEvent {
    do {
      let signed = try SignedRoundPlan(roundPlan, signer: signer)
      return .roundOpened(
        RoundOpening(signedPlan: signed, number: roundsClosed + 1, at: now, requiredRoster: requiredRoster))
    } catch {
      throw .averaging(error)
    }
  }

  /// The record of a round that ends without a model.
  public func abandon(_ reason: AbandonReason, signer: IdentitySigner, now: Double) throws(FederationError) -> RunEvent
  {
    guard let round else { throw .replayDiverged("no round of \(run) is open to be abandoned") }
    return .roundClosed(try round.record(abandoning: reason, signer: signer, now: now))
  }
}
