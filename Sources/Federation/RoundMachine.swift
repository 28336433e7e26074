public import SecureAggregation

/// One round at the coordinator: the averaging protocol's machine, and whom to wait for and for how long.
///
///     gathering ──roster──▶ sharing ──sharers──▶ collecting ──survivors──▶ confirming ──quorum──▶ unmasking ──▶ closed
///         │                    │                     │                         │                      │
///         └────────────────────┴─────────────────────┴─────────────────────────┴──────────────────────┴──▶ abandoned
///
/// A phase ends when everyone expected has answered; or when those missing are no longer present and enough have answered;
/// or at the phase's end, with whoever has answered. With too few at its end the round is abandoned. When too few have
/// answered and the others are gone, the phase waits for them: a participant that restarts goes on where it stood.
///
/// A round of a plan without masks goes from gathering to collecting, and closes there: see `ClearRound`.
///
/// The frozen sets are events. They are applied once, live or replayed, and never decided again.
public struct RoundMachine: Sendable, Equatable {
  /// Where an upload's masked bytes are stored.
  public struct StoredUpload: Sendable, Hashable {
    public var name: String
    /// Plain SHA-256 of the masked bytes.
    public var blob: Digest
    public var byteCount: Int
  }

  public let opening: RoundOpening
  /// The close that the grid follows from.
  public let last: RoundClose?
  let cohortSize: Int
  private(set) var averaging: CoordinatorRound
  /// The uploads of a round without masks; nil under masks.
  private(set) var clear: ClearRound?
  /// In the order in which they came; empty once the roster is frozen.
  private var adverts: [SignedAdvert] = []
  private var uploads: [String: StoredUpload] = [:]

  init(
    _ opening: RoundOpening, coordinator: IdentityKey, plan: RunPlan, last: RoundClose?
  ) throws(FederationError) {
    self.opening = opening
    self.last = last
    cohortSize = plan.cohort.size
    clear = plan.clearFormat.map { ClearRound(format: $0, measures: plan.model.family.measures) }
    do {
      averaging = try CoordinatorRound(plan: opening.signedPlan, coordinator: coordinator)
    } catch {
      throw .averaging(error)
    }
  }

  public var plan: RoundPlan { opening.signedPlan.plan }
  public var roundID: UInt64 { plan.roundID }
  public var kind: RoundKind { plan.kind }
  public var deadline: Double { Double(plan.deadlineSeconds) }

  public var phase: RoundPhase {
    switch averaging.phase {
    case .gathering: .gathering
    // Without masks there is nothing to share.
    case .sharing: clear == nil ? .sharing : .collecting
    case .collecting: .collecting
    case .confirming: .confirming
    case .unmasking: .unmasking
    }
  }

  /// When the phase stops waiting for those who are present but silent, in unix seconds.
  public var phaseEndsAt: Double { opening.at + phase.endsAfter * (deadline - opening.at) }

  /// S0 once frozen.
  public var roster: Roster? { averaging.roster }

  /// U1 once frozen.
  public var sharers: Bitmap? { averaging.sharers }

  /// The grid and the way to and from lanes; it needs the roster's size.
  public var codec: RoundCodec? {
    roster.map { codec(rosterCount: $0.count) }
  }

  private func codec(rosterCount: Int) -> RoundCodec {
    RoundCodec(plan: plan, rosterCount: rosterCount, last: last, clear: clear?.format)
  }

  /// The bytes that an upload has, without masks at most; known once the roster is frozen.
  public var uploadByteCount: Int? {
    clear == nil ? averaging.shape?.byteCount : codec?.largestClearUpload
  }

  /// Every upload that was taken, in order of name.
  public var storedUploads: [StoredUpload] { uploads.sorted { $0.key < $1.key }.map(\.value) }
}

// Events.

