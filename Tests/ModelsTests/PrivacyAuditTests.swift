import Foundation
import Privacy
import Schemas
import Tensors
import Testing

@testable import Models

/// An empirical audit: many trainings with and without one planted row, told apart by what they made of the model.
///
/// The planted row alone has a feature, so that the weight of this feature is all that knows of it. Whoever guesses that the
/// row was there when the weight has moved further than a threshold is right with probability TPR and wrong with FPR, and
/// (ε, δ)-differential privacy says that TPR ≤ e^ε FPR + δ. Bounds of both by Clopper and Pearson give a lower bound of ε.
///
/// Source: Jagielski, Ullman and Oprea, "Auditing Differentially Private Machine Learning", arXiv:2006.07709, section 4.
private struct Audit {
  var rate: Double
  var steps: Int
  var delta: Double
  /// Trainings of each kind, half of which choose the threshold.
  var trainings: Int
  /// The probability that one of the two bounds does not hold is at most twice this.
  let doubt = 0.005

  private static let shape = NetworkShape(inputs: 1, hidden: [], activation: .relu, outputs: 1)
  private static let others = 3

  /// How far the planted feature's weight moved, in clip norms of the sum.
  private func score(planted: Bool, noise: Double, seed: UInt64) throws -> Double {
    let features: [Float] = (planted ? [1000] : []) + [Float](repeating: 0, count: Self.others)
    let examples = Examples(
      features: features, labels: (planted ? [1] : []) + [0, 1, 0], rowCount: features.count, featureCount: 1)
    // So small a rate leaves the model where it is, and every gradient of the planted row is far above the bound.
    let recipe = TrainingRecipe(optimizer: .sgd, learningRate: 1e-9)
    let trained = try LocalTraining.train(
      Parameters(layout: Self.shape.layout), shape: Self.shape, on: examples, recipe: recipe,
      privately: .seeded(clip: 1, noise: noise, rate: rate, steps: steps, seed: seed))
    let weight = trained.values[Self.shape.layout.range(of: "layers.0.weight")!][0]
    return Double(weight) * 1e9 * rate * Double(features.count)
  }

  /// A lower bound of ε for trainings with that noise.
  func lowerBound(noise: Double, seed: UInt64) throws -> Double {
    let with = try (0..<trainings).map { try score(planted: true, noise: noise, seed: seed &+ UInt64($0) << 32) }
    let without = try (0..<trainings).map {
      try score(planted: false, noise: noise, seed: seed &+ UInt64($0) << 32 &+ 1)
    }
    let half = trainings / 2
    // The threshold that one guess in fifty passes without the row, by the first half; the second half is judged by it.
    let threshold = without[..<half].sorted()[half - half / 50]
    let hits = with[half...].count { $0 > threshold }
    let falseAlarms = without[half...].count { $0 > threshold }
    let lowest = Self.proportion(atLeast: hits, of: half, doubt: doubt)
    let highest = 1 - Self.proportion(atLeast: half - falseAlarms, of: half, doubt: doubt)
    return lowest > delta ? max(0, log((lowest - delta) / highest)) : 0
  }

  /// The least probability with which so many successes or more have a probability of `doubt`.
  static func proportion(atLeast successes: Int, of trials: Int, doubt: Double) -> Double {
    guard successes > 0 else { return 0 }
    func tail(_ p: Double) -> Double {
      (successes...trials).reduce(0) { sum, k in
        let choose = lgamma(Double(trials + 1)) - lgamma(Double(k + 1)) - lgamma(Double(trials - k + 1))
        return sum + exp(choose + Double(k) * log(p) + Double(trials - k) * log1p(-p))
      }
    }
    var (low, high) = (0.0, 1.0)
    for _ in 0..<40 {
      let middle = (low + high) / 2
      if tail(middle) < doubt { low = middle } else { high = middle }
    }
    return low
  }

  /// What the accountant claims for that noise.
  func claim(noise: Double) throws -> Double {
    var accountant = PrivacyAccountant()
    try accountant.compose(SampledGaussian(noiseMultiplier: noise, samplingRate: rate), times: steps)
    return try accountant.epsilon(delta: delta)
  }
}

@Suite("Privacy audit")
struct PrivacyAuditTests {
  private static let audits = [
    Audit(rate: 1, steps: 4, delta: 0.01, trainings: 4000), Audit(rate: 0.5, steps: 8, delta: 0.01, trainings: 4000),
  ]

  @Test("What an audit finds stays under the claim, and half the noise is found out", arguments: audits.indices)
  func audit(index: Int) throws {
    let audit = Self.audits[index]
    let claim = try audit.claim(noise: 2)
    let honest = try audit.lowerBound(noise: 2, seed: 1)
    let halved = try audit.lowerBound(noise: 1, seed: 2)
    #expect(honest <= claim)
    // An audit that finds nothing would find no bug.
    #expect(honest > claim / 4)
    #expect(halved > claim)
  }

  @Test("The bound of a proportion is that of Clopper and Pearson")
  func proportion() {
    // None of n: 0. All of n: doubt^(1/n). 5 of 10 at 0.025: 0.1871 (Clopper and Pearson, 1934).
    #expect(Audit.proportion(atLeast: 0, of: 10, doubt: 0.025) == 0)
    #expect(abs(Audit.proportion(atLeast: 10, of: 10, doubt: 0.025) - pow(0.025, 0.1)) < 1e-9)
    #expect(abs(Audit.proportion(atLeast: 5, of: 10, doubt: 0.025) - 0.1871) < 1e-4)
  }
}
