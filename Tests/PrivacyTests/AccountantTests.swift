import Foundation
import Testing

@testable import Privacy

/// Points whose ε `Benchmarks/reference/privacy.py` computed with Google's dp-accounting 0.6.0.
struct ReferencePoint: Decodable, CustomStringConvertible {
  var sigma, rate, delta, rdp, pld: Double
  var steps: Int

  var description: String { "σ \(sigma), q \(rate), \(steps) steps, δ \(delta)" }

  static let all: [ReferencePoint] = {
    let file = Bundle.module.url(forResource: "dp-accounting", withExtension: "json")!
    return try! JSONDecoder().decode([ReferencePoint].self, from: Data(contentsOf: file))
  }()
}

@Suite("Accountants")
struct AccountantTests {
  @Test("Neither accountant is below dp-accounting, nor more than 1% above it", arguments: ReferencePoint.all)
  func reference(point: ReferencePoint) throws {
    let step = try SampledGaussian(noiseMultiplier: point.sigma, samplingRate: point.rate)
    var renyi = RenyiAccountant()
    renyi.compose(step, times: point.steps)
    var exact = PrivacyAccountant()
    try exact.compose(step, times: point.steps)
    for (found, expected) in [
      (renyi.epsilon(delta: point.delta), point.rdp), (try exact.epsilon(delta: point.delta), point.pld),
    ] {
      #expect(found >= expected - 1e-6)
      #expect(found <= 1.01 * expected)
    }
  }

  @Test("One Gaussian step has the δ of the closed formula, and no less")
  func closedForm() throws {
    // Balle and Wang, arXiv:1805.06530, theorem 8: δ = Φ(1/2σ − εσ) − e^ε Φ(−1/2σ − εσ).
    for (sigma, epsilon) in [(1.0, 1.0), (2.0, 0.5), (0.7, 3.0), (5.0, 0.1)] {
      var accountant = PrivacyAccountant()
      try accountant.compose(SampledGaussian(noiseMultiplier: sigma, samplingRate: 1), times: 1)
      let expected =
        normalTail(epsilon * sigma - 1 / (2 * sigma)) - exp(epsilon) * normalTail(epsilon * sigma + 1 / (2 * sigma))
      let found = accountant.delta(epsilon: epsilon)
      #expect(found >= expected)
      #expect(found <= expected * 1.0001)
      #expect(abs(try accountant.epsilon(delta: expected) - epsilon) < 1e-4)
    }
  }

  @Test("However large a loss is, it is that of the closed formula and never less: a hostile plan must not look free")
  func largeLosses() throws {
    // ε of Gaussian steps at μ = √n / σ by theorem 8 of arXiv:1805.06530, solved with SciPy's logarithm of the normal tail.
    let expected: [(sigma: Double, steps: Int, delta: Double, epsilon: Double)] = [
      (0.5, 300, 1e-5, 746.7972855236619), (0.5, 300, 1e-7, 779.1788204734077), (0.7, 300, 1e-5, 410.7288886146899),
      (0.5, 3000, 1e-5, 6466.214379266369), (0.7, 3000, 1e-5, 3393.9618234041964),
      (1, 3000, 1e-7, 1783.8241935316166),
    ]
    for point in expected {
      var accountant = PrivacyAccountant()
      try accountant.compose(SampledGaussian(noiseMultiplier: point.sigma, samplingRate: 1), times: point.steps)
      let found = try accountant.epsilon(delta: point.delta)
      #expect(found >= point.epsilon - 1e-6)
      #expect(found <= point.epsilon * 1.01)
    }
    // Beyond every window: more than any budget, and not a number that looks like none.
    var absurd = PrivacyAccountant()
    try absurd.compose(SampledGaussian(noiseMultiplier: 0.1, samplingRate: 1), times: 100_000_000)
    #expect(try absurd.epsilon(delta: 1e-9) > 1e6)
  }

  @Test("More steps never cost less", arguments: [(0.5, 1.0), (1.0, 0.01), (0.3, 0.5)])
  func monotonic(sigma: Double, rate: Double) throws {
    var last = 0.0
    for power in 0..<7 {
      var accountant = PrivacyAccountant()
      try accountant.compose(
        SampledGaussian(noiseMultiplier: sigma, samplingRate: rate), times: 1 << (2 * power))
      let epsilon = try accountant.epsilon(delta: 1e-6)
      #expect(epsilon > last)
      last = epsilon
    }
  }

  @Test("n full steps of deviation σ are one of deviation σ/√n")
  func compositionOfGaussians() throws {
    var many = PrivacyAccountant()
    try many.compose(SampledGaussian(noiseMultiplier: 6, samplingRate: 1), times: 9)
    var one = PrivacyAccountant()
    try one.compose(SampledGaussian(noiseMultiplier: 2, samplingRate: 1), times: 1)
    let (composed, single) = (try many.epsilon(delta: 1e-6), try one.epsilon(delta: 1e-6))
    #expect(composed >= single - 1e-6)
    #expect(composed < single * 1.001)
  }

