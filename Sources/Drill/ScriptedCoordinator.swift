import Federation
import Foundation
import Identities
import Schemas
import SecureAggregation
import Wire

/// A coordinator that follows the protocol until a script takes over, behind the product's own server.
///
///     begin ─▶ follows the protocol ── follow(until:of:) ──▶ stands still: the script shows what it likes to whom it likes
///                     ▲                                          │
///                     └────────────── goOn() ────────────────────┘
///
/// While it follows the protocol it is the run machine of Federation, without a disk. While it stands still it takes every
/// message and does nothing with it. It remembers all that reached it and all that a script showed, in order: what a drill
/// says of a participant is what stands there.
actor ScriptedCoordinator {
  let authority: CoordinatorAuthority
  /// Signs plans and closes: scripts sign with it whatever they like.
  let signer: IdentitySigner
  let configuration: DrillConfiguration
  let plan: RunPlan
  /// Every participant, in the order of their ranks.
  let members: [String]
  private(set) var machine: RunMachine
  private(set) var events: [Event] = []
  /// As their certificates have them.
  var peers: [String: Peer] = [:]
  var invitations: [Digest: String] = [:]
  /// Checkpoints by their digests: those of the run, and what a script hands out.
  var blobs: [Digest: [UInt8]] = [:]
  /// Another story of the run, for those to whom a script tells one.
  var closesTold: [String: [SignedRoundClose]] = [:]
  /// What becomes of a message before the machine sees it.
  var rule: @Sendable (isolated ScriptedCoordinator, RoundMessage, RoundKind, _ from: String) -> Fate = { _, _, _, _ in
    .taken
  }
  /// The participants' own keys, for scripts in which one of them is hostile.
  var signers: [String: IdentitySigner] = [:]

  private var presence = Presence()
  private var lastRoundID: UInt64 = 0
  private var stop: (phase: RoundPhase, kind: RoundKind)?
  private var standsStill = false
  private var scripted: [String: [Instruction]] = [:]
  private var shown = 0
  /// Of the machine, outside a participant's call.
  private var failure: (any Error)?
  /// The machine's clock stands: no deadline passes in a drill.
  private let now = Date().timeIntervalSince1970

  enum Event: Sendable {
    /// By the script: a lie. Honest instructions are not kept.
    case shown(Instruction.Step, to: String)
    case received(RoundMessage, round: UInt64, from: String)
    /// A message that the machine refused, by the name of the refusal.
    case refused(RoundMessage, AveragingError, from: String)
    case declined(reason: String, by: String)
  }

  /// What a script lets become of a participant's message.
  enum Fate: Sendable {
    case taken
    /// Another one comes in its place, as from a participant that does not follow the protocol.
    case replaced(RoundMessage)
    /// It never arrives, and its sender counts as away until the round is over.
    case lost
  }

  init(_ configuration: DrillConfiguration) throws {
    self.configuration = configuration
    authority = try CoordinatorAuthority()
    signer = try IdentitySigner()
    plan = try configuration.plan()
    members = configuration.names
    let genesis = try plan.genesis().encoded()
    let digest = Digest(sha256: genesis)
    blobs[digest] = genesis
    machine = try RunMachine(
      RunSubmission(
        run: "drill-1", plan: String(decoding: try plan.canonicalBytes, as: UTF8.self), genesis: digest, at: now),
      coordinator: signer.publicKey)
  }
}

// MARK: - What a script does

extension ScriptedCoordinator {
  /// Follows the protocol up to this phase of a round of this kind: what the phase asks for is known, and nobody was asked.
  func follow(until phase: RoundPhase, of kind: RoundKind) async throws {
    stop = (phase, kind)
    standsStill = false
    try advance()
    try await wait(for: "the phase \(phase.rawValue) of a round of \(kind)") { $0.standsStill }
  }

  /// Follows the protocol again, to the end of the run or until this many rounds are over.
  func goOn(untilOver count: Int = .max) async throws {
    stop = nil
    standsStill = false
    try advance()
    try await wait(for: "the end of the run") { $0.machine.standing.hasEnded || $0.machine.records.count >= count }
  }

