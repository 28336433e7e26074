import Federation
import Foundation
import Models
import Schemas
import SecureAggregation
import Updates
import Wire

// The steps of a round, in their order. Each reads the round's file, takes one step of the averaging machine against the
// ledger, writes both, and sends.

extension RoundWorker {
  /// M0: judges the plan, the model and the rows, and advertises.
  mutating func advertise(_ signed: SignedRoundPlan, runPlan bytes: [UInt8]) async throws {
    let roundID = signed.plan.roundID
    if let round = try home.round(roundID), round.averaging.plan == signed {
      return try await send { try await $0.advertise(round: roundID, round.averaging.advert) }
    }
    try await finishEarlierRounds(before: roundID)
    try home.ledger().checkUnlocked()
    let plan = try readPlan(bytes, of: signed.plan)
    let policy = try home.policy()
    if let refusal = try policy.refusal(of: plan) { throw RefusalError(refusal) }
    let own = try rows(of: plan)
    let genesis = try genesis(of: plan)
    try home.beginHistory(RunHistory(run: signed.plan.run, planName: plan.name, plan: signed.plan.trainer))
    try await catchUp(run: signed.plan.run, to: roundID, genesis: genesis)
    let checkpoint = try await checkpoint(signed.plan.modelIn, plan: plan, run: signed.plan.run)
    try check(signed.plan, against: plan, checkpoint: checkpoint)
    var privately: PrivateRound?
    if signed.plan.kind == .update {
      try checkMemory(for: plan, own.rows)
      privately = try await privateRound(of: plan, own.rows, policy)
    }

    let subject = try own.subject(of: signed.plan.kind, checkpoint: checkpoint)
    let averaging = try home.changeLedger { ledger throws(AveragingError) in
      try ParticipantRound(
        plan: signed, peer: peer, coordinator: coordinatorKey, signer: signer, seed: try Secret.random(),
        subject: subject, genesis: genesis, policy: policy.averaging, ledger: &ledger)
    }
    try home.save(
      NodeRound(
        averaging: averaging, runPlan: String(decoding: bytes, as: UTF8.self), rows: own.digest, privately: privately))
    await board.working("in a round", run: signed.plan.run, roundID: roundID, kind: signed.plan.kind)
    try await send { try await $0.advertise(round: roundID, averaging.advert) }
  }

  /// Checks a roster against the policy, the retry rule and the protocol, and keeps it in the round.
  ///
  /// - Returns: The shares that are dealt to it, and what the checks used.
  func accept(
    _ roster: Roster, into round: inout NodeRound, averaging: RunPlan.Averaging
  ) async throws -> (message: ShareMessage, codec: RoundCodec, policy: NodePolicy) {
    // Before anything is computed from the count: the grid of a round is for the rosters that a round can have.
    guard (3...Thresholds.largestCohort).contains(roster.count) else {
      throw AveragingError.malformed("a roster of \(roster.count), expected 3 to \(Thresholds.largestCohort)")
    }
    let policy = try policy(for: round, averaging: averaging)
    if let refusal = policy.refusal(of: roster) { throw RefusalError(refusal) }
    let codec = try codec(of: round, rosterCount: roster.count)
    let message = try await underRetryRule(round, among: roster.keys) { ledger throws(AveragingError) in
      try round.averaging.share(roster, shape: codec.shape, policy: policy.averaging, ledger: &ledger)
    }
    try home.save(round)
    return (message, codec, policy)
  }

  /// M1: checks the roster, shares the round's secrets, and begins to train while the others do the same.
  mutating func share(_ roster: Roster, roundID: UInt64) async throws {
    guard var round = try home.round(roundID) else { return await board.idle() }
    let message = try await accept(roster, into: &round, averaging: .secure).message
    try await send { try await $0.submitShares(round: roundID, message) }
    _ = try await values(of: try await contribution(to: round))
  }

