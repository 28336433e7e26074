/// What one round averages.
public enum RoundKind: UInt8, Hashable, Codable, Sendable, CaseIterable {
  /// Quantised model updates in B-bit lanes, and a tail of u32 lanes: weight first, then metrics.
  case update = 0
  /// How many values each column has, in u64 lanes.
  case counts = 1
  /// Sums and sums of squares of each column, in u64 lanes.
  case moments = 2
  /// The metrics of a finished model: the tail alone.
  case evaluation = 3

  /// Whether the round sends u64 lanes and neither a vector nor a tail.
  public var isStatistics: Bool { self == .counts || self == .moments }
}
