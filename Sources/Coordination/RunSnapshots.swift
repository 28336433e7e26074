import Federation

extension RunSnapshot {
  /// A run as the operator may see it.
  ///
  /// - Parameters:
  ///   - isCurrent: Whether it is the run in work.
  ///   - bytesDown: Bytes of its checkpoints that were fetched since the coordinator started.
  init(_ run: RunMachine, isCurrent: Bool, presence: Presence, bytesDown: UInt64) {
    let uploaded = run.round?.storedUploads.reduce(0) { $0 + UInt64($1.byteCount) } ?? 0
    self.init(
      run: run.run, planName: run.plan.name, plan: run.planDigest,
      standing: isCurrent && run.standing == .queued ? .running : run.standing, submittedAt: run.submission.at,
      startedAt: run.startedAt, endedAt: run.endedAt, roundsClosed: run.roundsClosed, roundsTotal: run.plan.roundsTotal,
      current: run.round.map { RoundSnapshot($0, presence: presence) },
      waitingFor: isCurrent ? run.waitingFor(presence).map { presence.late($0) } : [],
      metrics: run.records.compactMap(\.metrics),
      abandoned: run.records.compactMap(AbandonedRound.init),
      droppedColumns: run.records.last { $0.droppedColumns != nil }?.droppedColumns ?? [], model: run.model,
      traffic: Traffic(bytesUp: run.records.reduce(uploaded) { $0 + $1.bytesUp }, bytesDown: bytesDown),
      averaging: run.plan.averaging, privacy: run.plan.privacy.summary)
  }
}

extension RoundSnapshot {
  init(_ round: RoundMachine, presence: Presence) {
    self.init(
      roundID: round.roundID, kind: round.kind, number: round.opening.number, phase: round.phase,
      openedAt: round.opening.at, phaseEndsAt: round.phaseEndsAt, deadline: round.deadline, answered: round.answered,
      waitingFor: round.expected(presence).sorted().map { presence.late($0) })
  }
}

extension AbandonedRound {
  init?(_ record: RoundRecord) {
    guard let reason = record.reason else { return nil }
    self.init(
      roundID: record.roundID, kind: record.kind, number: record.number, phase: record.phase, reason: reason,
      at: record.at)
  }
}

extension Presence {
  func late(_ name: String) -> LateParticipant { LateParticipant(name: name, reason: lateness(of: name)) }

  /// Why a participant has not answered, as far as the coordinator can know.
  func lateness(of name: String) -> String {
    if organisations[name] == nil { return "no longer enrolled" }
    if !present.contains(name) { return "not connected" }
    if let reason = declined[name] { return reason }
    return activities[name] ?? "has not answered"
  }
}
