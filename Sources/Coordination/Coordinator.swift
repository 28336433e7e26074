import Federation
public import Identities
public import Logging
import SecureAggregation
public import ServiceLifecycle
import Storage
import Synchronization
import Wire

/// The coordinator of one home: serves participants and the operator, and drives runs, until it is told to stop.
///
///     participants ─ TLS ─────────▶ ParticipantServer ─┐
///     operator ─ Unix socket ─────▶ OperatorServer ────┼─▶ inbox ─▶ CoordinatorLoop ─▶ event log, blobs
///     clock ─ ticks ───────────────────────────────────┘           (owns all state)
///
/// Everything a caller was told has been recorded before. A coordinator that was killed at any moment, and is started again
/// on the same home, replays its log and goes on with the run, inside the round that it was in.
public final class Coordinator: Service {
  public let home: CoordinatorHome
  public let authority: CoordinatorAuthority
  let signer: IdentitySigner
  let blobs: BlobDirectory
  let uploads: UploadDesk
  let deltas: DeltaDesk
  let clock: CoordinatorClock
  let logger: Logger
  let inbox = Inbox<Request>()
  let pollCount = Atomic<UInt64>(0)
  /// The port that participants reach; 0 before it is bound.
  let boundPort = Atomic<Int>(0)
  let onServing: @Sendable (_ port: Int) -> Void
  private let onStuck: @Sendable () -> Void
  private let openStore: @Sendable (CoordinatorHome) throws -> any EventStore
  /// What stopping may take before `onStuck` is called: longer than any connection is given to end its calls.
  static let longestStop = Duration.seconds(20)

  /// - Parameters:
  ///   - onServing: Called once participants can connect, with the port that was bound.
  ///   - onStuck: Called when stopping takes longer than 20 s. A process may end itself then: whatever anybody was told is
  ///     on the disk.
  /// - Throws: `.keys` or `.storage` if the home is damaged.
  public convenience init(
    home: CoordinatorHome, logger: Logger, clock: CoordinatorClock = .system,
    onServing: @escaping @Sendable (_ port: Int) -> Void = { _ in }, onStuck: @escaping @Sendable () -> Void = {}
  ) throws(CoordinationError) {
    try self.init(
      home: home, logger: logger, clock: clock, openStore: { try $0.store() }, onServing: onServing, onStuck: onStuck)
  }

  /// - Parameter openStore: Opens the event log; tests have one that fails when they want it to.
  init(
    home: CoordinatorHome, logger: Logger, clock: CoordinatorClock,
    openStore: @escaping @Sendable (CoordinatorHome) throws -> any EventStore,
    onServing: @escaping @Sendable (_ port: Int) -> Void, onStuck: @escaping @Sendable () -> Void = {}
  ) throws(CoordinationError) {
    self.home = home
    self.logger = logger
    self.clock = clock
    self.openStore = openStore
    self.onStuck = onStuck
    self.onServing = onServing
    authority = try home.authority()
    signer = try home.signer()
    blobs = try home.blobs()
    uploads = UploadDesk(blobs)
    deltas = DeltaDesk(blobs)
  }

  /// Serves until a graceful shutdown, the operator's `stop`, or cancellation, which are the same: no new calls, long-polls
  /// end, open calls finish, connections close. An instance runs once.
  ///
  /// - Throws: `.homeInUse` if another process serves this home, `.portInUse`, `.damagedLog`, `.storage`.
  public func run() async throws {
    let (ends, end) = AsyncStream.makeStream(of: Void.self)
    // A task of its own, so that cancellation does not cut through a turn: what is being decided is still recorded.
    let serving = Task { try await self.serve(untilEndOf: ends) }
    try await withTaskCancellationHandler {
      try await withGracefulShutdownHandler {
        try await serving.value
      } onGracefulShutdown: {
        end.finish()
      }
    } onCancel: {
      end.finish()
    }
  }

  private func serve(untilEndOf ends: AsyncStream<Void>) async throws {
    let lock = try home.lock()
    defer { withExtendedLifetime(lock) {} }
    let store = try openStore(home)
    defer { try? store.close() }
    let loop = try await makeLoop(store)
    let (stops, stop) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await self.tick() }
      group.addTask {
        for await _ in ends {}
        await self.inbox.close()
      }
      group.addTask {
        await self.work(loop)
        stop.finish()
        try await Task.sleep(for: Self.longestStop)
        self.onStuck()
      }
      // Ends once the inbox is closed and its last turn is done, or by an error of a server.
      defer { group.cancelAll() }
      try await serve(until: stops)
    }
  }

  private func makeLoop(_ store: any EventStore) async throws -> CoordinatorLoop {
    let state = try await home.replay(store, coordinator: signer.publicKey)
    let presence = PresenceBook(presenceSeconds: home.settings.presenceSeconds, startedAt: clock.now())
    let steward = RunSteward(blobs: blobs, signer: signer, epoch: home.settings.epoch)
    return CoordinatorLoop(
      state: state, presence: presence, steward: steward, store: store, blobs: blobs, logger: logger)
  }

  private func work(_ loop: CoordinatorLoop) async {
    var loop = loop
    loop.sweep()
    while let requests = await inbox.takeAll() { await loop.turn(requests, now: clock.now()) }
    loop.drain()
  }

  private func tick() async throws {
    while true {
      try await clock.nextTick()
      guard await inbox.put(.tick) else { return }
    }
  }

  /// Puts a decision into the inbox and waits until it is recorded.
  ///
  /// - Parameter decide: Works on the turn's copy. What it throws is thrown here, and its changes are dropped.
  func ask<Answer: Sendable>(
    _ decide: @escaping @Sendable (inout Deliberation) throws -> Answer
  ) async throws -> Answer {
    let (answers, answer) = AsyncThrowingStream.makeStream(of: Answer.self)
    let taken = await inbox.put(
      .decide { turn in
        var next = turn
        do {
          let value = try decide(&next)
          turn = next
          return { failure in
            if failure == nil { answer.yield(value) }
            answer.finish(throwing: failure)
          }
        } catch {
          return { _ in answer.finish(throwing: error) }
        }
      })
    guard taken else { throw WireError.shuttingDown }
    for try await value in answers { return value }
    throw CancellationError()
  }
}