extension RoundMachine {
  /// Makes one event of the round true.
  mutating func apply(_ event: RunEvent) throws(FederationError) {
    do {
      switch event {
      case .leftOut(let names):
        adverts.removeAll { names.contains($0.advert.peer.name) }
        averaging = try CoordinatorRound(
          plan: opening.signedPlan, coordinator: averaging.coordinator, replaying: adverts.map(RoundEvent.advert))
      case .round(let event):
        try averaging.apply(event)
        if case .advert(let advert) = event { adverts.append(advert) }
        if case .rosterFrozen = event { adverts = [] }
      case .uploaded(let statement, let blob, let byteCount):
        guard let name = averaging.rosterNames.dropFirst(Int(statement.rank)).first else {
          throw FederationError.replayDiverged("an upload is of nobody in the roster")
        }
        if clear == nil {
          try averaging.apply(.upload(statement))
        } else {
          _ = try clear?.take(statement, from: name, averaging: averaging)
        }
        uploads[name] = StoredUpload(name: name, blob: blob, byteCount: byteCount)
      case .submitted, .roundOpened, .roundClosed, .ended:
        throw FederationError.replayDiverged("\(event.kind) stands inside a round")
      }
    } catch let error as AveragingError {
      throw .averaging(error)
    } catch let error as FederationError {
      throw error
    } catch {
      throw .replayDiverged("\(error)")
    }
  }
}

// Waiting.

extension RoundMachine {
  /// Whom the phase waits for.
  public func expected(_ presence: Presence) -> Set<String> {
    guard phase == .gathering else { return Set(missing) }
    let advertised = Set(adverts.map(\.advert.peer.name))
    if let required = opening.requiredRoster { return Set(required).subtracting(advertised) }
    let taken = Set(adverts.map(\.advert.peer.organisation))
    return presence.willing.subtracting(advertised).filter { !taken.contains(presence.organisations[$0] ?? "") }
  }

  private var missing: [String] {
    clear == nil || phase == .gathering
      ? averaging.missing : averaging.rosterNames.filter { uploads[$0] == nil }
  }

  /// Names that have answered in this phase.
  public var answered: [String] {
    switch phase {
    case .gathering: adverts.map(\.advert.peer.name).sorted()
    case .sharing: members(averaging.rosterNames)
    case .collecting: members(clear == nil ? averaging.sharerNames : averaging.rosterNames)
    case .confirming, .unmasking: members(averaging.survivorNames)
    }
  }

  private func members(_ names: [String]) -> [String] {
    let missing = Set(missing)
    return names.filter { !missing.contains($0) }
  }

  /// How many answers the phase needs.
  public var needed: Int {
    guard clear == nil, let thresholds = averaging.thresholds else {
      return opening.requiredRoster?.count ?? Int(plan.minimumSurvivors)
    }
    return switch phase {
    case .gathering, .sharing, .collecting: thresholds.minimumSurvivors
    case .confirming: thresholds.quorum
    case .unmasking: thresholds.threshold
    }
  }

  /// What time and presence ask for, besides messages.
  func due(now: Double, presence: Presence) -> RunDue? {
    let present = adverts.filter { presence.present.contains($0.advert.peer.name) }
    let missing = expected(presence)
    let isFull = phase == .gathering && opening.requiredRoster == nil && present.count >= cohortSize
    let timeIsUp = now >= min(phaseEndsAt, deadline)
    // With nobody left who could still answer, it goes on if enough did, and otherwise waits for them to come back.
    guard isFull || timeIsUp || missing.isDisjoint(with: presence.willing) else { return nil }
    let next = phase == .gathering ? freezeRoster(present) : freeze()
    if case .abandon = next, !timeIsUp { return nil }
    return next
  }

  private func freezeRoster(_ present: [SignedAdvert]) -> RunDue {
    var chosen = Set(present.prefix(cohortSize).map(\.advert.peer.name))
    if let required = opening.requiredRoster {
      guard adverts.count == required.count else { return tooFew(adverts.count) }
      chosen = Set(required)
    }
    let others = adverts.map(\.advert.peer.name).filter { !chosen.contains($0) }
    guard chosen.count >= needed else { return tooFew(chosen.count) }
    guard others.isEmpty else { return .event(.leftOut(others)) }
    let shape = codec(rosterCount: adverts.count).shape
    return freezing { round throws(AveragingError) in try round.freezeRoster(shape: shape) }
  }

  private func freeze() -> RunDue {
    switch phase {
    case .gathering, .sharing: freezing { round throws(AveragingError) in try round.freezeSharers() }
    case .collecting where clear != nil: uploads.count >= needed ? .unmask : tooFew(uploads.count)
    case .collecting: freezing { round throws(AveragingError) in try round.freezeSurvivors() }
    case .confirming: freezing { round throws(AveragingError) in try round.freezeConfirmations() }
    case .unmasking: averaging.isMinimumReached ? .unmask : tooFew(answered.count)
    }
  }

