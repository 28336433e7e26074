import Federation
import SecureAggregation
import Wire

/// One turn of the coordinator's loop: the state as it will be, and the events that make it so.
///
/// Requests work on this copy. When the events are recorded the copy becomes the coordinator's state; when recording fails
/// it is dropped, and nothing has happened.
struct Deliberation: Sendable {
  /// Unix seconds.
  let now: Double
  private(set) var state: CoordinatorState
  private(set) var events: [CoordinatorEvent] = []
  // What need not survive a restart.
  var presence: PresenceBook
  /// Bytes of checkpoints that were fetched, by the run that was in work.
  var bytesDown: [String: UInt64]

  init(state: CoordinatorState, presence: PresenceBook, bytesDown: [String: UInt64], now: Double) {
    self.state = state
    self.presence = presence
    self.bytesDown = bytesDown
    self.now = now
  }

  mutating func record(_ event: CoordinatorEvent) throws(WireError) {
    do { try state.apply(event) } catch { throw WireError(error) }
    events.append(event)
  }

  /// An event of the round in work of a run, or of the run itself.
  mutating func record(_ event: RunEvent, of run: RunMachine) throws(WireError) {
    let round: UInt64? =
      switch event {
      case .roundOpened(let opening): opening.signedPlan.plan.roundID
      case .roundClosed(let record): record.roundID
      case .leftOut, .round, .uploaded: run.round?.roundID
      case .submitted, .ended: nil
      }
    try record(.run(run.run, round: round, event))
  }

  func presence(for run: RunMachine) -> Presence {
    presence.presence(of: state.registry.enrolled, round: run.round?.roundID, now: now)
  }

  /// A run as the operator may see it.
  func snapshot(_ run: RunMachine) -> RunSnapshot {
    RunSnapshot(
      run, isCurrent: state.currentRun?.run == run.run, presence: presence(for: run),
      bytesDown: bytesDown[run.run] ?? 0)
  }

  /// What a participant should do next after the instruction that it handled; nil for nothing yet.
  ///
  /// A close comes before anything of a later round, so that a participant's chain of closes has no gap that it could
  /// have been told of.
  func instruction(for name: String, after: String) -> Instruction? {
    if let signed = state.latestCloses[name] {
      let token = InstructionToken(closing: signed.close.roundID)
      if InstructionToken(after).map({ $0 < token }) ?? true {
        return Instruction(token: token.description, roundID: signed.close.roundID, step: .closed(signed))
      }
    }
    guard let run = state.currentRun, let round = run.round, let (token, step) = run.step(for: name),
      token.description != after
    else { return nil }
    let instruction: Instruction.Step =
      switch step {
      case .advertise(let plan): .advertise(plan, runPlan: Array(run.submission.plan.utf8))
      case .share(let roster): .share(roster)
      case .collect(let roster): .collect(roster)
      case .upload(let delivery): .upload(delivery)
      case .confirm(let survivors): .confirm(survivors)
      case .unmask(let quorum): .unmask(quorum)
      }
    return Instruction(token: token.description, roundID: round.roundID, step: instruction)
  }
}

extension WireError {
  /// How a refusal of the machines reaches a caller.
  init(_ error: FederationError) {
    switch error {
    case .averaging(let cause): self = .averaging(cause)
    case .noRound: self = .unknownRound(0)
    case .otherRound(_, let found): self = .unknownRound(found)
    case .replayDiverged: self = .failed(reason: error.description)
    default: self = .refusedPlan(reason: error.description, suggestion: error.hint)
    }
  }
}