  /// Shows a participant an instruction that no machine gave.
  func show(_ step: Instruction.Step, to name: String, round: UInt64? = nil) {
    enqueue(step, to: name, round: round)
    events.append(.shown(step, to: name))
  }

  /// Asks a participant for what the protocol asks for now.
  func ask(_ name: String) {
    if let step = machine.step(for: name)?.step { enqueue(wireStep(step), to: name, round: nil) }
  }

  /// Asks everyone, and waits for their messages.
  func asks(for kind: MessageKind) async throws {
    members.forEach(ask)
    try await replies(kind, from: members)
  }

  private func enqueue(_ step: Instruction.Step, to name: String, round: UInt64?) {
    shown += 1
    let roundID = round ?? machine.round?.roundID ?? lastRoundID
    scripted[name, default: []].append(Instruction(token: "script.\(shown)", roundID: roundID, step: step))
  }

  /// Ends the round at hand without a model, whatever has come.
  func abandon(_ reason: AbandonReason) throws {
    try close(try machine.abandon(reason, signer: signer, now: now))
  }

  /// Loses the last participant's messages of one kind; returns its name.
  func loses(_ lost: MessageKind, in kind: RoundKind) -> String {
    let last = members.last ?? ""
    rule = { _, message, of, from in of == kind && from == last && MessageKind(message) == lost ? .lost : .taken }
    return last
  }

  /// A round identifier that nobody has seen.
  func nextRoundID() -> UInt64 {
    lastRoundID += 1
    return lastRoundID
  }

  /// Takes a message as if it had just arrived.
  func take(_ message: RoundMessage, from name: String) throws(WireError) {
    guard let peer = peers[name], let roundID = machine.round?.roundID else { throw .unknownRound(lastRoundID) }
    do throws(FederationError) {
      if case .upload(let upload, let blob) = message { blobs[blob] = upload.payload }
      if let event = try machine.receive(message, round: roundID, from: peer) { try machine.apply(event) }
      presence.declined[name] = nil
    } catch .averaging(let error) {
      events.append(.refused(message, error, from: name))
      throw .averaging(error)
    } catch {
      throw .unknownRound(roundID)
    }
    do { try advance() } catch { failure = error }
  }

  /// Waits until each of them has sent such a message in the round at hand.
  func replies(_ kind: MessageKind, from names: [String]) async throws {
    try await wait(for: "the \(kind.rawValue) of each participant") { coordinator in
      let came = coordinator.messages { MessageKind($0) == kind ? $0 : nil }
      return names.allSatisfy { came[$0] != nil }
    }
  }

