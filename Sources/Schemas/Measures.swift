/// What a model's metrics on rows are made of, by what it answers.
public enum Measures: Sendable, Hashable, Codable {
  /// A class out of so many: cross-entropy and correct predictions per row; AUC when there are two.
  case classes(Int)
  /// A number: its squared error per row.
  case errors
  /// A text: the cross-entropy of each of its tokens, and whether it was the most probable one.
  case tokens

  /// Numbers that a participant's metrics are sent as.
  public var laneCount: Int {
    switch self {
    case .classes(let classes): 3 + (classes == 2 ? 2 * MetricLanes.binCount : classes)
    case .errors: 3
    case .tokens: 5
    }
  }
}
