import Federation
import Foundation
import Logging
import Models
import Privacy
import Schemas
import SecureAggregation
import Updates
import Wire

/// Carries out one instruction after the other, in the node's own order: judge, compute, make durable, send.
///
/// Whatever the coordinator asks for, the policy is read anew and comes first. Every message is on the disk before it is
/// sent, so that a node that is killed anywhere goes on with the very same bytes.
struct RoundWorker {
  let home: NodeHome
  let connection: any CoordinatorConnection
  let board: ActivityBoard
  let mailbox: Mailbox
  let log: Logger
  let signer: IdentitySigner
  let peer: Peer
  let coordinatorKey: IdentityKey
  let nodeSecret: Secret
  /// Receives the plans whose local model is yet to be trained.
  let comparisons: AsyncStream<LocalComparison>.Continuation
  /// Tells the time in the record.
  let now: @Sendable () -> Date
  private var rows = RowsCache()
  private var privateRounds = PrivateRoundCache()
  /// By the plans' digests: making one anew is a whole model, encoded and hashed.
  private var geneses: [Digest: Digest] = [:]
  private var computed: (key: ComputedKey, values: Contribution.Values)?

  /// What values depend on: computing them again would give the same.
  private struct ComputedKey: Hashable {
    var trainer: Digest
    var modelIn: Digest
    var kind: RoundKind
    var rows: Digest
    /// With formal privacy each round draws its own noise.
    var noisedRound: UInt64?

    init(_ round: RoundPlan, rows: Digest) {
      noisedRound = round.privacy == PlannedPrivacy.none.word ? nil : round.roundID
      trainer = round.trainer
      modelIn = round.modelIn
      kind = round.kind
      self.rows = rows
    }
  }

  init(
    home: NodeHome, credentials: NodeCredentials, connection: any CoordinatorConnection, board: ActivityBoard,
    mailbox: Mailbox, comparisons: AsyncStream<LocalComparison>.Continuation, log: Logger,
    now: @escaping @Sendable () -> Date
  ) throws(ParticipationError) {
    self.home = home
    self.connection = connection
    self.board = board
    self.mailbox = mailbox
    self.comparisons = comparisons
    self.log = log
    self.now = now
    let identity = credentials.certificate.identity
    signer = credentials.keys.averaging
    peer = Peer(name: identity.name, organisation: identity.organisation, key: identity.averagingKey)
    coordinatorKey = credentials.coordinatorKey
    nodeSecret = try home.nodeSecret()
  }

  /// Works until the mailbox is closed.
  ///
  /// - Throws: Only what no further instruction can mend: a certificate that is revoked or has expired, a full disk.
  mutating func run() async throws {
    // A round that ended while this node was away: its close erases it. Without a connection the ear will say so.
    try? await finishEarlierRounds()
    while let instruction = await mailbox.next() {
      try Task.checkCancellation()
      try await handle(instruction)
    }
  }

  /// Carries out one instruction, and turns what goes wrong into what must follow from it.
  mutating func handle(_ instruction: Instruction) async throws {
    do {
      try await carryOut(instruction)
    } catch let refusal as RefusalError {
      try await refuse(instruction, refusal.refusal)
    } catch let error as AveragingError {
      try await averagingFailed(instruction, error)
    } catch let error as WireError where error.endsParticipation {
      throw ParticipationError.coordinator(error)
    } catch let error as WireError {
      log.notice("round \(instruction.roundID): \(error)")
    } catch let error as FederationError {
      try await refuse(instruction, .plan(message: error.description, hint: error.hint))
    } catch let error as ParticipationError where error.concernsOwner {
      try await refuse(instruction, .rows(message: error.description, hint: error.hint))
    } catch is Overtaken {
      log.info("round \(instruction.roundID) went on without this node")
    }
  }

