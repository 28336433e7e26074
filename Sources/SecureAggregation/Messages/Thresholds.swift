/// The numbers that follow from a roster's size and the plan, the same for everyone.
public struct Thresholds: Hashable, Codable, Sendable {
  public let participants: Int
  public let assumedColluders: Int
  /// t: shares that reconstruct a secret, floor((n + c) / 2) + 1. Since 2t > n + c, no two stories told to two halves of
  /// the honest participants can both be finished.
  public let threshold: Int
  /// Confirmations that a survivor wants to see before it reveals a share; the same formula.
  public var quorum: Int { threshold }
  /// The fewest survivors: max(nMin, t, n - maxLost).
  public let minimumSurvivors: Int

  public init(participants: Int, plan: RoundPlan) {
    self.participants = participants
    assumedColluders = Int(plan.assumedColluders)
    threshold = Self.threshold(participants: participants, assumedColluders: assumedColluders)
    let allowedByLosses =
      plan.maximumLost == RoundPlan.thresholdDecides ? 0 : participants - Int(plan.maximumLost)
    minimumSurvivors = max(Int(plan.minimumSurvivors), threshold, allowedByLosses)
  }

  /// Participants that one complete graph can hold: points of GF(2^8) without zero.
  public static let largestCohort = 255

  /// t of a cohort of that many.
  public static func threshold(participants: Int, assumedColluders: Int) -> Int {
    (participants + assumedColluders) / 2 + 1
  }

  /// Default nMin for a cohort: max(3, t).
  public static func defaultMinimumSurvivors(participants: Int, assumedColluders: Int) -> Int {
    max(3, assumedColluders + 2, threshold(participants: participants, assumedColluders: assumedColluders))
  }

  /// Default c: a fifth of the cohort, at least 1 from four participants on.
  public static func defaultColluders(participants: Int) -> Int {
    participants >= 4 ? max(1, participants / 5) : 0
  }

  /// Refuses a roster that cannot reach its own thresholds.
  func validate(_ plan: RoundPlan) throws(AveragingError) {
    guard participants >= Int(plan.minimumSurvivors) else {
      throw .tooFewParticipants(have: participants, need: Int(plan.minimumSurvivors))
    }
    guard participants <= Self.largestCohort else { throw .cohortFull(limit: Self.largestCohort) }
    guard threshold <= participants else {
      throw .thresholdUnreachable(threshold: threshold, participants: participants)
    }
    guard UInt64(participants) * UInt64(plan.maximumWeight) < 1 << 31 else {
      throw .weightOverflow(participants: participants, maximumWeight: plan.maximumWeight)
    }
  }
}
