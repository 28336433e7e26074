public import Foundation
public import Logging
import SecureAggregation
public import ServiceLifecycle
import Wire

/// A data owner's node at work: it always listens, carries out what its policy allows, and sends nothing else.
///
///     ear     long-polls for the next instruction, and says once when the coordinator is away and when it is back
///     worker  judges, computes, makes durable, sends: one instruction after the other
///     owner   notices when policy, settings, rows or ledger change while something waits for them
///     rest    trains the local model for comparison; renews the certificate at two thirds of its life
public struct Participant: Service {
  private let home: NodeHome
  private let log: Logger
  private let now: @Sendable () -> Date
  /// How long one poll may wait for an instruction.
  private let pollWait: Duration
  /// At least so long between a connection and a renewal, however short certificates live.
  var renewalPause = Duration.seconds(5)

  /// - Parameters:
  ///   - home: Enrolled before.
  ///   - now: The clock of the record and of renewals.
  public init(
    home: NodeHome, log: Logger, pollWait: Duration = .seconds(20), now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.home = home
    self.log = log
    self.pollWait = pollWait
    self.now = now
  }

  /// Takes part until the process is asked to stop.
  ///
  /// - Throws: `.alreadyRunning`; `.coordinator` when no later call can go well, as after a revocation; file errors.
  public func run() async throws {
    let lock = try home.lock()
    try home.compactLedger()
    let board = ActivityBoard(home: home, log: log)
    await board.idle()
    do {
      try await cancelWhenGracefulShutdown {
        var isExpired = false
        while !Task.isCancelled {
          let credentials = try home.credentials()
          // An expired certificate may do one thing: ask for the next one. Either clock may notice.
          let mustRenew = isExpired || now() > credentials.certificate.identity.notAfter
          isExpired = try await credentials.connected { client in
            do {
              if mustRenew {
                try await renewNow(credentials, through: client, board: board)
              } else {
                try await session(credentials, connection: client, board: board)
              }
              return false
            } catch ParticipationError.coordinator(.certificateExpired) where !mustRenew {
              return true
            }
          }
        }
      }
    } catch is CancellationError {
      // Asked to stop: what is under way is on the disk.
    } catch ParticipationError.coordinator(.revoked) where home.isLeaving {
      log.notice("this node leaves the federation")
    } catch {
      await board.stopped()
      throw ParticipationError(anyError: error)
    }
    await board.stopped()
    _ = consume lock
  }

  /// Takes part over one connection, until the certificate is renewed and a new connection is needed.
  func session(
    _ credentials: NodeCredentials, connection: any CoordinatorConnection, board: ActivityBoard
  ) async throws {
    let mailbox = Mailbox()
    let (jobs, comparisons) = AsyncStream.makeStream(of: LocalComparison.self)
    let worker = try RoundWorker(
      home: home, credentials: credentials, connection: connection, board: board, mailbox: mailbox,
      comparisons: comparisons, log: log, now: now)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await listen(to: connection, mailbox: mailbox, board: board) }
      group.addTask { [worker] in
        var worker = worker
        try await worker.run()
      }
      group.addTask { try await watchOwner(mailbox: mailbox) }
      group.addTask { for await job in jobs { await compare(job) } }
      group.addTask { try await renew(credentials, through: connection, board: board) }
      defer {
        group.cancelAll()
        comparisons.finish()
      }
      do {
        // The first to end ends the session: a renewal, or an error that nothing here can mend.
        try await group.next()
      } catch {
        await mailbox.close()
        throw error
      }
      await mailbox.close()
    }
  }

  /// The ear.
  private func listen(
    to connection: any CoordinatorConnection, mailbox: Mailbox, board: ActivityBoard
  ) async throws {
    var backoff = Backoff()
    var token = ""
    while true {
      try Task.checkCancellation()
      do {
        let poll = Poll(after: token, wait: pollWait, activity: await board.activity)
        let instruction = try await connection.nextInstruction(poll)
        await board.reached()
        backoff.reset()
        if case .idle(let reconnectAfter) = instruction.step {
          // A coordinator that has nothing to say and does not wait either must not keep this node busy.
          try await Task.sleep(for: max(reconnectAfter, .milliseconds(20)))
        } else {
          token = instruction.token
          await mailbox.deliver(instruction)
        }
      } catch let error as WireError where error.endsParticipation {
        throw ParticipationError.coordinator(error)
      } catch let error as WireError {
        await board.unreachable(error.description, hint: error.hint)
        try await Task.sleep(for: backoff.delay())
      }
    }
  }

  /// Looks once a second whether the owner has changed what a waiting instruction waits for.
  private func watchOwner(mailbox: Mailbox) async throws {
    var seen = home.ownersStamp()
    while true {
      try await Task.sleep(for: .seconds(1))
      let stamp = home.ownersStamp()
      if stamp != seen { await mailbox.unpark() }
      seen = stamp
    }
  }

  /// Trains and measures a local model. It serves only the owner's status, so that a failure is only told.
  private func compare(_ job: LocalComparison) async {
    do { try await job.carryOut(home: home) } catch { log.warning("no local model to compare with: \(error)") }
  }

  /// Waits for two thirds of the certificate's life, and returns once a new one is on the disk.
  private func renew(
    _ credentials: NodeCredentials, through connection: any CoordinatorConnection, board: ActivityBoard
  ) async throws {
    let identity = credentials.certificate.identity
    try await Task.sleep(for: renewalPause)
    while now() < identity.renewAfter {
      try await Task.sleep(for: .seconds(min(60, max(0.1, identity.renewAfter.timeIntervalSince(now())))))
    }
    try await renewNow(credentials, through: connection, board: board)
  }

  /// Asks for the next certificate until it is on the disk.
  private func renewNow(
    _ credentials: NodeCredentials, through connection: any CoordinatorConnection, board: ActivityBoard
  ) async throws {
    let identity = credentials.certificate.identity
    var backoff = Backoff(first: .seconds(10), longest: .seconds(600))
    while true {
      do {
        let request = try credentials.keys.certificateRequest(name: identity.name)
        let renewed = try await connection.renew(certificateRequest: request)
        let next = renewed.certificate.identity
        // Peers have pinned all three: under another organisation they would take this node for an impostor.
        guard next.averagingKey == identity.averagingKey, next.name == identity.name,
          next.organisation == identity.organisation, renewed.coordinatorKey == credentials.coordinatorKey
        else { throw ParticipationError.protocolBroken(what: "the renewed certificate is for another node") }
        try home.keep(
          certificate: renewed.certificate, authority: credentials.authority,
          coordinatorKey: credentials.coordinatorKey)
        try home.record(RecordEntry(at: now(), event: .renewed))
        log.info("the certificate is renewed until \(renewed.certificate.identity.notAfter.ISO8601Format())")
        return
      } catch let error as WireError where error.endsParticipation {
        throw ParticipationError.coordinator(error)
      } catch let error as WireError {
        log.debug("renewal: \(error)")
        if case .unreachable = error { await board.unreachable(error.description, hint: error.hint) }
        try await Task.sleep(for: backoff.delay())
      }
    }
  }
}
