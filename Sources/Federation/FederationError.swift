public import Documents
public import SecureAggregation

/// What a plan, or a step of a run, can be refused for. Messages name keys, counts and digests, never a value of anyone's rows.
public enum FederationError: HintedError, Equatable {
  case invalidPlan(key: String?, found: String, expected: String)
  case impossibleThreshold(threshold: Int, size: Int, colluders: Int)
  case keyNotFree(String)
  case malformedPlan(String)
  /// No round of the run is in work.
  case noRound(run: String)
  /// The message belongs to a round that is over, or is not open yet.
  case otherRound(open: UInt64, found: UInt64)
  /// What the averaging protocol refused.
  case averaging(AveragingError)
  /// An event that cannot follow those before it: the log is not one that this machine wrote.
  case replayDiverged(String)

  public var description: String {
    switch self {
    case .invalidPlan(nil, let found, _): "invalid plan: \(found)"
    case .invalidPlan(let key?, let found, let expected): "invalid plan: \(key) is \(found), expected \(expected)"
    case .impossibleThreshold(let threshold, let size, let colluders):
      "invalid plan: with \(colluders) assumed colluders the threshold is \(threshold) of a cohort of \(size)"
    case .keyNotFree(let key): "the key \(key) cannot be left free in a plan template"
    case .malformedPlan(let reason): "malformed plan: \(reason)"
    case .noRound(let run): "no round of run \(run) is open"
    case .otherRound(let open, let found): "the message belongs to round \(found), expected \(open)"
    case .averaging(let error): "\(error)"
    case .replayDiverged(let reason): "the event log is not that of a run: \(reason)"
    }
  }

  /// Where in the plan the mistake is, in keys joined by dots; nil when it is in no one place.
  public var key: String? {
    switch self {
    case .invalidPlan(let key?, _, _): key
    case .invalidPlan(nil, let found, _): found.firstIndex(of: ":").map { String(found[..<$0]) }
    case .impossibleThreshold: "cohort"
    default: nil
    }
  }

  public var hint: String? {
    switch self {
    case .invalidPlan(nil, _, let expected): expected.isEmpty ? nil : expected
    case .invalidPlan(let key?, _, _): "change \(key) in the plan, or pass --set \(key)=VALUE"
    case .impossibleThreshold: "lower cohort.assumedColluders, or invite more participants and raise cohort.size"
    case .keyNotFree: "free keys are \(RunPlan.freeableKeys.joined(separator: ", "))"
    case .noRound, .otherRound: "ask for the next instruction"
    case .averaging: nil
    case .replayDiverged: "restore the home from a backup"
    case .malformedPlan: "check the plan with: tributary plan check PLAN"
    }
  }
}
