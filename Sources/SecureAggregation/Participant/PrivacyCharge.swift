/// What one round's update cost of a node's privacy: so many steps of the sampled Gaussian mechanism.
///
/// It is only remembered here; accountants make a loss of it.
public struct PrivacyCharge: Codable, Sendable, Hashable {
  /// The noise's deviation, in norms of one example's part.
  public var noiseMultiplier: Double
  /// The probability with which a step took an example.
  public var samplingRate: Double
  public var steps: Int

  public init(noiseMultiplier: Double, samplingRate: Double, steps: Int) {
    self.noiseMultiplier = noiseMultiplier
    self.samplingRate = samplingRate
    self.steps = steps
  }
}

extension NodeLedger {
  /// Remembers for good what the update of this round costs; make it durable before the update leaves. A round is charged
  /// once, whether or not its sum is ever opened.
  public mutating func charge(_ charge: PrivacyCharge, roundID: UInt64, coordinator: IdentityKey) {
    guard !isCharged(roundID: roundID, coordinator: coordinator) else { return }
    make(.charged(round: Self.roundName(roundID, coordinator), charge))
  }

  public func isCharged(roundID: UInt64, coordinator: IdentityKey) -> Bool {
    charges[Self.roundName(roundID, coordinator)] != nil
  }

  private static func roundName(_ roundID: UInt64, _ coordinator: IdentityKey) -> String {
    "\(coordinator.fingerprint)/\(roundID)"
  }
}
