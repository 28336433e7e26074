import Federation
import Schemas
import SecureAggregation

/// One run among scripted participants, by a clock that is moved by hand: the machine, its log, and a store of blobs.
struct RunWorld {
  let plan: RunPlan
  let signer: IdentitySigner
  var machine: RunMachine
  /// Everything recorded, in order.
  var log: [RunEvent] = []
  var participants: [ScriptedParticipant]
  /// Indices of participants that are connected.
  var connected: Set<Int>
  /// Indices of participants that are no longer enrolled.
  var left: Set<Int> = []
  /// Keys under which names were enrolled anew.
  var newKeys: [String: IdentityKey] = [:]
  var declined: [String: String] = [:]
  var now = 1_000.0
  private var blobs: [Digest: [UInt8]] = [:]
  private var nextRound: UInt64 = 1 << 32

  init(plan: RunPlan, participants count: Int) throws {
    self.plan = plan
    signer = try IdentitySigner(seed: [UInt8](repeating: 0xC0, count: 32))
    participants = try (0..<count).map { try ScriptedParticipant($0) }
    connected = Set(0..<count)
    let genesis = try plan.genesis().encoded()
    let submission = RunSubmission(
      run: "scripted-1", plan: String(decoding: try plan.canonicalBytes, as: UTF8.self),
      genesis: Digest(sha256: genesis),
      at: now)
    machine = try RunMachine(submission, coordinator: signer.publicKey)
    blobs[Digest(sha256: genesis)] = genesis
  }

  var presence: Presence {
    Presence(
      present: Set(connected.map { participants[$0].name }), declined: declined,
      organisations: Dictionary(
        uniqueKeysWithValues: participants.filter { !left.contains($0.index) }.map { ($0.name, $0.peer.organisation) }),
      keys: Dictionary(uniqueKeysWithValues: participants.map { ($0.name, newKeys[$0.name] ?? $0.peer.key) }))
  }

  func checkpoint(_ digest: Digest) throws -> Checkpoint { try Checkpoint(decoding: blobs[digest]!) }

  var finalModel: Checkpoint { get throws { try checkpoint(machine.model) } }

  /// Of a table.
  func table(_ digest: Digest) throws -> TableCheckpoint { try TableCheckpoint(decoding: blobs[digest]!) }

  mutating func record(_ event: RunEvent) throws {
    try machine.apply(event)
    log.append(event)
  }

  /// Does what is due until nothing is.
  mutating func settle() throws { try settleNoting { _ in } }

  /// - Parameter note: Sees the world after every event.
  mutating func settleNoting(_ note: (RunWorld) -> Void) throws {
    while let due = machine.due(now: now, presence: presence) {
      switch due {
      case .event(let event): try record(event)
      case .openRound(let model):
        nextRound += 1
        let roundPlan = try plan.roundPlan(
          kind: machine.nextKind!, run: machine.run, roundID: nextRound, checkpoint: try checkpoint(model),
          modelIn: model, gridClose: machine.gridClose,
          deadlineSeconds: UInt64(now) + UInt64(plan.cohort.deadlineSeconds))
        try record(try machine.open(roundPlan, signer: signer, now: now))
      case .unmask:
        let blobs = blobs
        do {
          let sum = try machine.round!.unmask { blobs[$0]! }
          let closing = try machine.close(
            sum, sumDigest: .zero, from: try checkpoint(machine.round!.plan.modelIn),
            residue: machine.residue.flatMap { blobs[$0] }, signer: signer, now: now)
          for bytes in closing.blobs { self.blobs[Digest(sha256: bytes)] = bytes }
          try record(closing.event)
        } catch let reason as AbandonReason {
          try record(try machine.abandon(reason, signer: signer, now: now))
        }
      case .abandon(let reason): try record(try machine.abandon(reason, signer: signer, now: now))
      case .end(let standing): try record(.ended(RunEnding(standing: standing, at: now)))
      }
      note(self)
    }
  }

  /// Tells a participant of the closes that it missed.
  mutating func catchUp(_ index: Int) throws {
    let held = participants[index].ledger.lastClose(run: machine.run, coordinator: signer.publicKey)?.close.roundID ?? 0
    for close in machine.closes where close.close.roundID > held {
      try participants[index].take(close, coordinator: signer.publicKey)
    }
  }

  /// What a participant would send now; nil when nothing is asked of it.
  mutating func message(from index: Int) throws -> RoundMessage? {
    try catchUp(index)
    guard let (_, step) = machine.step(for: participants[index].name) else { return nil }
    let world = self
    return try participants[index].respond(
      to: step, plan: plan, coordinator: signer.publicKey, checkpoint: world.checkpoint)
  }

  /// A participant answers once, and what follows is done. True if the message was new.
  @discardableResult
  mutating func act(_ index: Int) throws -> Bool {
    guard let message = try message(from: index) else { return false }
    return try deliver(message, from: index)
  }

  @discardableResult
  mutating func deliver(_ message: RoundMessage, from index: Int, round: UInt64? = nil) throws -> Bool {
    keep(message)
    let roundID = round ?? machine.round?.roundID ?? 0
    guard let event = try machine.receive(message, round: roundID, from: participants[index].peer) else { return false }
    try record(event)
    try settle()
    return true
  }

  /// Stores an upload's bytes, as a coordinator does before it records the event.
  mutating func keep(_ message: RoundMessage) {
    if case .upload(let upload, let blob) = message { blobs[blob] = upload.payload }
  }

  /// Everyone connected answers until nobody has anything new to say.
  mutating func runUntilQuiet() throws {
    try settle()
    var progress = true
    while progress, !machine.standing.hasEnded {
      progress = false
      for index in connected.sorted() where try act(index) { progress = true }
    }
  }

  /// Until the round in work is in a phase.
  mutating func run(until phase: RoundPhase, kind: RoundKind = .update) throws {
    try settle()
    while machine.round.map({ $0.kind != kind || $0.phase < phase }) ?? true {
      let before = log.count
      for index in connected.sorted() {
        if let round = machine.round, round.kind == kind, round.phase == phase { return }
        try act(index)
      }
      precondition(log.count > before, "the run stands still")
    }
  }
}
