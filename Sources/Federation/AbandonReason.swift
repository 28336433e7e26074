/// Why a round ended without a model. The next round starts from the same checkpoint.
public enum AbandonReason: Error, Sendable, Hashable, Codable, CustomStringConvertible {
  case tooFewAdverts(have: Int, need: Int)
  case tooFewShares(have: Int, need: Int)
  case tooFewUploads(have: Int, need: Int)
  case tooFewConfirmations(have: Int, need: Int)
  case tooFewAnswers(have: Int, need: Int)
  /// The answers that came do not open the masks, although enough came.
  case cannotUnmask(String)
  /// The opened sum of weights lies outside what the survivors could have sent.
  case impossibleTotalWeight(found: UInt64, survivors: Int)
  /// The opened sum fills its ring as no honest cohort would.
  case occupancyAlarm
  /// Opened statistics or metrics are not a sum of such values.
  case impossibleSum(String)
  /// The sum is an honest one, and says that no round of this run can go on.
  case cannotGoOn(String)
  /// The operator stopped the run.
  case stopped

  public var description: String {
    switch self {
    case .tooFewAdverts(let have, let need): "too few participants advertised: \(have), needs \(need)"
    case .tooFewShares(let have, let need): "too few participants shared: \(have), needs \(need)"
    case .tooFewUploads(let have, let need): "too few updates arrived: \(have), needs \(need)"
    case .tooFewConfirmations(let have, let need):
      "too few participants confirmed the survivors: \(have), needs \(need)"
    case .tooFewAnswers(let have, let need): "too few participants answered to unmask: \(have), needs \(need)"
    case .cannotUnmask(let why): "the masks could not be removed: \(why)"
    case .impossibleTotalWeight(let found, let survivors): "impossible total weight \(found) of \(survivors) survivors"
    case .occupancyAlarm: "occupancy alarm: the sum lies outside the grid"
    case .impossibleSum(let what): "impossible sum: \(what)"
    case .cannotGoOn(let why): why
    case .stopped: "stopped by the operator"
    }
  }

  /// Whether the opened sum itself was at fault. It was opened, so it counts as answered, and nobody can be named.
  public var isAlarm: Bool {
    switch self {
    case .impossibleTotalWeight, .occupancyAlarm, .impossibleSum: true
    default: false
    }
  }
}
