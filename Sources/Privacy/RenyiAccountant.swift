#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The privacy loss of composed steps by Rényi divergences: quick and a little pessimistic, for display and as the first
/// guess of a calibration. ``PrivacyAccountant`` is what a budget is held to.
public struct RenyiAccountant: Sendable {
  /// α of the divergences: whole numbers, for which other accountants have a finite sum to compare with.
  public static let orders: [Double] = (2..<64).map { Double($0) } + [128, 256, 512]

  /// D_α of everything composed so far, for each of `orders`.
  public private(set) var divergences = [Double](repeating: 0, count: Self.orders.count)

  public init() {}

  public mutating func compose(_ step: SampledGaussian, times count: Int) {
    for (i, order) in Self.orders.enumerated() {
      divergences[i] += Double(count) * Self.divergence(of: step, order: order)
    }
  }

  /// The least ε with (ε, δ) by any of the orders.
  ///
  /// Source: Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", arXiv:2004.00010,
  /// proposition 12.
  public func epsilon(delta: Double) -> Double {
    var least = Double.infinity
    for (order, divergence) in zip(Self.orders, divergences) {
      let bound = divergence + log1p(-1 / order) - (log(delta) + log(order)) / (order - 1)
      least = min(least, bound)
    }
    return max(0, least)
  }

  /// D_α((1 − q) N(0, σ²) + q N(1, σ²) ‖ N(0, σ²)), which bounds both directions.
  ///
  /// exp((α − 1) D_α) is the mean over x ~ N(0, σ²) of ((1 − q) + q e^((2x − 1) / 2σ²))^α. The trapezoid rule sums it
  /// with an error below rounding for any α, whole or not: the integrand is analytic within πσ² of the real axis and falls
  /// as a Gaussian around points from 0 to α.
  ///
  /// Source: Mironov, Talwar and Zhang, "Rényi Differential Privacy of the Sampled Gaussian Mechanism",
  /// arXiv:1908.10530, section 3.
  static func divergence(of step: SampledGaussian, order: Double) -> Double {
    let (sigma, q) = (step.noiseMultiplier, step.samplingRate)
    let variance = sigma * sigma
    guard q < 1 else { return order / (2 * variance) }
    let width = min(sigma, variance) / 6
    let points = Int((order + 24 * sigma) / width)
    func logarithm(_ k: Int) -> Double {
      let x = -12 * sigma + Double(k) * width
      let ratio = (2 * x - 1) / (2 * variance)
      // Beyond e^500 the first term is nothing beside the second.
      let likelihood = ratio > 500 ? log(q) + ratio : log1p(q * expm1(ratio))
      return order * likelihood - x * x / (2 * variance)
    }
    var top = -Double.infinity
    for k in 0...points { top = max(top, logarithm(k)) }
    var sum = 0.0
    for k in 0...points { sum += exp(logarithm(k) - top) }
    let moment = top + log(sum * width / (sigma * (2 * Double.pi).squareRoot()))
    return max(0, moment / (order - 1))
  }
}
