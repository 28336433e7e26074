import Documents

/// What a command itself refuses; everything else comes from the targets below.
enum CommandError: HintedError {
  case cannotRead(what: String, path: String, reason: String)
  case cannotWrite(path: String, reason: String)
  case notServing(home: String)
  case noHome(String)
  case noRunYet
  case runFailed(run: String, reason: String)
  /// By Ctrl-C; nil is the newest run.
  case stoppedWatching(run: String?)
  /// A node that leaves cannot reach its coordinator.
  case cannotTell(address: String, reason: String)
  /// Attacks that did not end as stated.
  case drillFailed([String])

  var description: String {
    switch self {
    case .cannotRead(let what, let path, let reason): "\(path): cannot read the \(what): \(reason)"
    case .cannotWrite(let path, let reason): "\(path): cannot write: \(reason)"
    case .notServing(let home): "no coordinator serves \(home)"
    case .noHome(let path): "\(path): neither a coordinator's nor a node's home"
    case .cannotTell(let address, let reason): "the coordinator at \(address) cannot be told: \(reason)"
    case .noRunYet: "there is no run yet"
    case .drillFailed(let attacks): "not as stated: \(attacks.joined(separator: ", "))"
    case .stoppedWatching(let run): "stopped watching\(run.map { " \($0)" } ?? ""), which goes on"
    case .runFailed(let run, let reason): "run \(run) ended without a model: \(reason)"
    }
  }

  var hint: String? {
    switch self {
    case .cannotRead: "check the path, and that you may read it"
    case .cannotWrite: "check that the directory exists, its permissions and free space"
    case .notServing(let home): "start it with: tributary serve --home \(home)"
    case .noHome:
      "an operator makes one with `tributary init`, a data owner with `tributary join LINE`; pass it as --home"
    case .cannotTell: "nothing was deleted; try again later, or: tributary leave --even-if-unreachable"
    case .noRunYet: "start one with: tributary run PLAN"
    case .stoppedWatching(let run):
      "follow it again with `tributary watch\(run.map { " \($0)" } ?? "")`, or end it with `tributary stop RUN`"
    case .drillFailed: "an end that follows from the policy is mended there; report any other as SECURITY.md says"
    case .runFailed: "tributary status shows the rounds and who was late"
    }
  }
}
