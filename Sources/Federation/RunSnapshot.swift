public import SecureAggregation

/// What an operator may see of a run: names, counts, times, digests and the cohort's own metrics, nothing of one participant's
/// data.
public struct RunSnapshot: Sendable, Hashable, Codable {
  /// The run's identifier, unique for its coordinator: the plan's name and a number.
  public var run: String
  public var planName: String
  public var plan: Digest
  public var standing: RunStanding
  /// Unix seconds.
  public var submittedAt: Double
  public var startedAt: Double?
  public var endedAt: Double?
  /// Rounds closed so far, statistics and evaluation included, of `roundsTotal`.
  public var roundsClosed: Int
  public var roundsTotal: Int
  public var current: RoundSnapshot?
  /// Between two rounds: whom the next one waits for, and why as far as is known. Empty for a run that is not under way.
  public var waitingFor: [LateParticipant]
  /// One entry for each closed round that measured a model.
  public var metrics: [RoundMetrics]
  public var abandoned: [AbandonedRound]
  /// Columns that too few hospitals hold, dropped by everyone; known once the counts round has closed.
  public var droppedColumns: [String]
  /// The newest checkpoint.
  public var model: Digest?
  public var traffic: Traffic
  public var averaging: RunPlan.Averaging
  /// The formal privacy of the plan, in words.
  public var privacy: String

  public init(
    run: String, planName: String, plan: Digest, standing: RunStanding, submittedAt: Double, startedAt: Double? = nil,
    endedAt: Double? = nil, roundsClosed: Int = 0, roundsTotal: Int, current: RoundSnapshot? = nil,
    waitingFor: [LateParticipant] = [],
    metrics: [RoundMetrics] = [], abandoned: [AbandonedRound] = [], droppedColumns: [String] = [], model: Digest? = nil,
    traffic: Traffic = Traffic(), averaging: RunPlan.Averaging = .secure,
    privacy: String = PlannedPrivacy.none.summary
  ) {
    self.run = run
    self.planName = planName
    self.plan = plan
    self.standing = standing
    self.submittedAt = submittedAt
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.roundsClosed = roundsClosed
    self.roundsTotal = roundsTotal
    self.current = current
    self.waitingFor = waitingFor
    self.metrics = metrics
    self.abandoned = abandoned
    self.droppedColumns = droppedColumns
    self.model = model
    self.traffic = traffic
    self.averaging = averaging
    self.privacy = privacy
  }
}

/// How a run stands as a whole.
public enum RunStanding: Sendable, Hashable, Codable {
  /// Another run is being worked on.
  case queued
  case running
  case finished
  /// By the operator.
  case stopped
  case failed(reason: String)

  public var hasEnded: Bool {
    switch self {
    case .queued, .running: false
    case .finished, .stopped, .failed: true
    }
  }

  /// One word, for tables and `--json`.
  public var word: String {
    switch self {
    case .queued: "queued"
    case .running: "running"
    case .finished: "finished"
    case .stopped: "stopped"
    case .failed: "failed"
    }
  }

  private enum CodingKeys: CodingKey { case state, reason }

  public init(from decoder: any Decoder) throws {
    let standing = try decoder.container(keyedBy: CodingKeys.self)
    let state = try standing.decode(String.self, forKey: .state)
    switch state {
    case "queued": self = .queued
    case "running": self = .running
    case "finished": self = .finished
    case "stopped": self = .stopped
    case "failed": self = .failed(reason: try standing.decode(String.self, forKey: .reason))
    default:
      throw DecodingError.dataCorruptedError(
        forKey: .state, in: standing, debugDescription: "\"\(state)\" is not how a run stands")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var standing = encoder.container(keyedBy: CodingKeys.self)
    try standing.encode(word, forKey: .state)
    if case .failed(let reason) = self { try standing.encode(reason, forKey: .reason) }
  }
}

/// The round in work, and whom it waits for.
public struct RoundSnapshot: Sendable, Hashable, Codable {
  public var roundID: UInt64
  public var kind: RoundKind
  /// The position in the run, from 1, of `RunSnapshot.roundsTotal`.
  public var number: Int
  public var phase: RoundPhase
  /// Unix seconds.
  public var openedAt: Double
  public var phaseEndsAt: Double
  public var deadline: Double
  /// Names that have answered in this phase.
  public var answered: [String]
  public var waitingFor: [LateParticipant]

