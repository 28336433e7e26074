import Federation
import Foundation
import SecureAggregation

extension Tributary_V1_Participant {
  init(_ participant: ParticipantSnapshot) {
    name = participant.name
    organisation = participant.organisation
    fingerprint = participant.fingerprint?.fingerprint ?? ""
    membership =
      switch participant.membership {
      case .invited: .invited
      case .enrolled: .enrolled
      case .revoked: .revoked
      case .left: .left
      }
    present = participant.present
    if let lastSeen = participant.lastSeen { self.lastSeen = lastSeen }
    if let expires = participant.certificateExpires { certificateExpires = expires }
    activity = participant.activity
  }
}

extension ParticipantSnapshot {
  init(_ message: Tributary_V1_Participant) throws(WireError) {
    let read = MessageReader("Participant")
    let membership: Membership? =
      switch message.membership {
      case .invited: .invited
      case .enrolled: .enrolled
      case .revoked: .revoked
      case .left: .left
      case .UNRECOGNIZED: nil
      }
    var fingerprint: IdentityKey?
    if !message.fingerprint.isEmpty {
      guard let key = IdentityKey(fingerprint: message.fingerprint) else {
        throw read.fault("fingerprint is not a key")
      }
      fingerprint = key
    }
    self.init(
      name: try read.name(message.name, "name"),
      organisation: try read.text(message.organisation, atMost: Limits.organisationBytes, "organisation"),
      fingerprint: fingerprint,
      membership: try read.known(membership, "membership", raw: message.membership.rawValue),
      present: message.present, lastSeen: message.hasLastSeen ? message.lastSeen : nil,
      certificateExpires: message.hasCertificateExpires ? message.certificateExpires : nil,
      activity: try read.text(message.activity, atMost: Limits.reasonBytes, "activity"))
  }
}

extension Tributary_V1_RoundPhase {
  init(_ phase: RoundPhase) {
    switch phase {
    case .gathering: self = .gathering
    case .sharing: self = .sharing
    case .collecting: self = .collecting
    case .confirming: self = .confirming
    case .unmasking: self = .unmasking
    }
  }

  var domain: RoundPhase? {
    switch self {
    case .gathering: .gathering
    case .sharing: .sharing
    case .collecting: .collecting
    case .confirming: .confirming
    case .unmasking: .unmasking
    case .UNRECOGNIZED: nil
    }
  }
}

extension Tributary_V1_Run {
  init(_ snapshot: RunSnapshot) {
    run = snapshot.run
    planName = snapshot.planName
    plan = Data(snapshot.plan.bytes)
    switch snapshot.standing {
    case .queued: standing = .queued
    case .running: standing = .running
    case .finished: standing = .finished
    case .stopped: standing = .stopped
    case .failed(let reason):
      standing = .failed
      failure = reason
    }
    submittedAt = snapshot.submittedAt
    if let at = snapshot.startedAt { startedAt = at }
    if let at = snapshot.endedAt { endedAt = at }
    roundsClosed = UInt32(clamping: snapshot.roundsClosed)
    roundsTotal = UInt32(clamping: snapshot.roundsTotal)
    if let round = snapshot.current { current = Tributary_V1_Round(round) }
    waitingFor = snapshot.waitingFor.map(Tributary_V1_LateParticipant.init)
    metrics = snapshot.metrics.map(Tributary_V1_RoundMetrics.init)
    abandoned = snapshot.abandoned.map(Tributary_V1_AbandonedRound.init)
    droppedColumns = snapshot.droppedColumns
    if let digest = snapshot.model { model = Data(digest.bytes) }
    bytesUp = snapshot.traffic.bytesUp
    bytesDown = snapshot.traffic.bytesDown
    clear = snapshot.averaging == .clear
    privacy = snapshot.privacy
  }
}

