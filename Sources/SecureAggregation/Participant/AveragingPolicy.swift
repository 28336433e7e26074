/// The bounds that a node's owner sets and that no coordinator can exceed.
public struct AveragingPolicy: Hashable, Codable, Sendable {
  /// The least nMin that the owner accepts.
  public var minimumSurvivors: Int
  /// The least c that the owner accepts.
  public var assumedColluders: Int
  /// The largest clip norm; nil allows any.
  public var maximumClipNorm: Double?
  /// Bits of a vector lane.
  public var lowestBits: Int
  public var highestBits: Int
  /// Peers whose fingerprints the owner has from elsewhere than the coordinator.
  public var peers: Set<IdentityKey>
  /// How many of ``peers`` must be in the roster, and again among the survivors: otherwise a coordinator could list them
  /// and declare them lost.
  public var minimumKnownPeers: Int

  public init(
    minimumSurvivors: Int = 3, assumedColluders: Int = 0, maximumClipNorm: Double? = nil, lowestBits: Int = 8,
    highestBits: Int = 32, peers: Set<IdentityKey> = [], minimumKnownPeers: Int = 0
  ) {
    self.minimumSurvivors = minimumSurvivors
    self.assumedColluders = assumedColluders
    self.maximumClipNorm = maximumClipNorm
    self.lowestBits = lowestBits
    self.highestBits = highestBits
    self.peers = peers
    self.minimumKnownPeers = minimumKnownPeers
  }

  func check(_ plan: RoundPlan) throws(AveragingError) {
    guard Int(plan.minimumSurvivors) >= minimumSurvivors else {
      throw .survivorsBelowPolicy(plan: Int(plan.minimumSurvivors), policy: minimumSurvivors)
    }
    guard Int(plan.assumedColluders) >= assumedColluders else {
      throw .colludersBelowPolicy(plan: Int(plan.assumedColluders), policy: assumedColluders)
    }
    if let maximumClipNorm, plan.clipNorm > maximumClipNorm {
      throw .clipNormOutsidePolicy(plan: plan.clipNorm, policy: maximumClipNorm)
    }
  }

  func check(_ shape: VectorShape) throws(AveragingError) {
    guard shape.count == 0 || (lowestBits <= shape.bits && shape.bits <= highestBits) else {
      throw .bitsOutsidePolicy(bits: shape.bits, lowest: lowestBits, highest: highestBits)
    }
  }

  /// - Parameter others: The identity keys of a set, without the node's own.
  func checkKnown(_ others: some Sequence<IdentityKey>) throws(AveragingError) {
    let known = Set(others).intersection(peers).count
    guard known >= minimumKnownPeers else { throw .tooFewKnownPeers(have: known, need: minimumKnownPeers) }
  }
}
