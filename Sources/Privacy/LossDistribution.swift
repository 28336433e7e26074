#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A privacy loss distribution on a grid: what log(P/Q) is when the output comes from P.
///
/// It is pessimistic: at every ε its hockey-stick divergence is at least that of the pair it was made from, since each
/// loss between two grid points is split among both so that its mass under P and under Q stays. That puts the divergence
/// on the chords of a convex curve.
///
/// Source: Doroshenko et al., "Connect the Dots: Tighter Discrete Approximations of Privacy Loss Distributions",
/// arXiv:2207.04380, section 3.
struct LossDistribution {
  /// Which of the two neighbours has the additional example: P (`removing` it gives Q), or Q.
  enum Direction { case removing, adding }

  /// The distance of two grid points.
  let interval: Double
  /// The loss of the first mass, in intervals.
  let first: Int
  /// `masses[i]` is P(loss = (first + i) · interval).
  var masses: [Double]
  /// P(loss = ∞).
  var infinite: Double

  var last: Int { first + masses.count - 1 }

  init(interval: Double, first: Int, masses: [Double], infinite: Double) {
    self.interval = interval
    self.first = first
    self.masses = masses
    self.infinite = infinite
  }
}

// MARK: - One step

extension LossDistribution {
  /// Outputs further from both means than so many deviations have a mass below 10^-22; their loss counts as infinite.
  private static let farthest = 9.8

  /// The loss of one step.
  init(_ step: SampledGaussian, _ direction: Direction, interval: Double) {
    let (low, high) = Self.range(step, direction)
    let first = Int((low / interval).rounded(.down))
    let count = Int((high / interval).rounded(.up)) - first + 1
    let (sigma, q) = (step.noiseMultiplier, step.samplingRate)

    /// P and Q of the outputs between a and b: with the example there is a second hill around 1.
    func masses(_ a: Double, _ b: Double) -> (p: Double, q: Double) {
      let without = normalMass(a / sigma, b / sigma)
      let with = (1 - q) * without + q * normalMass((a - 1) / sigma, (b - 1) / sigma)
      return direction == .removing ? (with, without) : (without, with)
    }
    /// The output with this loss, which grows with the loss when removing and falls when adding.
    func output(_ loss: Double) -> Double { Self.output(step, loss: direction == .removing ? loss : -loss) }
    /// P and Q of the losses between those of two outputs.
    func between(_ low: Double, _ high: Double) -> (p: Double, q: Double) {
      direction == .removing ? masses(low, high) : masses(high, low)
    }

    var grid = [Double](repeating: 0, count: count)
    let toNext = -expm1(-interval)
    let end = direction == .removing ? Double.infinity : -Double.infinity
    var below = output(Double(first) * interval)
    grid[0] = between(-end, below).p
    for i in 0..<count - 1 {
      let loss = Double(first + i) * interval
      let above = output(loss + interval)
      let mass = between(below, above)
      let raised = min(max((mass.p - mass.q * exp(loss)) / toNext, 0), mass.p)
      grid[i] += mass.p - raised
      grid[i + 1] += raised
      below = above
    }
    self.init(interval: interval, first: first, masses: grid, infinite: between(below, end).p)
  }

  /// The smallest and the largest loss that a grid has to hold.
  static func range(_ step: SampledGaussian, _ direction: Direction) -> (low: Double, high: Double) {
    let reach = farthest * step.noiseMultiplier
    let (low, high) = (loss(step, at: -reach), loss(step, at: 1 + reach))
    return direction == .removing ? (low, high) : (-high, -low)
  }

  /// log(with / without) of an output: log(1 − q + q e^((2x − 1) / 2σ²)).
  private static func loss(_ step: SampledGaussian, at x: Double) -> Double {
    let q = step.samplingRate
    let ratio = (2 * x - 1) / (2 * step.noiseMultiplier * step.noiseMultiplier)
    return ratio > 500 ? ratio + log(q) : q == 1 ? ratio : log1p(q * expm1(ratio))
  }

  /// The inverse of `loss`; −∞ for losses that no output has.
  private static func output(_ step: SampledGaussian, loss: Double) -> Double {
    let q = step.samplingRate
    let variance = step.noiseMultiplier * step.noiseMultiplier
    if loss > 500 || q == 1 { return 0.5 + variance * (loss - log(q)) }
    let share = expm1(loss) + q
    return share > 0 ? 0.5 + variance * log(share / q) : -.infinity
  }
}

// MARK: - Guarantees

extension LossDistribution {
  /// The least ε ≥ 0 with (ε, δ); infinite when δ is below the mass of infinite losses.
  ///
  /// From the largest loss down, with `above` the mass of all larger losses and `scaled` their Σ mass · e^(loss here − loss):
  /// δ falls as ε rises, and between two losses is infinite + above − e^(ε − loss here) · scaled.
  func epsilon(delta: Double) -> Double {
    guard infinite <= delta else { return .infinity }
    let step = exp(-interval)
    var (above, scaled) = (0.0, 0.0)
    for i in masses.indices.reversed() {
      // Those above the next loss, and the next loss itself, seen from here.
      let loss = Double(first + i) * interval
      if infinite + above - scaled >= delta || loss <= 0 {
        guard infinite + above > delta else { return 0 }
        return max(0, loss + log((infinite + above - delta) / scaled))
      }
      above += masses[i]
      scaled = (scaled + masses[i]) * step
    }
    guard infinite + above > delta else { return 0 }
    // Below the smallest loss, as far under it as the last step went.
    return max(0, Double(first - 1) * interval + log((infinite + above - delta) / scaled))
  }

  /// δ at this ε: Σ (1 − e^(ε − loss)) over the losses above it.
  func delta(epsilon: Double) -> Double {
    var sum = infinite
    for (i, mass) in masses.enumerated() {
      let loss = Double(first + i) * interval
      if loss > epsilon { sum -= mass * expm1(epsilon - loss) }
    }
    return min(1, max(0, sum))
  }
}
