public import SecureAggregation

/// Everything about a run that must survive a restart, in the order in which it happened.
///
/// Freezes are events too: a coordinator that comes back replays the sets it froze and never freezes them again.
public enum RunEvent: Sendable, Hashable, Codable {
  case submitted(RunSubmission)
  case roundOpened(RoundOpening)
  /// Participants that advertised and were gone before the roster was frozen: they are not in it.
  case leftOut([String])
  /// A message that was taken, other than an upload, or a set that was frozen.
  case round(RoundEvent)
  /// M2: the statement, and the blob (by its plain SHA-256) that holds the masked bytes.
  case uploaded(UploadStatement, blob: Digest, byteCount: Int)
  case roundClosed(RoundRecord)
  case ended(RunEnding)

  /// The word that the log keeps beside the event.
  public var kind: String {
    switch self {
    case .submitted: "run-submitted"
    case .roundOpened: "round-opened"
    case .leftOut: "left-out"
    case .round(.advert): "advertised"
    case .round(.rosterFrozen): "roster-frozen"
    case .round(.shares): "shared"
    case .round(.sharersFrozen): "sharers-frozen"
    case .round(.upload), .uploaded: "uploaded"
    case .round(.survivorsFrozen): "survivors-frozen"
    case .round(.confirmation): "confirmed"
    case .round(.confirmationsFrozen): "quorum-frozen"
    case .round(.answer): "answered"
    case .roundClosed: "round-closed"
    case .ended: "run-ended"
    }
  }

  /// Whether it belongs to the round in work, and is of no use once that is over.
  public var isWithinRound: Bool {
    switch self {
    case .leftOut, .round, .uploaded: true
    case .submitted, .roundOpened, .roundClosed, .ended: false
    }
  }

  /// Whether it may change what participants are asked for; a message that was taken does not.
  public var changesInstructions: Bool {
    switch self {
    case .uploaded, .round(.advert), .round(.shares), .round(.upload), .round(.confirmation), .round(.answer): false
    default: true
    }
  }

  /// The kinds whose payloads must go when their round closes: y, M1 and M4. Their digests stay in the log.
  public static let kindsErasedAtClose = ["shared", "uploaded", "answered"]
}

/// A run as the operator submitted it.
public struct RunSubmission: Sendable, Hashable, Codable {
  /// Unique for the coordinator: the plan's name and a number.
  public var run: String
  /// The plan as it travels: canonical JSON.
  public var plan: String
  /// The checkpoint without tensors that the first round starts from.
  public var genesis: Digest
  /// Unix seconds.
  public var at: Double

  public init(run: String, plan: String, genesis: Digest, at: Double) {
    self.run = run
    self.plan = plan
    self.genesis = genesis
    self.at = at
  }
}

/// What one round was opened with.
public struct RoundOpening: Sendable, Hashable, Codable {
  public var signedPlan: SignedRoundPlan
  /// The position in the run, from 1.
  public var number: Int
  /// Unix seconds.
  public var at: Double
  /// The roster of an earlier round from the same checkpoint whose unmasking had begun: nobody answers for another roster.
  public var requiredRoster: [String]?

  public init(signedPlan: SignedRoundPlan, number: Int, at: Double, requiredRoster: [String]?) {
    self.signedPlan = signedPlan
    self.number = number
    self.at = at
    self.requiredRoster = requiredRoster
  }
}

/// A round that is over, closed or abandoned: all that is kept of it.
public struct RoundRecord: Sendable, Hashable, Codable {
  public var signedClose: SignedRoundClose
  public var kind: RoundKind
  public var number: Int
  public var openedAt: Double
  /// Unix seconds.
  public var at: Double
  /// The phase in which it ended.
  public var phase: RoundPhase
  /// Nil when it closed with a model.
  public var reason: AbandonReason?
  /// Who is told of the close: the roster, or those who advertised when none was frozen.
  public var participants: [String]
  /// The frozen roster, when shares that unmask may have been given out for it.
  public var answeredRoster: [String]?
  /// The identity keys of that roster, by name.
  public var answeredKeys: [String: IdentityKey]?
  public var survivors: [String]
  /// Masked bytes that arrived.
  public var bytesUp: UInt64
  /// Of the model that the round started from.
  public var metrics: RoundMetrics?
  /// Columns that everyone drops, after a counts round.
  public var droppedColumns: [String]?
  /// How many of the run's rounds this one was: 2 when a counts round found no number column to sum moments of.
  public var advances = 1
  /// The blob that holds the opened integer sum, from which anyone can derive the new model again.
  public var sum: Digest?
  /// The blob that leads from modelIn to modelOut, when the plan has models travel as deltas.
  public var delta: Digest?
  /// The blob that holds what the delta's rounding left out, which the next delta makes up for.
  public var residue: Digest?

  public init(
    signedClose: SignedRoundClose, kind: RoundKind, number: Int, openedAt: Double, at: Double, phase: RoundPhase,
    reason: AbandonReason? = nil, participants: [String], answeredRoster: [String]? = nil, survivors: [String] = [],
    bytesUp: UInt64 = 0, metrics: RoundMetrics? = nil, droppedColumns: [String]? = nil, sum: Digest? = nil
  ) {
    self.signedClose = signedClose
    self.kind = kind
    self.number = number
    self.openedAt = openedAt
    self.at = at
    self.phase = phase
    self.reason = reason
    self.participants = participants
    self.answeredRoster = answeredRoster
    self.survivors = survivors
    self.bytesUp = bytesUp
    self.metrics = metrics
    self.droppedColumns = droppedColumns
    self.sum = sum
  }

  public var roundID: UInt64 { signedClose.close.roundID }
}

/// How a run ended.
public struct RunEnding: Sendable, Hashable, Codable {
  public var standing: RunStanding
  /// Unix seconds.
  public var at: Double

  public init(standing: RunStanding, at: Double) {
    self.standing = standing
    self.at = at
  }
}
