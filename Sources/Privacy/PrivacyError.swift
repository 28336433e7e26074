/// Why a privacy loss cannot be computed.
public enum PrivacyError: Error, Hashable, CustomStringConvertible {
  case outOfRange(what: String, found: Double, expected: String)
  /// No noise that an accountant knows keeps so small a budget.
  case unreachable(epsilon: Double, delta: Double)

  public var description: String {
    switch self {
    case .outOfRange(let what, let found, let expected): "the \(what) is \(found), expected \(expected)"
    case .unreachable(let epsilon, let delta): "no noise keeps epsilon \(epsilon) at delta \(delta)"
    }
  }

  public var hint: String? {
    switch self {
    case .outOfRange: nil
    case .unreachable: "allow a larger epsilon, fewer steps or a smaller batch"
    }
  }
}
