import Federation
import Logging
import Schemas
import SecureAggregation
import Storage
import Wire

/// What may be put into the coordinator's inbox.
enum Request: Sendable {
  /// Decides on the turn's copy; the returned closure answers the caller once the turn was recorded (nil) or was not.
  case decide(@Sendable (inout Deliberation) -> @Sendable ((any Error)?) -> Void)
  case poll(WaitingList.Poll, Activity)
  /// The poll's caller is gone, or has its answer.
  case hungUp(poll: UInt64, name: String)
  case watch(run: String, AsyncThrowingStream<RunSnapshot, any Error>.Continuation)
  /// Bytes of a checkpoint that were fetched.
  case fetched(Int)
  case tick
}

/// The one owner of the coordinator's state: requests come in turns, and each turn is decided on a copy, recorded in one
/// durable write, committed, and only then acted upon.
struct CoordinatorLoop: Sendable {
  private(set) var state: CoordinatorState
  private var presence: PresenceBook
  private var waiting = WaitingList()
  private var watchers: [Watcher] = []
  private var bytesDown: [String: UInt64] = [:]
  private var steward: RunSteward
  private let store: any EventStore
  private let blobs: BlobDirectory
  private let logger: Logger
  private var lastFailure: String?
  /// Polls that have not been looked at yet, because the turn that they came in was not recorded.
  private var unseen: Set<UInt64> = []

  private struct Watcher: Sendable {
    var run: String
    var last: RunSnapshot?
    var continuation: AsyncThrowingStream<RunSnapshot, any Error>.Continuation
  }

  init(
    state: CoordinatorState, presence: PresenceBook, steward: RunSteward, store: any EventStore, blobs: BlobDirectory,
    logger: Logger
  ) {
    self.state = state
    self.presence = presence
    self.steward = steward
    self.store = store
    self.blobs = blobs
    self.logger = logger
  }

  /// Takes everything that queued since the last turn.
  mutating func turn(_ requests: [Request], now: Double) async {
    var deliberation = Deliberation(state: state, presence: presence, bytesDown: bytesDown, now: now)
    var replies: [@Sendable ((any Error)?) -> Void] = []
    for request in requests {
      switch request {
      case .decide(let decide): replies.append(decide(&deliberation))
      case .poll(let poll, let activity):
        deliberation.presence.pollOpened(poll.name, activity: activity, now: now)
        waiting.add(poll)
        unseen.insert(poll.id)
      case .hungUp(let id, let name):
        waiting.remove(id)
        deliberation.presence.pollEnded(name, now: now)
      case .watch(let run, let continuation): watchers.append(Watcher(run: run, continuation: continuation))
      case .fetched(let count):
        if let run = deliberation.state.currentRun?.run { deliberation.bytesDown[run, default: 0] += UInt64(count) }
      case .tick: break
      }
    }
    settle(&deliberation)
    presence = deliberation.presence
    bytesDown = deliberation.bytesDown
    do {
      try await record(deliberation.events, now: now)
    } catch {
      // Nothing of the turn has happened: those who asked are told, and may ask again. The next turn tries again whatever
      // was due, so that a disk that has space again needs nobody's help.
      report("cannot record \(deliberation.events.count) events: \(error)")
      for reply in replies { reply(WireError.failed(storing: error)) }
      waiting.expire(now: now)
      return
    }
    state = deliberation.state
    for reply in replies { reply(nil) }
    act(on: deliberation)
  }

  /// Everyone who waits is told to come back later.
  mutating func drain() {
    waiting.drain(reconnectAfter: .seconds(1))
    for watcher in watchers { watcher.continuation.finish(throwing: WireError.shuttingDown) }
    watchers = []
  }

  /// What time, presence and the messages of this turn make due. If that fails, the messages alone are recorded.
  private mutating func settle(_ deliberation: inout Deliberation) {
    let received = deliberation
    do {
      try steward.settle(&deliberation)
    } catch {
      report("the run cannot go on: \(error)")
      deliberation = received
    }
  }

  private func record(_ events: [CoordinatorEvent], now: Double) async throws {
    guard !events.isEmpty else { return }
    try await store.append(try events.map { try $0.stored(at: now) }, erasing: events.compactMap(\.erasure))
  }

  private mutating func act(on turn: Deliberation) {
    lastFailure = turn.events.isEmpty ? lastFailure : nil
    for event in turn.events { log(event) }
    let closed = turn.events.contains { if case .run(_, _, .roundClosed) = $0 { true } else { false } }
    if closed { sweep() }
    let changed = turn.events.contains { event in
      switch event {
      case .participant: true
      case .run(_, _, let event): event.changesInstructions
      }
    }
    waiting.answer(only: changed ? nil : unseen) { poll in
      guard turn.state.registry.admits(name: poll.name, averagingKey: poll.key) else { return .idle(after: poll.after) }
      return turn.instruction(for: poll.name, after: poll.after)
    }
    unseen = []
    waiting.expire(now: turn.now)
    tell(turn)
  }

  /// Tells watchers what has changed, and ends their streams when their run has.
  private mutating func tell(_ turn: Deliberation) {
    watchers = watchers.compactMap { watcher in
      guard let run = turn.state.runs[watcher.run] else { return nil }
      let snapshot = turn.snapshot(run)
      var watcher = watcher
      if watcher.last != snapshot {
        watcher.last = snapshot
        if case .terminated = watcher.continuation.yield(snapshot) { return nil }
      }
      guard snapshot.standing.hasEnded else { return watcher }
      watcher.continuation.finish()
      return nil
    }
  }

  /// Deletes what nothing needs any more: the masked uploads of rounds that are over.
  func sweep() {
    do {
      let referenced = state.referencedBlobs
      for blob in try blobs.digests() where !referenced.contains(blob) { try blobs.delete(blob) }
      try blobs.discardPartialUploads()
    } catch {
      logger.warning("cannot delete the uploads of a round that is over: \(error)")
    }
  }

  private mutating func report(_ failure: String) {
    if failure != lastFailure { logger.error("\(failure)") }
    lastFailure = failure
  }

  private func log(_ event: CoordinatorEvent) {
    switch event {
    case .participant(.invited(let invitation)): logger.info("invited \(invitation.name)")
    case .participant(.enrolled(let participant, _)): logger.info("\(participant.name) enrolled")
    case .participant(.renewed(let name, _, _)): logger.debug("\(name) renewed its certificate")
    case .participant(.revoked(let name, _)): logger.notice("\(name) was revoked")
    case .participant(.left(let name, _)): logger.notice("\(name) left")
    case .run(let run, let round, let event): log(event, run: run, round: round)
    }
  }

  private func log(_ event: RunEvent, run: String, round: UInt64?) {
    let metadata: Logger.Metadata = ["run": "\(run)", "round": "\(round.map(String.init) ?? "-")"]
    switch event {
    case .roundOpened(let opening): logger.info("round opened: \(opening.signedPlan.plan.kind)", metadata: metadata)
    case .roundClosed(let record):
      if let reason = record.reason {
        logger.warning("round abandoned while \(record.phase.rawValue): \(reason)", metadata: metadata)
      } else {
        logger.info("round closed with \(record.survivors.count) survivors", metadata: metadata)
      }
    case .ended(let ending): logger.notice("run \(ending.standing.word)", metadata: metadata)
    default: logger.debug("\(event.kind)", metadata: metadata)
    }
  }
}