  public init(
    roundID: UInt64, kind: RoundKind, number: Int, phase: RoundPhase, openedAt: Double, phaseEndsAt: Double,
    deadline: Double, answered: [String], waitingFor: [LateParticipant]
  ) {
    self.roundID = roundID
    self.kind = kind
    self.number = number
    self.phase = phase
    self.openedAt = openedAt
    self.phaseEndsAt = phaseEndsAt
    self.deadline = deadline
    self.answered = answered
    self.waitingFor = waitingFor
  }
}

/// Someone the round waits for, and why as far as the coordinator can know.
public struct LateParticipant: Sendable, Hashable, Codable {
  public var name: String
  /// `not connected`, `training 40%`, `waiting for its owner: plan not allowed`, `has not answered`.
  public var reason: String

  public init(name: String, reason: String) {
    self.name = name
    self.reason = reason
  }
}

/// The cohort's metrics of one model, opened from the masked tail of the round that started from it.
public struct RoundMetrics: Sendable, Hashable, Codable {
  /// The position in the run, from 1, of the round that measured.
  public var number: Int
  public var roundID: UInt64
  /// The model that was measured: the round's modelIn.
  public var model: Digest
  public var survivors: Int
  public var rows: Int
  /// True below 20 rows, or 5 of a class: then the measures are absent rather than misleading.
  public var tooFewRows: Bool
  public var meanLoss: Double?
  public var accuracy: Double?
  /// Binary targets only. From histograms in 64 bins, so the exact value lies within `aucTieBound`.
  public var auc: Double?
  public var aucTieBound: Double?
  /// The L2 norm of the mean update; absent in the evaluation round.
  public var updateNorm: Double?
  /// Answers only: their tokens, over which the loss is the mean.
  public var tokens: Int?

  public init(
    number: Int, roundID: UInt64, model: Digest, survivors: Int, rows: Int, tooFewRows: Bool, meanLoss: Double? = nil,
    accuracy: Double? = nil, auc: Double? = nil, aucTieBound: Double? = nil, updateNorm: Double? = nil,
    tokens: Int? = nil
  ) {
    self.number = number
    self.roundID = roundID
    self.model = model
    self.survivors = survivors
    self.rows = rows
    self.tooFewRows = tooFewRows
    self.meanLoss = meanLoss
    self.accuracy = accuracy
    self.auc = auc
    self.aucTieBound = aucTieBound
    self.updateNorm = updateNorm
    self.tokens = tokens
  }
}

/// A round that ended without a model.
public struct AbandonedRound: Sendable, Hashable, Codable {
  public var roundID: UInt64
  public var kind: RoundKind
  public var number: Int
  public var phase: RoundPhase
  public var reason: AbandonReason
  /// Unix seconds.
  public var at: Double

  public init(roundID: UInt64, kind: RoundKind, number: Int, phase: RoundPhase, reason: AbandonReason, at: Double) {
    self.roundID = roundID
    self.kind = kind
    self.number = number
    self.phase = phase
    self.reason = reason
    self.at = at
  }
}

/// Bytes that participants sent and fetched for a run, as counted by the coordinator since it started.
public struct Traffic: Sendable, Hashable, Codable {
  public var bytesUp: UInt64 = 0
  public var bytesDown: UInt64 = 0

  public init(bytesUp: UInt64 = 0, bytesDown: UInt64 = 0) {
    self.bytesUp = bytesUp
    self.bytesDown = bytesDown
  }
}