  @Test("Different steps compose: their order does not matter, and each adds to the loss")
  func mixedSteps() throws {
    let (a, b) = (
      try SampledGaussian(noiseMultiplier: 1, samplingRate: 0.02),
      try SampledGaussian(noiseMultiplier: 2, samplingRate: 0.3)
    )
    var first = PrivacyAccountant()
    try first.compose(a, times: 100)
    let alone = try first.epsilon(delta: 1e-5)
    try first.compose(b, times: 10)
    var second = PrivacyAccountant()
    try second.compose(b, times: 10)
    let other = try second.epsilon(delta: 1e-5)
    try second.compose(a, times: 100)
    let both = try first.epsilon(delta: 1e-5)
    #expect(both == (try second.epsilon(delta: 1e-5)))
    #expect(both > max(alone, other))
    #expect(both < alone + other)
  }

  @Test("Nothing composed costs nothing; a δ below what rounding allows is refused")
  func edges() throws {
    #expect(try PrivacyAccountant().epsilon(delta: 1e-5) == 0)
    #expect(throws: PrivacyError.self) { try PrivacyAccountant().epsilon(delta: 1e-12) }
    #expect(throws: PrivacyError.self) { try SampledGaussian(noiseMultiplier: 0, samplingRate: 0.1) }
    #expect(throws: PrivacyError.self) { try SampledGaussian(noiseMultiplier: 1, samplingRate: .nan) }
    var accountant = PrivacyAccountant()
    let step = try SampledGaussian(noiseMultiplier: 1, samplingRate: 0.1)
    #expect(throws: PrivacyError.self) { try accountant.compose(step, times: .max) }
    #expect(accountant.steps.isEmpty)
  }

  @Test("The Rényi divergence of whole orders is the finite sum of Mironov, Talwar and Zhang, section 3.3")
  func renyiSum() throws {
    for (sigma, q) in [(1.0, 0.01), (0.7, 0.2), (4, 0.5)] {
      for order in [2.0, 5, 17] {
        var sum = 0.0
        for k in 0...Int(order) {
          let choose = exp(lgamma(order + 1) - lgamma(Double(k) + 1) - lgamma(order - Double(k) + 1))
          sum +=
            choose * pow(1 - q, order - Double(k)) * pow(q, Double(k)) * exp(Double(k * k - k) / (2 * sigma * sigma))
        }
        let found = RenyiAccountant.divergence(
          of: try SampledGaussian(noiseMultiplier: sigma, samplingRate: q), order: order)
        #expect(abs(found - log(sum) / (order - 1)) < 1e-10 * max(1, found))
      }
    }
  }

  @Test("A calibrated noise keeps its target, and a part in a hundred less does not")
  func calibration() throws {
    for (epsilon, rate, steps) in [(8.0, 0.05, 200), (1.0, 0.01, 500)] {
      let sigma = try Calibration.noiseMultiplier(epsilon: epsilon, delta: 1e-5, samplingRate: rate, steps: steps)
      func spent(_ sigma: Double) throws -> Double {
        var accountant = PrivacyAccountant()
        try accountant.compose(SampledGaussian(noiseMultiplier: sigma, samplingRate: rate), times: steps)
        return try accountant.epsilon(delta: 1e-5)
      }
      #expect(try spent(sigma) <= epsilon)
      #expect(try spent(sigma * 0.99) > epsilon)
    }
    #expect(throws: PrivacyError.self) {
      try Calibration.noiseMultiplier(epsilon: 0, delta: 1e-5, samplingRate: 0.1, steps: 1)
    }
  }

  @Test("The transform is the plain sum of its definition, and its inverse takes it back")
  func fourier() {
    for count in [1, 2, 8, 64] {
      var generator = SeededWords(1)
      let x = (0..<count).map { _ in generator.unit() - 0.5 }
      var (real, imaginary) = (x, [Double](repeating: 0, count: count))
      let transform = FourierTransform(count: count)
      transform.transform(&real, &imaginary)
      for k in 0..<count {
        let angles = (0..<count).map { -2 * Double.pi * Double($0 * k) / Double(count) }
        #expect(abs(real[k] - zip(x, angles).reduce(0) { $0 + $1.0 * cos($1.1) }) < 1e-12)
        #expect(abs(imaginary[k] - zip(x, angles).reduce(0) { $0 + $1.0 * sin($1.1) }) < 1e-12)
      }
      transform.transform(&real, &imaginary, inverse: true)
      for k in 0..<count { #expect(abs(real[k] - x[k]) < 1e-12 && abs(imaginary[k]) < 1e-12) }
    }
  }
}