  /// M2: masks this node's values and uploads them.
  mutating func upload(_ delivery: ShareDelivery, roundID: UInt64) async throws {
    guard var round = try home.round(roundID), let roster = round.averaging.roster else {
      return await board.idle()
    }
    let policy = try policy(for: round, averaging: .secure)
    try home.changeLedger { ledger throws(AveragingError) in
      try round.averaging.receive(delivery, ledger: &ledger)
    }
    let isRepeated = round.averaging.upload != nil
    // A second set of sharers must be noticed even after a crash in the middle of training.
    if !isRepeated, !isComputed(round) { try home.save(round) }
    let contribution = try await contribution(to: round)
    let values = try await values(of: contribution)
    guard let transcript = round.averaging.transcript else { return }
    let input: MaskedInput
    do {
      input = try contribution.encode(
        values, codec: try codec(of: round, rosterCount: roster.count), transcript: transcript)
    } catch let error as UpdateError {
      throw RefusalError(.plan(message: "\(error)", hint: error.hint))
    }
    if let privately = round.privately { try await charge(privately, round, policy) }
    let message = try await underRetryRule(round, among: roster.keys) { ledger throws(AveragingError) in
      try round.averaging.mask(input, signer: signer, ledger: &ledger)
    }
    if !isRepeated {
      try home.record(
        entry(.shared, round, bytes: message.payload.count, participants: roster.peers.map(\.name)))
      try home.changeHistory(of: round.plan.run) { $0.bytesSent += message.payload.count }
    }
    try home.save(round)
    try remember(values, of: contribution)
    log.info(
      "round \(roundID) (\(round.plan.kind)) of run \(round.plan.run): sending \(message.payload.count) masked bytes")
    try await send { try await $0.submitUpload(round: roundID, message) }
  }

  /// M3: signs the one set of survivors that this node will help to open.
  func confirm(_ survivors: SurvivorSet, roundID: UInt64) async throws {
    guard var round = try home.round(roundID), let roster = round.averaging.roster else {
      return await board.idle()
    }
    let policy = try policy(for: round, averaging: .secure)
    let members = Set(survivors.survivors.ranks.filter { $0 < roster.count }.map { roster.peers[$0].key })
    let message = try await underRetryRule(round, among: members) { ledger throws(AveragingError) in
      try round.averaging.confirm(survivors, policy: policy.averaging, signer: signer, ledger: &ledger)
    }
    try home.save(round)
    try await send { try await $0.confirm(round: roundID, message) }
  }

  /// M4: reveals what opens the sum, once for this set and never for another.
  func unmask(_ quorum: Quorum, roundID: UInt64) async throws {
    guard var round = try home.round(roundID), let roster = round.averaging.roster else {
      return await board.idle()
    }
    let isRepeated = round.averaging.answer != nil
    let members = (round.averaging.survivorBitmap?.ranks ?? []).map { roster.peers[$0] }
    let message = try await underRetryRule(round, among: Set(members.map(\.key))) { ledger throws(AveragingError) in
      try round.averaging.answer(quorum, ledger: &ledger)
    }
    if !isRepeated {
      try home.record(entry(.opened, round, participants: members.map(\.name)), durably: false)
    }
    try home.save(round)
    try await send { try await $0.unmask(round: roundID, message) }
  }

  /// The round is over: its secrets go, and the run's chain of closes grows by one.
  mutating func closed(_ signed: SignedRoundClose) async throws {
    let run = signed.close.run
    guard try home.history(of: run) != nil else { return }
    let genesis = try genesis(of: run)
    // A chain that is not begun here begins with the run's next plan, which tells the genesis and brings all closes again.
    guard try genesis != nil || home.ledger().lastClose(run: run, coordinator: coordinatorKey) != nil else {
      return await board.idle()
    }
    try await catchUp(run: run, to: signed.close.roundID, genesis: genesis)
    try take(signed, genesis: genesis)
    await board.idle()
  }
}

// MARK: - Judging what the coordinator sent

extension RoundWorker {
  /// The run's plan, which must be the one that the round's signed plan names.
  private func readPlan(_ bytes: [UInt8], of round: RoundPlan) throws -> RunPlan {
    do {
      let plan = try RunPlan(canonicalBytes: bytes)
      guard try plan.digest() == round.trainer else {
        throw RefusalError(.roundDiffersFromPlan(what: "its trainer is not the digest of the plan that came with it"))
      }
      return plan
    } catch let error as FederationError {
      throw RefusalError(.plan(message: error.description, hint: error.hint))
    }
  }

