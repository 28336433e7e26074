public import Documents

/// Why a coordinator cannot be made, opened or served. What it refuses a caller for is a `WireError`.
public enum CoordinationError: HintedError, Equatable {
  case homeExists(String)
  case notEmpty(String)
  case noHome(String)
  /// Another process serves this home.
  case homeInUse(String, holder: String?)
  case cannotWrite(path: String, reason: String)
  case cannotRead(path: String, reason: String)
  case invalidSetting(path: String, key: String, found: String, expected: String)
  case settings(DocumentError)
  case keys(message: String, suggestion: String?)
  case storage(message: String, suggestion: String?)
  /// The log holds what this version cannot have written.
  case damagedLog(String)
  case portInUse(host: String, port: Int)
  case cannotServe(message: String, suggestion: String?)
  case unknownRun(String, known: [String])
  case noFinishedRun
  case notFinished(run: String, standing: String)

  public var description: String {
    switch self {
    case .homeExists(let path): "\(path): holds a coordinator's home already"
    case .notEmpty(let path): "\(path): is not empty"
    case .noHome(let path): "\(path): no coordinator's home"
    case .homeInUse(let path, let holder):
      "\(path): another coordinator serves this home" + (holder.map { " (process \($0))" } ?? "")
    case .cannotWrite(let path, let reason): "\(path): cannot write: \(reason)"
    case .cannotRead(let path, let reason): "\(path): cannot read: \(reason)"
    case .invalidSetting(let path, let key, let found, let expected):
      "\(path): \(key) is \(found), expected \(expected)"
    case .settings(let error): error.description
    case .keys(let message, _): message
    case .storage(let message, _): message
    case .damagedLog(let reason): "the event log is damaged: \(reason)"
    case .portInUse(let host, let port): "port \(port) on \(host) is in use"
    case .cannotServe(let message, _): message
    case .unknownRun(let run, _): "no run \"\(run.prefix(80))\""
    case .noFinishedRun: "no run has finished yet"
    case .notFinished(let run, let standing): "run \(run) is \(standing), expected finished"
    }
  }

  public var hint: String? {
    switch self {
    case .homeExists(let path): "serve it with: tributary serve --home \(path)"
    case .notEmpty: "choose a directory that does not exist yet"
    case .noHome(let path): "make one with: tributary init --home \(path)"
    case .homeInUse(let path, _): "stop the other one first: tributary stop --home \(path)"
    case .cannotWrite, .cannotRead: "check the directory's owner, permissions and free space"
    case .invalidSetting(let path, let key, _, _): "change \(key) in \(path)"
    case .settings(let error): error.hint
    case .keys(_, let suggestion), .storage(_, let suggestion), .cannotServe(_, let suggestion): suggestion
    case .damagedLog: "restore the home from a backup"
    case .portInUse(_, let port): "stop what listens there, or change port in home.yaml, for instance to \(port + 1)"
    case .unknownRun(let run, let known):
      nearest(run, in: known).map { "did you mean \($0)?" } ?? "tributary status lists the runs"
    case .noFinishedRun: "start one with: tributary run PLAN"
    case .notFinished: "tributary status"
    }
  }
}
