/// One step of DP-SGD: each example is taken with probability `samplingRate`, independently of all others, and a sum of
/// vectors of norm at most 1 gets Gaussian noise of deviation `noiseMultiplier` in every coordinate.
///
/// Neighbours differ by one example that is there or is not.
public struct SampledGaussian: Sendable, Hashable, Codable {
  /// σ, in units of the largest norm of one example's vector.
  public let noiseMultiplier: Double
  /// q, above 0 and at most 1.
  public let samplingRate: Double

  /// - Throws: `.outOfRange` for what no mechanism is, or none that can be accounted for: below a noise of 0.1 the loss
  ///   of a single step passes any sensible budget.
  public init(noiseMultiplier: Double, samplingRate: Double) throws(PrivacyError) {
    guard Self.noiseRange.contains(noiseMultiplier) else {
      throw .outOfRange(what: "noise multiplier", found: noiseMultiplier, expected: "0.1 to 1000000")
    }
    guard samplingRate > 0, samplingRate <= 1 else {
      throw .outOfRange(what: "sampling rate", found: samplingRate, expected: "above 0 and at most 1")
    }
    self.noiseMultiplier = noiseMultiplier
    self.samplingRate = samplingRate
  }

  static let noiseRange = 0.1...1e6

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      noiseMultiplier: try container.decode(Double.self, forKey: .noiseMultiplier),
      samplingRate: try container.decode(Double.self, forKey: .samplingRate))
  }

  /// The steps that can be composed: more are refused before any work.
  static let mostSteps = 100_000_000
}
