#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The privacy loss of composed steps by their loss distributions, which is what a budget is held to: never below the
/// true one, and close to it.
///
/// Neighbours differ by one example that is there or is not; both directions are composed, and the larger ε counts.
public struct PrivacyAccountant: Sendable, Hashable {
  /// How often each step was taken.
  public private(set) var steps: [SampledGaussian: Int] = [:]

  public init() {}

  /// - Throws: `.outOfRange` beyond 10^8 steps, which nobody takes and which no number here is meant for.
  public mutating func compose(_ step: SampledGaussian, times count: Int) throws(PrivacyError) {
    precondition(count >= 0, "a step is not taken back")
    guard count > 0 else { return }
    let total = steps.values.reduce(0, +)
    guard count <= SampledGaussian.mostSteps - total else {
      throw .outOfRange(what: "number of steps", found: Double(total) + Double(count), expected: "at most 100000000")
    }
    steps[step, default: 0] += count
  }

  /// The δ for which a loss can be computed: below them, rounding would count.
  public static let deltaRange = 1e-9...0.5

  /// The least ε with which everything composed is (ε, δ)-differentially private, rounded up by the grid's step.
  public func epsilon(delta: Double) throws(PrivacyError) -> Double {
    guard Self.deltaRange.contains(delta) else {
      throw .outOfRange(what: "delta", found: delta, expected: "1e-9 to 0.5")
    }
    guard !steps.isEmpty else { return 0 }
    let directions = [composed(.removing), composed(.adding)]
    // Mass that rounding has lost would be loss that nobody counts.
    guard directions.allSatisfy(\.isWhole) else { return .infinity }
    return directions.map { $0.epsilon(delta: delta) }.max()!
  }

  /// The least δ with which everything composed is (ε, δ)-differentially private.
  public func delta(epsilon: Double) -> Double {
    guard !steps.isEmpty else { return 0 }
    let directions = [composed(.removing), composed(.adding)]
    guard directions.allSatisfy(\.isWhole) else { return 1 }
    return directions.map { $0.delta(epsilon: epsilon) }.max()!
  }
}

// MARK: - Composing

extension PrivacyAccountant {
  /// The distance of two grid points, unless that would make too many of them.
  private static let finestInterval = 1e-4
  /// The most grid points of a distribution.
  private static let mostPoints = 1 << 21
  /// Losses outside a window that all but e^−32 of the mass lies in count as infinite above it.
  private static let logTail = 32.0

  /// Largest first, so that the sum of logarithms does not depend on the order of a dictionary.
  private var ordered: [(step: SampledGaussian, count: Int)] {
    steps.map { ($0.key, $0.value) }.sorted {
      ($0.0.noiseMultiplier, $0.0.samplingRate) > ($1.0.noiseMultiplier, $1.0.samplingRate)
    }
  }

  private func composed(_ direction: LossDistribution.Direction) -> LossDistribution {
    var interval = Self.finestInterval
    while true {
      // A coarser grid is a more pessimistic one: every second point of a finer.
      let widest = ordered.map { LossDistribution.range($0.step, direction) }.map { $0.high - $0.low }.max()!
      if widest / interval < Double(Self.mostPoints) {
        let single = ordered.map { (LossDistribution($0.step, direction, interval: interval), $0.count) }
        let window = Self.window(single)
        if window.count <= Self.mostPoints { return Self.convolve(single, window: window) }
      }
      interval *= 2
    }
  }

  /// The losses, in intervals, that all but e^−logTail of the composed mass lies above, and below: Chernoff's bounds.
  private static func window(_ parts: [(loss: LossDistribution, count: Int)]) -> ClosedRange<Int> {
    let interval = parts[0].loss.interval
    var low = parts.reduce(0.0) { $0 + Double($1.loss.first) * interval * Double($1.count) }
    var high = parts.reduce(0.0) { $0 + Double($1.loss.last) * interval * Double($1.count) }
    for power in -16...20 {
      let t = pow(2, Double(power) / 2)
      let upper = parts.reduce(0.0) { $0 + Double($1.count) * $1.loss.logMoment(t) }
      let lower = parts.reduce(0.0) { $0 + Double($1.count) * $1.loss.logMoment(-t) }
      // A moment that vanished in rounding bounds nothing.
      if upper.isFinite { high = min(high, (upper + logTail) / t) }
      if lower.isFinite { low = max(low, -(lower + logTail) / t) }
    }
    let first = Int((low / interval).rounded(.down))
    return first...max(first, Int((high / interval).rounded(.up)))
  }

  /// The sum of independent losses, on a circle that the window fits in.
  ///
  /// What lies below the window comes round at losses that are larger, and what lies above it counts as infinite.
  private static func convolve(
    _ parts: [(loss: LossDistribution, count: Int)], window: ClosedRange<Int>
  ) -> LossDistribution {
    var size = 1
    while size < window.count { size *= 2 }
    let transform = FourierTransform(count: size)
    var (real, imaginary) = ([Double](repeating: 1, count: size), [Double](repeating: 0, count: size))
    var logFinite = 0.0
    var start = 0
    for (loss, count) in parts {
      var x = [Double](repeating: 0, count: size)
      var y = [Double](repeating: 0, count: size)
      for (i, mass) in loss.masses.enumerated() { x[i & (size - 1)] += mass }
      transform.transform(&x, &y)
      for i in 0..<size {
        let (re, im) = power(x[i], y[i], count)
        (real[i], imaginary[i]) = (real[i] * re - imaginary[i] * im, real[i] * im + imaginary[i] * re)
      }
      logFinite += Double(count) * log1p(-loss.infinite)
      start += loss.first * count
    }
    transform.transform(&real, &imaginary, inverse: true)
    // Each power is a product of as many factors, each of them rounded.
    let rounding = parts.reduce(0.0) { $0 + Double($1.count) } * Double.ulpOfOne
    // Place k of the circle is the loss start + k, up to whole turns.
    var masses = [Double](repeating: 0, count: size)
    let turn = window.lowerBound - start
    for k in 0..<size { masses[k] = max(0, real[(turn + k) & (size - 1)]) }
    return LossDistribution(
      interval: parts[0].loss.interval, first: window.lowerBound, masses: masses,
      infinite: -expm1(logFinite) + exp(-logTail) + rounding)
  }

  /// (x + iy)^n by squaring: as exact as n multiplications, and as sums of logarithms are not.
  private static func power(_ x: Double, _ y: Double, _ n: Int) -> (Double, Double) {
    var (base, result) = ((x, y), (1.0, 0.0))
    var rest = n
    while rest > 0 {
      if rest & 1 == 1 {
        result = (result.0 * base.0 - result.1 * base.1, result.0 * base.1 + result.1 * base.0)
      }
      base = (base.0 * base.0 - base.1 * base.1, 2 * base.0 * base.1)
      rest >>= 1
    }
    return result
  }
}

extension LossDistribution {
  /// Whether all of the mass is there: its sum is 1, or more by what was rounded up.
  fileprivate var isWhole: Bool { infinite + masses.reduce(0, +) > 1 - 1e-9 }

  /// log Σ mass · e^(t · loss), summed from the end where the terms are largest.
  fileprivate func logMoment(_ t: Double) -> Double {
    let ratio = exp(-abs(t) * interval)
    var (term, sum) = (1.0, 0.0)
    if t > 0 {
      for mass in masses.reversed() {
        sum += mass * term
        term *= ratio
      }
      return log(sum) + t * Double(last) * interval
    }
    for mass in masses {
      sum += mass * term
      term *= ratio
    }
    return log(sum) + t * Double(first) * interval
  }
}
