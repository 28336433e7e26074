/// The sum over the survivors, lane by lane, with every mask removed.
public struct RoundSum: Hashable, Codable, Sendable {
  /// Lanes mod 2^B; lift them to [-2^(B-1), 2^(B-1)) to read them.
  public var vector: [UInt32]
  /// Lanes mod 2^32, the total weight first.
  public var tail: [UInt32]
  /// Lanes mod 2^64.
  public var statistics: [UInt64]
  public var survivors: [Peer]
  /// Participants that revealed wrong shares, where enough right ones prove it. The sum does not depend on them.
  public var wrongShares: [String]

  public init(
    vector: [UInt32], tail: [UInt32], statistics: [UInt64], survivors: [Peer], wrongShares: [String] = []
  ) {
    self.vector = vector
    self.tail = tail
    self.statistics = statistics
    self.survivors = survivors
    self.wrongShares = wrongShares
  }

  /// The sum of weights; nil in a statistics round, which has none.
  public var totalWeight: UInt64? { tail.first.map(UInt64.init) }
}