  /// The signed plan of a round must be what the run's plan gives for this model: no parameter is the coordinator's to choose.
  private func check(_ round: RoundPlan, against plan: RunPlan, checkpoint: Checkpoint) throws {
    guard plan.model.family.isReady(checkpoint, for: round.kind) else {
      throw RefusalError(.roundDiffersFromPlan(what: "its model is not one that a round of \(round.kind) starts from"))
    }
    let gridClose = try lastOpened(run: round.run)?.hash ?? .zero
    guard round.gridClose == gridClose else {
      throw RefusalError(.roundDiffersFromPlan(what: "its grid follows from another close than the last of its run"))
    }
    let expected = try plan.roundPlan(
      kind: round.kind, run: round.run, roundID: round.roundID, checkpoint: checkpoint, modelIn: round.modelIn,
      gridClose: gridClose, deadlineSeconds: round.deadlineSeconds)
    guard round == expected else {
      throw RefusalError(.roundDiffersFromPlan(what: "its numbers are not those of the plan"))
    }
  }

  /// A node that would run out of memory says so before anyone counts on it.
  private func checkMemory(for plan: RunPlan, _ rows: any FamilyRows) throws {
    guard let needed = try rows.trainingMemory(of: plan.training), let available = try home.memoryForTraining(),
      needed > available
    else { return }
    throw RefusalError(.memory(neededBytes: needed, availableBytes: available))
  }

  /// Takes in the ends of rounds that went on without this node, or whose close a newer instruction has overtaken.
  mutating func finishEarlierRounds(before roundID: UInt64 = .max) async throws {
    let runs = try home.rounds().filter { $0.plan.roundID < roundID }.map(\.plan.run)
    for run in Set(runs).sorted() {
      guard let genesis = try genesis(of: run) else { continue }
      do { try await catchUp(run: run, genesis: genesis) } catch WireError.unknownRun { continue }
    }
  }

  /// What a run begins with, by the plan of a round of it that is under way here.
  private mutating func genesis(of run: String) throws -> Digest? {
    guard let round = try home.rounds().last(where: { $0.plan.run == run }) else { return nil }
    return try genesis(of: try readPlan(Array(round.runPlan.utf8), of: round.plan))
  }

  /// Fetches the run's closes up to a round that this node does not hold, and takes them in, in their order.
  ///
  /// Round identifiers are one counter of the coordinator, so that between a close and the next identifier there is none.
  /// A node that holds none of the run's closes asks for all of them, so that the chain begins at the run's genesis.
  func catchUp(run: String, to roundID: UInt64 = .max, genesis: Digest?) async throws {
    let last = try home.history(of: run)?.lastRoundID ?? 0
    guard last == 0 || last + 1 < roundID else { return }
    for close in try await send({ try await $0.closes(run: run, after: last) }) { try take(close, genesis: genesis) }
  }

  /// Adds a close to the chain and erases the round's secrets.
  private func take(_ signed: SignedRoundClose, genesis: Digest?) throws {
    let close = signed.close
    let round = try home.round(close.roundID)
    if let round {
      let largestMean = try largestMean(of: round, close: close)
      try home.changeLedger { ledger throws(AveragingError) in
        try round.averaging.check(signed, largestMean: largestMean, ledger: &ledger)
      }
    }
    try home.take(signed, coordinator: coordinatorKey, genesis: genesis)
    if round?.plan.kind == .evaluation, close.outcome == .done {
      try home.changeHistory(of: close.run) { $0.finished = true }
    }
    if let round { try home.endResidue(of: round.plan, counted: close.outcome == .done) }
    try home.eraseRound(close.roundID)
    if let round { try home.record(entry(close.outcome == .done ? .closed : .abandoned, round), durably: false) }
  }
}

// MARK: - Parts of a step

extension RoundWorker {
  /// The run's last close whose sum was opened, which this node's own grid follows from.
  private func lastOpened(run: String) throws -> RoundClose? {
    try home.ledger().lastOpened(run: run, coordinator: coordinatorKey)
  }

  func codec(of round: NodeRound, rosterCount: Int) throws -> RoundCodec {
    RoundCodec(
      plan: round.plan, rosterCount: rosterCount, last: try lastOpened(run: round.plan.run),
      clear: try readPlan(Array(round.runPlan.utf8), of: round.plan).clearFormat)
  }

