public import Documents

/// What a plan can be refused for. Messages name keys, counts and digests, never a value of anyone's rows.
public enum FederationError: HintedError, Equatable {
  case invalidPlan(key: String?, found: String, expected: String)
  case impossibleThreshold(threshold: Int, size: Int, colluders: Int)
  case keyNotFree(String)
  case malformedPlan(String)

  public var description: String {
    switch self {
    case .invalidPlan(nil, let found, _): "invalid plan: \(found)"
    case .invalidPlan(let key?, let found, let expected): "invalid plan: \(key) is \(found), expected \(expected)"
    case .impossibleThreshold(let threshold, let size, let colluders):
      "invalid plan: with \(colluders) assumed colluders the threshold is \(threshold) of a cohort of \(size)"
    case .keyNotFree(let key): "the key \(key) cannot be left free in a plan template"
    case .malformedPlan(let reason): "malformed plan: \(reason)"
    }
  }

  public var hint: String? {
    switch self {
    case .invalidPlan(nil, _, let expected): expected.isEmpty ? nil : expected
    case .invalidPlan(let key?, _, _): "change \(key) in the plan, or pass --set \(key)=VALUE"
    case .impossibleThreshold: "lower cohort.assumedColluders, or invite more participants and raise cohort.size"
    case .keyNotFree: "free keys are \(RunPlan.freeableKeys.joined(separator: ", "))"
    case .malformedPlan: "check the plan with: tributary plan check PLAN"
    }
  }
}
