import Federation
import Identities
import Schemas
import Storage
public import Wire

extension Coordinator: OperationService {
  /// Invites a participant: the token stands in the line and nowhere else, the log holds its hash.
  public func invite(name: String, organisation: String, lifetime: Duration?) async throws -> Invitation {
    let token: InviteToken
    do { token = try InviteToken() } catch { throw WireError.failed(reason: error.description) }
    let seconds = lifetime.map { $0 / .seconds(1) } ?? home.settings.invitationHours * 3600
    let line: InviteLine
    do {
      line = try InviteLine(
        host: home.settings.host, port: boundPort.load(ordering: .relaxed), name: name, authority: authority.digest,
        token: token)
    } catch {
      throw WireError.refused(name: "invalid-name", message: error.description, suggestion: error.hint)
    }
    return try await ask { turn in
      let expires = turn.now + max(1, seconds)
      let event = try turn.state.registry.invite(
        name: name, organisation: organisation, tokenHash: token.digest, expiresAt: expires)
      try turn.record(.participant(event))
      return Invitation(line: line.line, expires: expires)
    }
  }

  public func participants() async throws -> [ParticipantSnapshot] {
    try await ask { turn in
      let known = turn.state.registry.all.map { participant in
        ParticipantSnapshot(participant, presence: turn.presence, now: turn.now)
      }
      let invited = turn.state.registry.openInvitations(now: turn.now).map { invitation in
        ParticipantSnapshot(name: invitation.name, organisation: invitation.organisation, membership: .invited)
      }
      // A name that is invited anew stands there once, as invited.
      let names = Set(invited.map(\.name))
      return (known.filter { !names.contains($0.name) } + invited).sorted { $0.name < $1.name }
    }
  }

  public func revoke(name: String) async throws {
    try await ask { turn in
      try turn.record(.participant(try turn.state.registry.revoke(name: name, now: turn.now)))
      turn.presence.forget(name)
    }
  }

  public func submitRun(plan bytes: [UInt8]) async throws -> String {
    let plan: RunPlan
    let genesis: [UInt8]
    do {
      plan = try RunPlan(canonicalBytes: bytes)
      genesis = try plan.genesis().encoded()
    } catch {
      throw WireError.refusedPlan(reason: error.description, suggestion: error.hint)
    }
    // What is hashed is what is kept: the plan in its one canonical spelling.
    let canonical = String(decoding: try plan.canonicalBytes, as: UTF8.self)
    return try await ask { turn in
      // Inside the turn, so that no sweep comes between the blob and the event that keeps it.
      let stored = try self.storing { try self.blobs.put(genesis) }
      let run = turn.state.nextRun(name: plan.name)
      let submission = RunSubmission(run: run, plan: canonical, genesis: stored, at: turn.now)
      try turn.record(.run(run, round: nil, .submitted(submission)))
      return run
    }
  }

  public func runs() async throws -> [RunSnapshot] {
    try await ask { turn in turn.state.order.compactMap { turn.state.runs[$0] }.map { turn.snapshot($0) } }
  }

  public func run(_ run: String?) async throws -> RunSnapshot {
    try await ask { turn in turn.snapshot(try turn.state.run(run)) }
  }

  public func watchRun(_ run: String?) async throws -> AsyncThrowingStream<RunSnapshot, any Error> {
    let run = try await ask { turn in try turn.state.run(run).run }
    let (snapshots, continuation) = AsyncThrowingStream.makeStream(
      of: RunSnapshot.self, bufferingPolicy: .bufferingNewest(1))
    guard await inbox.put(.watch(run: run, continuation)) else { throw WireError.shuttingDown }
    return snapshots
  }

  public func stopRun(_ run: String) async throws {
    let signer = signer
    try await ask { turn in
      let machine = try turn.state.run(run)
      guard !machine.standing.hasEnded else {
        throw WireError.refused(
          name: "run-ended", message: "run \(run) is \(machine.standing.word) already", suggestion: "tributary status")
      }
      if machine.round != nil {
        try turn.record(try machine.abandon(.stopped, signer: signer, now: turn.now), of: machine)
      }
      try turn.record(.ended(RunEnding(standing: .stopped, at: turn.now)), of: machine)
    }
  }

  /// Stops taking requests. Those that have queued are still decided; everyone who waits is told to come back later.
  public func shutdown() async throws {
    logger.notice("stopping, by the operator's command")
    await inbox.close()
  }
}

extension ParticipantSnapshot {
  init(_ participant: RegisteredParticipant, presence: PresenceBook, now: Double) {
    let membership: Membership =
      switch participant.standing {
      case .enrolled: .enrolled
      case .revoked: .revoked
      case .left: .left
      }
    self.init(
      name: participant.name, organisation: participant.organisation, fingerprint: participant.averagingKey,
      membership: membership, present: presence.isConnected(participant.name, now: now),
      lastSeen: presence.lastSeen(participant.name), certificateExpires: participant.certificateExpiresAt,
      activity: presence.activity(participant.name))
  }
}
