public import Documents

/// Why a drill could not be carried out. What it finds is no error, but its report.
public enum DrillError: HintedError, Equatable {
  case unknownAttack(String, nearest: String?)
  /// The policy's bounds leave no cohort that a round could have.
  case noCohort(minimumCohort: Int, colluders: Int)
  /// Something that the script waits for did not come.
  case stalled(waitingFor: String)
  /// The scratch directory cannot be made.
  case scratch(String)

  public var description: String {
    switch self {
    case .unknownAttack(let name, _): "the drill has no attack \"\(name)\""
    case .noCohort(let minimum, let colluders):
      "no cohort of up to 254 can lose one and keep \(minimum) with \(colluders) assumed colluders"
    case .stalled(let what): "the drill waited in vain for \(what)"
    case .scratch(let reason): "no directory for the drill: \(reason)"
    }
  }

  public var hint: String? {
    switch self {
    case .unknownAttack(_, let nearest):
      nearest.map { "did you mean \($0)? tributary drill --list names all" } ?? "tributary drill --list names all"
    case .noCohort: "lower minimumCohort or assumedColluders in policy.yaml"
    case .stalled: "on a busy machine try again, with --attack and the name of the row"
    case .scratch: "check TMPDIR, its permissions and free space"
    }
  }
}