  /// The freeze as an event; or the reason why the set is too small, by which the round is abandoned once its time is up.
  private func freezing(_ freeze: (inout CoordinatorRound) throws(AveragingError) -> RoundEvent) -> RunDue {
    var next = averaging
    do { return .event(.round(try freeze(&next))) } catch { return .abandon(AbandonReason(refusing: error)) }
  }

  /// The end of a round that can gather no longer.
  var tooFewAdverts: RunDue { tooFew(adverts.count) }

  private func tooFew(_ have: Int) -> RunDue {
    let need = needed
    return switch phase {
    case .gathering: .abandon(.tooFewAdverts(have: have, need: need))
    case .sharing: .abandon(.tooFewShares(have: have, need: need))
    case .collecting: .abandon(.tooFewUploads(have: have, need: need))
    case .confirming: .abandon(.tooFewConfirmations(have: have, need: need))
    case .unmasking: .abandon(.tooFewAnswers(have: have, need: need))
    }
  }

  /// Opens the sum of the frozen survivors; without masks, adds up what came.
  ///
  /// - Parameter bytes: Reads a stored blob; called for one upload at a time.
  /// - Throws: What `bytes` throws, and an `AbandonReason` when the sum cannot be opened or cannot be an honest one.
  public func unmask(_ bytes: (Digest) throws -> [UInt8]) throws -> RoundSum {
    func payload(_ statement: UploadStatement) throws -> [UInt8] {
      guard let upload = uploads[averaging.rosterNames[Int(statement.rank)]] else {
        throw AveragingError.wrongDigest(from: averaging.rosterNames[Int(statement.rank)])
      }
      return try bytes(upload.blob)
    }
    do {
      guard let clear, let codec else { return try averaging.unmask(upload: payload) }
      return try clear.sum(averaging, codec: codec, payload)
    } catch let error as AveragingError {
      throw AbandonReason(refusing: error)
    }
  }
}

// Recording the end.

extension RoundMachine {
  /// The record of a round that ended without a model.
  func record(
    abandoning reason: AbandonReason, signer: IdentitySigner, now: Double
  ) throws(FederationError) -> RoundRecord {
    var record = try record(
      outcome: reason.isAlarm ? .alarm : .abandoned, modelOut: plan.modelIn, meanNorm: 0, totalWeight: 0,
      signer: signer, now: now)
    record.reason = reason
    if phase == .unmasking {
      record.answeredRoster = averaging.rosterNames
      record.answeredKeys = roster.map { Dictionary(uniqueKeysWithValues: $0.peers.map { ($0.name, $0.key) }) }
    }
    return record
  }

  /// The record of a round, with its close signed.
  func record(
    outcome: RoundOutcome, modelOut: Digest, meanNorm: Double, totalWeight: UInt64, signer: IdentitySigner, now: Double
  ) throws(FederationError) -> RoundRecord {
    let survivors = clear == nil || outcome == .abandoned ? averaging.survivorNames : uploads.keys.sorted()
    let survivorsHash = survivors.isEmpty ? .zero : clear?.hash(averaging) ?? averaging.survivorsHash ?? .zero
    let close = RoundClose(
      run: plan.run, roundID: roundID, planHash: averaging.planHash, rosterRoot: averaging.rosterRoot ?? .zero,
      survivorsHash: survivorsHash, modelIn: plan.modelIn, modelOut: modelOut, meanNorm: meanNorm,
      totalWeight: totalWeight, survivors: UInt16(survivors.count), outcome: outcome)
    let signed: SignedRoundClose
    do { signed = try SignedRoundClose(close, signer: signer) } catch { throw .averaging(error) }
    return RoundRecord(
      signedClose: signed, kind: kind, number: opening.number, openedAt: opening.at, at: now, phase: phase,
      participants: roster == nil ? adverts.map(\.advert.peer.name) : averaging.rosterNames,
      survivors: survivors, bytesUp: UInt64(uploads.values.reduce(0) { $0 + $1.byteCount }))
  }

  /// T, once the roster is frozen.
  var transcript: Digest { averaging.transcript ?? .zero }
}
