import Federation
import SecureAggregation
import Updates
import Wire

/// Everything that the coordinator knows and must not forget: what its log says, as a value.
struct CoordinatorState: Sendable, Equatable {
  /// Signs the plans and closes of every run.
  let coordinator: IdentityKey
  private(set) var registry = ParticipantRegistry()
  private(set) var runs: [String: RunMachine] = [:]
  /// Run identifiers, oldest first.
  private(set) var order: [String] = []
  /// The newest close that each participant has to be told of.
  private(set) var latestCloses: [String: SignedRoundClose] = [:]
  /// Checkpoints that participants may fetch.
  private(set) var checkpoints: Set<Digest> = []
  private(set) var highestRoundID: UInt64 = 0

  init(coordinator: IdentityKey) {
    self.coordinator = coordinator
  }

  /// The run in work: the oldest that has not ended.
  var currentRun: RunMachine? {
    order.lazy.compactMap { runs[$0] }.first { !$0.standing.hasEnded }
  }

  var newestRun: RunMachine? { order.last.flatMap { runs[$0] } }

  /// - Parameter id: Nil for the newest.
  func run(_ id: String?) throws(WireError) -> RunMachine {
    guard let run = id.map({ runs[$0] }) ?? newestRun else { throw .unknownRun(id ?? "last") }
    return run
  }

  /// The next value of the one counter over all runs: epoch << 32 | round.
  func nextRoundID(epoch: UInt32) -> UInt64 { max(highestRoundID, UInt64(epoch) << 32) + 1 }

  /// An identifier for a run of the plan of this name: the name and the run's place among all.
  func nextRun(name: String) -> String { "\(name)-\(order.count + 1)" }

  /// Makes an event true. Its payload is one that this coordinator recorded, so a refusal means a damaged log.
  mutating func apply(_ event: CoordinatorEvent) throws(FederationError) {
    note(event)
    switch event {
    case .participant: break
    case .run(_, _, .submitted(let submission)):
      runs[submission.run] = try RunMachine(submission, coordinator: coordinator)
    case .run(let run, _, let event):
      guard var machine = runs[run] else { throw .replayDiverged("run \(run) was never submitted") }
      try machine.apply(event)
      runs[run] = machine
    }
  }

  /// What follows from an event outside its run's own machine.
  private mutating func note(_ event: CoordinatorEvent) {
    switch event {
    case .participant(let event):
      registry.apply(event)
      // A name that enrols anew is a new node: it was in no round yet.
      if case .enrolled(let participant, _) = event { latestCloses[participant.name] = nil }
    case .run(_, _, .submitted(let submission)):
      order.append(submission.run)
      checkpoints.insert(submission.genesis)
    case .run(_, _, .roundOpened(let opening)):
      highestRoundID = max(highestRoundID, opening.signedPlan.plan.roundID)
    case .run(_, _, .roundClosed(let record)):
      for name in record.participants { latestCloses[name] = record.signedClose }
      checkpoints.insert(record.signedClose.close.modelOut)
    case .run: break
    }
  }

  /// Whether participants may fetch it: a checkpoint, or a delta of the run in work.
  func mayFetch(_ digest: Digest) -> Bool {
    checkpoints.contains(digest) || currentRun?.records.contains { $0.delta == digest } == true
  }

  /// The blobs that must be kept: checkpoints, opened sums, and what runs in work need besides: deltas, the newest residue
  /// and the uploads of the round.
  var referencedBlobs: Set<Digest> {
    var referenced = checkpoints
    for run in runs.values {
      referenced.formUnion(run.records.compactMap(\.sum))
      referenced.formUnion(run.round?.storedUploads.map(\.blob) ?? [])
      guard !run.standing.hasEnded else { continue }
      referenced.formUnion(run.records.compactMap(\.delta).suffix(ModelDelta.mostSteps))
      if let residue = run.residue { referenced.insert(residue) }
    }
    return referenced
  }
}

/// Rebuilds the state from the log, one event after the other.
///
/// The messages of rounds that are over were erased; what a round in work needs is all there, since its erasure is in one
/// transaction with its close.
struct Replay {
  private var state: CoordinatorState
  private var submissions: [RunSubmission] = []
  private var events: [String: [RunEvent]] = [:]

  init(coordinator: IdentityKey) {
    state = CoordinatorState(coordinator: coordinator)
  }

  mutating func add(_ event: CoordinatorEvent) {
    state.noteReplayed(event)
    guard case .run(let run, _, let event) = event else { return }
    switch event {
    case .submitted(let submission): submissions.append(submission)
    case .roundClosed:
      events[run]?.removeAll(where: \.isWithinRound)
      events[run, default: []].append(event)
    default: events[run, default: []].append(event)
    }
  }

  func finish() throws(FederationError) -> CoordinatorState {
    var state = state
    for submission in submissions {
      state.restore(
        try RunMachine(replaying: submission, events[submission.run] ?? [], coordinator: state.coordinator))
    }
    return state
  }
}

extension CoordinatorState {
  fileprivate mutating func noteReplayed(_ event: CoordinatorEvent) { note(event) }
  fileprivate mutating func restore(_ run: RunMachine) { runs[run.run] = run }
}