extension RunSnapshot {
  init(_ message: Tributary_V1_Run) throws(WireError) {
    let read = MessageReader("Run")
    let standing: RunStanding? =
      switch message.standing {
      case .queued: .queued
      case .running: .running
      case .finished: .finished
      case .stopped: .stopped
      case .failed: .failed(reason: try read.text(message.failure, atMost: Limits.reasonBytes, "failure"))
      case .UNRECOGNIZED: nil
      }
    self.init(
      run: try read.name(message.run, "run"), planName: try read.name(message.planName, "plan_name"),
      plan: try read.digest(message.plan, "plan"),
      standing: try read.known(standing, "standing", raw: message.standing.rawValue),
      submittedAt: message.submittedAt, startedAt: message.hasStartedAt ? message.startedAt : nil,
      endedAt: message.hasEndedAt ? message.endedAt : nil, roundsClosed: Int(message.roundsClosed),
      roundsTotal: Int(message.roundsTotal),
      current: message.hasCurrent ? try RoundSnapshot(message.current) : nil,
      waitingFor: try message.waitingFor.mapTyped { late throws(WireError) in try LateParticipant(late) },
      metrics: try message.metrics.mapTyped { entry throws(WireError) in try RoundMetrics(entry) },
      abandoned: try message.abandoned.mapTyped { entry throws(WireError) in try AbandonedRound(entry) },
      droppedColumns: try message.droppedColumns.mapTyped { column throws(WireError) in
        try read.text(column, atMost: Limits.reasonBytes, "dropped_columns")
      },
      model: message.hasModel ? try read.digest(message.model, "model") : nil,
      traffic: Traffic(bytesUp: message.bytesUp, bytesDown: message.bytesDown),
      averaging: message.clear ? .clear : .secure,
      privacy: message.privacy.isEmpty
        ? PlannedPrivacy.none.summary : try read.text(message.privacy, atMost: Limits.reasonBytes, "privacy"))
  }
}

extension Tributary_V1_Round {
  init(_ round: RoundSnapshot) {
    roundID = round.roundID
    kind = Tributary_V1_RoundKind(round.kind)
    number = UInt32(clamping: round.number)
    phase = Tributary_V1_RoundPhase(round.phase)
    openedAt = round.openedAt
    phaseEndsAt = round.phaseEndsAt
    deadline = round.deadline
    answered = round.answered
    waitingFor = round.waitingFor.map(Tributary_V1_LateParticipant.init)
  }
}

extension RoundSnapshot {
  init(_ message: Tributary_V1_Round) throws(WireError) {
    let read = MessageReader("Round")
    self.init(
      roundID: message.roundID, kind: try read.known(message.kind.domain, "kind", raw: message.kind.rawValue),
      number: Int(message.number), phase: try read.known(message.phase.domain, "phase", raw: message.phase.rawValue),
      openedAt: message.openedAt, phaseEndsAt: message.phaseEndsAt, deadline: message.deadline,
      answered: try message.answered.mapTyped { name throws(WireError) in try read.name(name, "answered") },
      waitingFor: try message.waitingFor.mapTyped { late throws(WireError) in try LateParticipant(late) })
  }
}

extension Tributary_V1_LateParticipant {
  init(_ late: LateParticipant) {
    name = late.name
    reason = late.reason
  }
}

extension LateParticipant {
  init(_ message: Tributary_V1_LateParticipant) throws(WireError) {
    let read = MessageReader("LateParticipant")
    self.init(
      name: try read.name(message.name, "name"),
      reason: try read.text(message.reason, atMost: Limits.reasonBytes, "reason"))
  }
}

extension Tributary_V1_RoundMetrics {
  init(_ metrics: RoundMetrics) {
    number = UInt32(clamping: metrics.number)
    roundID = metrics.roundID
    model = Data(metrics.model.bytes)
    survivors = UInt32(clamping: metrics.survivors)
    rows = UInt64(clamping: metrics.rows)
    tooFewRows = metrics.tooFewRows
    if let value = metrics.meanLoss { meanLoss = value }
    if let value = metrics.accuracy { accuracy = value }
    if let value = metrics.auc { auc = value }
    if let value = metrics.aucTieBound { aucTieBound = value }
    if let value = metrics.updateNorm { updateNorm = value }
    if let value = metrics.tokens { tokens = UInt64(clamping: value) }
  }
}