  private mutating func carryOut(_ instruction: Instruction) async throws {
    switch instruction.step {
    case .idle: break
    case .advertise(let plan, let runPlan): try await advertise(plan, runPlan: runPlan)
    case .share(let roster): try await share(roster, roundID: instruction.roundID)
    case .collect(let roster): try await collect(roster, roundID: instruction.roundID)
    case .upload(let delivery): try await upload(delivery, roundID: instruction.roundID)
    case .confirm(let survivors): try await confirm(survivors, roundID: instruction.roundID)
    case .unmask(let quorum): try await unmask(quorum, roundID: instruction.roundID)
    case .closed(let close): try await closed(close)
    }
  }
}

/// Thrown inside a step when the policy, the rows or the retry rule forbid it.
struct RefusalError: Error {
  var refusal: Refusal

  init(_ refusal: Refusal) { self.refusal = refusal }
}

/// Thrown inside a step that a newer instruction has overtaken before its message could be sent.
struct Overtaken: Error {}

// MARK: - What follows from an error

extension RoundWorker {
  /// Tells the coordinator not to wait and the owner what to do, and looks at the instruction again when something of the
  /// owner's changes.
  private func refuse(_ instruction: Instruction, _ refusal: Refusal) async throws {
    let isNew = await board.waiting(refusal.description, hint: refusal.hint)
    await mailbox.park(instruction)
    try await decline(instruction.roundID, reason: refusal.description, onRecord: isNew)
  }

  /// Takes no further part in a round, for a reason that the owner need not see to.
  private func leave(_ roundID: UInt64, _ error: AveragingError) async throws {
    log.warning("this node leaves round \(roundID): \(error)")
    await board.idle()
    try await decline(roundID, reason: "\(error)", onRecord: true)
  }

  private func decline(_ roundID: UInt64, reason: String, onRecord: Bool) async throws {
    if onRecord { try home.record(RecordEntry(at: now(), event: .declined, round: roundID, note: reason)) }
    do {
      try await connection.decline(round: roundID, reason: reason)
    } catch let error as WireError where error.endsParticipation {
      throw ParticipationError.coordinator(error)
    } catch {
      log.debug("declining round \(roundID): \(error)")  // the phase's end tells the coordinator too
    }
  }

  private func averagingFailed(_ instruction: Instruction, _ error: AveragingError) async throws {
    if error.isAttack {
      let what = "round \(instruction.roundID): \(error)"
      try home.eraseRound(instruction.roundID)
      try home.record(RecordEntry(at: now(), event: .locked, round: instruction.roundID, note: what))
      log.error("an attack: \(what)")
      return try await refuse(instruction, .locked(what: what))
    }
    switch error {
    case .locked(let what): try await refuse(instruction, .locked(what: what))
    case .tooFewKnownPeers(let have, let need):
      try await refuse(instruction, .tooFewKnownPeers(known: have, policy: need))
    case .bitsOutsidePolicy(let bits, _, let highest):
      try await refuse(instruction, .tooManyBits(round: bits, policy: highest))
    case .survivorsBelowPolicy(let plan, let policy):
      try await refuse(instruction, .cohortTooSmall(plan: plan, policy: policy))
    case .colludersBelowPolicy(let plan, let policy):
      try await refuse(instruction, .tooFewColluders(plan: plan, policy: policy))
    case .clipNormOutsidePolicy(let plan, let policy):
      try await refuse(instruction, .clipNormTooLarge(plan: plan, policy: policy))
    case .staleRound, .notASurvivor, .absentFromRoster:
      log.info("round \(instruction.roundID) goes on without this node: \(error)")
    default: try await leave(instruction.roundID, error)
    }
  }
}

// MARK: - Sending

