#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The noise that a target asks for.
public enum Calibration {
  /// How close to the least noise multiplier the answer is, from above.
  static let tolerance = 1e-3

  /// The least noise multiplier, to a part in a thousand from above, with which so many steps are (ε, δ)-differentially
  /// private.
  ///
  /// - Throws: `.unreachable` if no noise of up to 10^6 is enough; `.outOfRange` for a target that no accountant knows.
  public static func noiseMultiplier(
    epsilon: Double, delta: Double, samplingRate: Double, steps: Int
  ) throws(PrivacyError) -> Double {
    guard epsilon > 0, epsilon.isFinite else {
      throw .outOfRange(what: "epsilon", found: epsilon, expected: "a positive number")
    }
    guard PrivacyAccountant.deltaRange.contains(delta) else {
      throw .outOfRange(what: "delta", found: delta, expected: "1e-9 to 0.5")
    }
    // By Rényi divergences first, which are quick: what suffices by them suffices by loss distributions.
    let range = SampledGaussian.noiseRange
    let rough = try least(in: range.lowerBound...range.upperBound) { sigma throws(PrivacyError) in
      var accountant = RenyiAccountant()
      accountant.compose(try SampledGaussian(noiseMultiplier: sigma, samplingRate: samplingRate), times: steps)
      return accountant.epsilon(delta: delta) <= epsilon
    }
    guard let rough else { throw .unreachable(epsilon: epsilon, delta: delta) }
    let exact = try least(in: max(range.lowerBound, rough / 2)...rough) { sigma throws(PrivacyError) in
      var accountant = PrivacyAccountant()
      try accountant.compose(SampledGaussian(noiseMultiplier: sigma, samplingRate: samplingRate), times: steps)
      return try accountant.epsilon(delta: delta) <= epsilon
    }
    guard let exact else { throw .unreachable(epsilon: epsilon, delta: delta) }
    return exact
  }

  /// The least value that suffices, by halving the range of its logarithm; `nil` if its end does not suffice.
  private static func least(
    in range: ClosedRange<Double>, _ suffices: (Double) throws(PrivacyError) -> Bool
  ) throws(PrivacyError) -> Double? {
    var (low, high) = (range.lowerBound, range.upperBound)
    guard try suffices(high) else { return nil }
    while high / low > 1 + tolerance {
      let middle = (low * high).squareRoot()
      if try suffices(middle) { high = middle } else { low = middle }
    }
    return high
  }
}