  /// Looks every few milliseconds whether something has happened.
  func wait(
    for what: String, atMost patience: Duration = .seconds(60),
    _ holds: @Sendable (isolated ScriptedCoordinator) throws -> Bool
  ) async throws {
    let end = ContinuousClock.now + patience
    while try !holds(self) {
      if let failure { throw failure }
      guard ContinuousClock.now < end else { throw DrillError.stalled(waitingFor: what) }
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}

// MARK: - Following the protocol

extension ScriptedCoordinator {
  /// Does whatever the run asks for next, until it waits for messages or has come to where the script takes over.
  private func advance() throws {
    guard peers.count == members.count, presence.organisations.count == members.count else { return }
    while !isAtStop, let due = machine.due(now: now, presence: presence) {
      switch due {
      case .event(let event): try machine.apply(event)
      case .abandon(let reason): try close(try machine.abandon(reason, signer: signer, now: now))
      case .end(let standing): try machine.apply(.ended(RunEnding(standing: standing, at: now)))
      case .openRound(let model): try machine.apply(machine.open(roundPlan(from: model), signer: signer, now: now))
      case .unmask: try unmask()
      }
    }
  }

  private var isAtStop: Bool {
    if let stop, let round = machine.round, round.phase == stop.phase, round.kind == stop.kind { standsStill = true }
    return standsStill
  }

  /// The plan of the run's next round, as the run's plan gives it.
  func roundPlan(from model: Digest) throws -> RoundPlan {
    try plan.roundPlan(
      kind: machine.nextKind ?? .evaluation, run: machine.run, roundID: nextRoundID(),
      checkpoint: try checkpoint(model), modelIn: model, gridClose: machine.gridClose,
      deadlineSeconds: UInt64(now) + 3600)
  }

  func checkpoint(_ digest: Digest) throws -> Checkpoint { try Checkpoint(decoding: blobs[digest] ?? []) }

  private func unmask() throws {
    guard let round = machine.round else { return }
    do {
      let sum = try round.unmask { digest in blobs[digest] ?? [] }
      let closing = try machine.close(
        sum, sumDigest: .zero, from: try checkpoint(round.plan.modelIn), signer: signer, now: now)
      for bytes in closing.blobs { blobs[Digest(sha256: bytes)] = bytes }
      try close(closing.event)
    } catch let reason as AbandonReason {
      try close(try machine.abandon(reason, signer: signer, now: now))
    }
  }

  private func close(_ event: RunEvent) throws {
    try machine.apply(event)
    presence.present = Set(members)
    presence.declined = [:]
  }

  /// What the protocol asks of a participant now.
  private func honestInstruction(for name: String, after token: String) -> Instruction? {
    guard !standsStill else { return nil }
    let handled = InstructionToken(token)
    if let (place, step) = machine.step(for: name), handled.map({ $0 < place }) ?? true {
      return Instruction(token: "\(place)", roundID: place.roundID, step: wireStep(step))
    }
    guard let record = machine.records.last else { return nil }
    let place = InstructionToken(closing: record.roundID)
    guard handled.map({ $0 < place }) ?? true else { return nil }
    return Instruction(token: "\(place)", roundID: record.roundID, step: .closed(record.signedClose))
  }
}

extension ScriptedCoordinator {
  private func wireStep(_ step: RoundStep) -> Instruction.Step {
    switch step {
    case .advertise(let signed): advertise(signed)
    case .share(let roster): .share(roster)
    case .collect(let roster): .collect(roster)
    case .upload(let delivery): .upload(delivery)
    case .confirm(let survivors): .confirm(survivors)
    case .unmask(let quorum): .unmask(quorum)
    }
  }

  /// A round of the drill's run, as it is offered.
  func advertise(_ signed: SignedRoundPlan) -> Instruction.Step {
    .advertise(signed, runPlan: Array(machine.submission.plan.utf8))
  }

  func advertise(signing plan: RoundPlan) throws -> Instruction.Step {
    advertise(try SignedRoundPlan(plan, signer: signer))
  }
}

// MARK: - What participants call

extension ScriptedCoordinator {
  func instruction(for caller: Caller, after token: String) -> Instruction? {
    if presence.organisations.updateValue(caller.participant.organisation, forKey: caller.name) == nil {
      presence.present.insert(caller.name)
      do { try advance() } catch { failure = error }
    }
    if let handled = scripted[caller.name]?.firstIndex(where: { $0.token == token }) {
      scripted[caller.name]?.removeSubrange(...handled)
    }
    return scripted[caller.name]?.first ?? honestInstruction(for: caller.name, after: token)
  }

  func receive(_ message: RoundMessage, round: UInt64, from caller: Caller) throws {
    events.append(.received(message, round: round, from: caller.name))
    guard !standsStill else { return }
    guard let open = machine.round, open.roundID == round else { throw WireError.unknownRound(round) }
    switch rule(self, message, open.kind, caller.name) {
    case .taken: try take(message, from: caller.name)
    case .replaced(let other):
      // Whoever is refused has nothing better to send.
      do { try take(other, from: caller.name) } catch { try lose(caller.name) }
    case .lost: try lose(caller.name)
    }
  }

  private func lose(_ name: String) throws {
    presence.present.remove(name)
    try advance()
  }

  func decline(_ reason: String, round: UInt64, by name: String) throws {
    events.append(.declined(reason: reason, by: name))
    guard !standsStill, machine.round?.roundID == round else { return }
    presence.declined[name] = reason
    try advance()
  }
}