extension RoundWorker {
  /// Calls the coordinator, and again while it does not answer, until it does or a newer instruction makes the call useless.
  ///
  /// What is sent is on the disk already, so that a repetition has the same bytes.
  func send<Answer: Sendable>(_ call: (any CoordinatorConnection) async throws -> Answer) async throws -> Answer {
    var backoff = Backoff()
    while true {
      do {
        let answer = try await call(connection)
        await board.reached()
        return answer
      } catch let error as WireError where error.passes {
        await board.unreachable(error.description, hint: error.hint)
        if await mailbox.hasNewer { throw Overtaken() }
        try await Task.sleep(for: backoff.delay())
        if await mailbox.hasNewer { throw Overtaken() }
      }
    }
  }

  /// The plan's rows, read again only when the file has changed.
  mutating func rows(of plan: RunPlan) throws -> OwnRows {
    let own = try rows.rows(try home.rowSource(), plan: plan)
    guard own.rows.report.trainingRows > 0 else {
      throw RefusalError(
        .rows(
          message: "no row is left to train on", hint: "tributary preview shows which rows were dropped and why"))
    }
    // A fold without rows is no fold: every number of it would be one more name for the question about all rows.
    if let fold = plan.evaluation.fold, own.rows.report.heldOutRows == 0 {
      throw RefusalError(
        .rows(
          message: "no row of fold \(fold) is left to be held out",
          hint: "the plan's evaluation.fold must occur among your rows; tributary preview shows what was dropped"))
    }
    return own
  }

  /// How the update of a round is trained with formal privacy, if the owner's budget has room for it.
  mutating func privateRound(of plan: RunPlan, _ rows: any FamilyRows, _ policy: NodePolicy) async throws
    -> PrivateRound?
  {
    let round: PrivateRound?
    do {
      round = try await privateRounds.round(of: plan, rowCount: rows.report.trainingRows)
    } catch let error as PrivacyError {
      throw RefusalError(.plan(message: error.description, hint: error.hint))
    }
    if let round { try await checkBudget(round, policy) }
    return round
  }

  /// Throws if one more such round would exceed the owner's budget.
  func checkBudget(_ round: PrivateRound, _ policy: NodePolicy) async throws {
    guard let budget = policy.privacyBudget else { return }
    let ledger = try home.ledger()
    let refusal = try await offPool {
      do throws(PrivacyError) {
        return try ledger.refusal(of: round.charge, under: budget)
      } catch {
        return .plan(message: error.description, hint: error.hint)
      }
    }
    if let refusal { throw RefusalError(refusal) }
  }

  /// What the runs of a plan begin with.
  mutating func genesis(of plan: RunPlan) throws -> Digest {
    let digest = try plan.digest()
    if let known = geneses[digest] { return known }
    let genesis = try plan.genesisDigest()
    geneses[digest] = genesis
    return genesis
  }

  /// Whether what this node adds to the round is at hand, so that nothing long stands before the upload.
  func isComputed(_ round: NodeRound) -> Bool { computed?.key == ComputedKey(round.plan, rows: round.rows) }

  /// What this node adds to the round; kept for as long as the next one is the same, as after an abandoned round.
  mutating func values(of contribution: Contribution) async throws -> Contribution.Values {
    let round = contribution.round
    let key = ComputedKey(round, rows: contribution.rowsDigest)
    if let computed, computed.key == key { return computed.values }
    let board = board
    let memory = round.kind == .update ? try contribution.rows.trainingMemory(of: contribution.plan.training) : nil
    await board.working(
      round.kind == .update ? "training" : "measuring", run: round.run, roundID: round.roundID, kind: round.kind,
      memoryBytes: memory)
    let values: Contribution.Values
    do {
      values = try await offPool {
        try contribution.values { progress in Task { await board.progress(progress) } }
      }
    } catch let error as ModelError {
      throw RefusalError(.plan(message: error.description, hint: error.hint))
    } catch let error as SchemaError {
      throw RefusalError(.plan(message: error.description, hint: error.hint))
    }
    computed = (key, values)
    await board.working("in a round", run: round.run, roundID: round.roundID, kind: round.kind)
    return values
  }
}
