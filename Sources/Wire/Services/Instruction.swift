public import SecureAggregation

/// What a participant asks with: the last instruction that it handled, how long it will wait, and what it is doing.
public struct Poll: Sendable, Hashable {
  /// The token of the last instruction that was handled; empty at first.
  public var after: String
  /// At most 60 s.
  public var wait: Duration
  public var activity: Activity

  public init(after: String = "", wait: Duration = .seconds(30), activity: Activity = .idle) {
    self.after = after
    self.wait = wait
    self.activity = activity
  }
}

/// What a participant is doing, for the operator to see. Nothing depends on it.
public enum Activity: Sendable, Hashable, Codable, CustomStringConvertible {
  case idle
  /// Training or evaluating; the fraction is from 0 to 1.
  case working(round: UInt64, fraction: Double)
  /// Only the owner can go on, for instance by allowing a plan.
  case waitingForOwner(reason: String)

  public var description: String {
    switch self {
    case .idle: "idle"
    case .working(_, let fraction): "working, \(Int((fraction * 100).rounded()))%"
    case .waitingForOwner(let reason): "waiting for its owner: \(reason)"
    }
  }
}

/// What a participant should do next.
public struct Instruction: Sendable, Hashable {
  /// Names the instruction; goes into ``Poll/after`` once it is handled.
  public var token: String
  /// 0 for `.idle`.
  public var roundID: UInt64
  public var step: Step

  public enum Step: Sendable, Hashable {
    /// Nothing to do. Ask again after `reconnectAfter`: zero, unless the coordinator is about to stop.
    case idle(reconnectAfter: Duration)
    /// A round that the participant may join. `runPlan` is canonical JSON, and `plan.plan.trainer` its SHA-256.
    case advertise(SignedRoundPlan, runPlan: [UInt8])
    case share(Roster)
    /// Without masks: answer with the upload.
    case collect(Roster)
    case upload(ShareDelivery)
    case confirm(SurvivorSet)
    case unmask(Quorum)
    /// The round is over; `close.modelOut` can be fetched.
    case closed(SignedRoundClose)
  }

  public init(token: String, roundID: UInt64, step: Step) {
    self.token = token
    self.roundID = roundID
    self.step = step
  }

  /// Nothing to do; the token stays what the participant asked with.
  public static func idle(after token: String, reconnectAfter: Duration = .zero) -> Instruction {
    Instruction(token: token, roundID: 0, step: .idle(reconnectAfter: reconnectAfter))
  }
}

/// A run's plan as an owner can read it before allowing it.
public struct OfferedPlan: Sendable, Hashable {
  public var run: String
  /// Canonical JSON.
  public var plan: [UInt8]
  /// Whether the run is under way, rather than queued.
  public var isRunning: Bool

  public init(run: String, plan: [UInt8], isRunning: Bool) {
    self.run = run
    self.plan = plan
    self.isRunning = isRunning
  }
}

/// A blob that is being uploaded: named by its SHA-256, of a size announced beforehand.
public struct BlobReference: Sendable, Hashable {
  public var digest: Digest
  public var size: Int

  public init(digest: Digest, size: Int) {
    self.digest = digest
    self.size = size
  }
}