extension RoundMetrics {
  init(_ message: Tributary_V1_RoundMetrics) throws(WireError) {
    let read = MessageReader("RoundMetrics")
    self.init(
      number: Int(message.number), roundID: message.roundID, model: try read.digest(message.model, "model"),
      survivors: Int(message.survivors), rows: try read.count(message.rows, "rows"), tooFewRows: message.tooFewRows,
      meanLoss: message.hasMeanLoss ? message.meanLoss : nil, accuracy: message.hasAccuracy ? message.accuracy : nil,
      auc: message.hasAuc ? message.auc : nil, aucTieBound: message.hasAucTieBound ? message.aucTieBound : nil,
      updateNorm: message.hasUpdateNorm ? message.updateNorm : nil,
      tokens: message.hasTokens ? try read.count(message.tokens, "tokens") : nil)
  }
}

extension Tributary_V1_AbandonedRound {
  init(_ round: AbandonedRound) {
    roundID = round.roundID
    kind = Tributary_V1_RoundKind(round.kind)
    number = UInt32(clamping: round.number)
    phase = Tributary_V1_RoundPhase(round.phase)
    reason = Tributary_V1_AbandonReason(round.reason)
    at = round.at
  }
}

extension AbandonedRound {
  init(_ message: Tributary_V1_AbandonedRound) throws(WireError) {
    let read = MessageReader("AbandonedRound")
    self.init(
      roundID: message.roundID, kind: try read.known(message.kind.domain, "kind", raw: message.kind.rawValue),
      number: Int(message.number), phase: try read.known(message.phase.domain, "phase", raw: message.phase.rawValue),
      reason: try AbandonReason(try read.required(message.hasReason, message.reason, "reason")), at: message.at)
  }
}

extension Tributary_V1_AbandonReason {
  init(_ reason: AbandonReason) {
    switch reason {
    case .tooFewAdverts(let have, let need): self.init(kind: .tooFewAdverts, have, need)
    case .tooFewShares(let have, let need): self.init(kind: .tooFewShares, have, need)
    case .tooFewUploads(let have, let need): self.init(kind: .tooFewUploads, have, need)
    case .tooFewConfirmations(let have, let need): self.init(kind: .tooFewConfirmations, have, need)
    case .tooFewAnswers(let have, let need): self.init(kind: .tooFewAnswers, have, need)
    case .cannotUnmask(let detail): self.init(kind: .cannotUnmask, detail: detail)
    case .impossibleTotalWeight(let found, let survivors):
      self.init(kind: .impossibleTotalWeight, survivors)
      totalWeight = found
    case .occupancyAlarm: self.init(kind: .occupancyAlarm)
    case .impossibleSum(let detail): self.init(kind: .impossibleSum, detail: detail)
    case .cannotGoOn(let detail): self.init(kind: .cannotGoOn, detail: detail)
    case .stopped: self.init(kind: .stopped)
    }
  }

  private init(kind: Kind, _ have: Int = 0, _ need: Int = 0, detail: String = "") {
    self.init()
    self.kind = kind
    self.have = UInt32(clamping: have)
    self.need = UInt32(clamping: need)
    self.detail = detail
  }
}

extension AbandonReason {
  init(_ message: Tributary_V1_AbandonReason) throws(WireError) {
    let (have, need) = (Int(message.have), Int(message.need))
    let detail = try MessageReader("AbandonReason").text(message.detail, atMost: Limits.reasonBytes, "detail")
    self =
      switch message.kind {
      case .tooFewAdverts: .tooFewAdverts(have: have, need: need)
      case .tooFewShares: .tooFewShares(have: have, need: need)
      case .tooFewUploads: .tooFewUploads(have: have, need: need)
      case .tooFewConfirmations: .tooFewConfirmations(have: have, need: need)
      case .tooFewAnswers: .tooFewAnswers(have: have, need: need)
      case .cannotUnmask: .cannotUnmask(detail)
      case .impossibleTotalWeight: .impossibleTotalWeight(found: message.totalWeight, survivors: have)
      case .occupancyAlarm: .occupancyAlarm
      case .impossibleSum: .impossibleSum(detail)
      case .cannotGoOn: .cannotGoOn(detail)
      case .stopped: .stopped
      case .UNRECOGNIZED(let raw):
        throw MessageReader("AbandonReason").fault("kind is \(raw), which this version does not know")
      }
  }
}