  /// The largest norm that the mean of a round can have had: the updates' bound, and what rounding can have added.
  private func largestMean(of round: NodeRound, close: RoundClose) throws -> Double {
    guard round.plan.kind == .update else { return 0 }
    // Nothing to hold it to for a node that was not in the round, or that has the close already and takes it again.
    guard let roster = round.averaging.roster,
      round.plan.gridClose == (try lastOpened(run: round.plan.run)?.hash ?? .zero)
    else { return .infinity }
    return try codec(of: round, rosterCount: roster.count)
      .largestMean(totalWeight: close.totalWeight, survivors: Int(close.survivors))
  }

  /// The policy as it stands now, which must still allow what the round was begun for.
  ///
  /// - Parameter averaging: How the instruction at hand wants values; the plan alone decides whether under masks.
  func policy(for round: NodeRound, averaging: RunPlan.Averaging) throws -> NodePolicy {
    let policy = try home.policy()
    let plan = try readPlan(Array(round.runPlan.utf8), of: round.plan)
    if let refusal = try policy.refusal(of: plan) { throw RefusalError(refusal) }
    guard plan.averaging == averaging else {
      throw RefusalError(
        .roundDiffersFromPlan(
          what: averaging == .clear ? "it asks for values without masks" : "it asks for values under masks"))
    }
    return policy
  }

  mutating func contribution(to round: NodeRound) async throws -> Contribution {
    let plan = try readPlan(Array(round.runPlan.utf8), of: round.plan)
    let own = try rows(of: plan)
    guard own.digest == round.rows else {
      throw AveragingError.inputShape("the rows are not those that the round began with")
    }
    return Contribution(
      plan: plan, round: round.plan, rowsDigest: own.digest, rows: own.rows,
      checkpoint: try await checkpoint(round.plan.modelIn, plan: plan, run: round.plan.run),
      randomness: LocalRandomness(
        nodeSecret: nodeSecret, trainer: round.plan.trainer, modelIn: round.plan.modelIn),
      privately: round.privately.map { ($0, round.averaging.noiseSecret) })
  }

  /// Charges the node's privacy account before the update leaves. Rounds of several runs may be under way at once, so that
  /// the budget is asked again; a round that was charged before a restart is not charged twice.
  func charge(_ privately: PrivateRound, _ round: NodeRound, _ policy: NodePolicy) async throws {
    let (roundID, coordinator) = (round.plan.roundID, coordinatorKey)
    guard try !home.ledger().isCharged(roundID: roundID, coordinator: coordinator) else { return }
    try await checkBudget(privately, policy)
    try home.changeLedger { ledger throws(AveragingError) in
      ledger.charge(privately.charge, roundID: roundID, coordinator: coordinator)
    }
  }

  /// Keeps the model's measures for the owner, and has the local model trained that they are compared with.
  func remember(_ values: Contribution.Values, of contribution: Contribution) throws {
    guard let metrics = values.metrics else { return }
    let run = contribution.round.run
    try home.changeHistory(of: run) { history in
      history.heldOut = contribution.rows.report.heldOutRows > 0
      history.federated = OwnMetrics(metrics)
    }
    if contribution.rows.comparesLocally, try home.history(of: run)?.local == nil {
      comparisons.yield(
        LocalComparison(
          run: run, plan: contribution.plan, rows: contribution.rows, randomness: contribution.randomness))
    }
  }

  /// Takes a step that the retry rule may refuse, and then keeps for the owner what a further answer would reveal.
  func underRetryRule<Message>(
    _ round: NodeRound, among members: Set<IdentityKey>,
    _ step: (inout NodeLedger) throws(AveragingError) -> Message
  ) async throws -> Message {
    do {
      return try home.changeLedger(step)
    } catch let error as AveragingError {
      switch error {
      case .differencingRetry, .ownerMustDecide:
        let question = try RetryQuestion(error, round: round, members: members, ledger: home.ledger())
        try home.ask(question)
        throw RefusalError(.retry(message: question.description))
      default: throw error
      }
    }
  }

  func entry(
    _ event: RecordEntry.Event, _ round: NodeRound, bytes: Int? = nil, participants: [String]? = nil
  ) -> RecordEntry {
    RecordEntry(
      at: now(), event: event, run: round.plan.run, round: round.plan.roundID, kind: "\(round.plan.kind)",
      plan: round.plan.trainer, model: round.plan.modelIn, bytes: bytes, participants: participants)
  }
}
