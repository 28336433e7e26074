import Testing

@testable import Models

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Sampling")
struct SamplingTests {
  /// Logits whose softmax is 1/2, 1/4, 1/8 and 1/8, not in order.
  static let logits: [Float] = [log(0.125), log(0.5), log(0.125), log(0.25)].map { Float($0) + 3 }

  /// How often each token is drawn.
  static func counts(_ sampling: Sampling, draws: Int = 8000) -> [Int] {
    var sampler = Sampler(sampling)
    var counts = [Int](repeating: 0, count: logits.count)
    for _ in 0..<draws { counts[Int(sampler.token(from: logits.span))] += 1 }
    return counts
  }

  /// Within five standard deviations of the binomial counts.
  static func follows(_ counts: [Int], _ probabilities: [Double]) -> Bool {
    let n = Double(counts.reduce(0, +))
    return zip(counts, probabilities).allSatisfy { count, p in
      abs(Double(count) - n * p) <= 5 * (n * p * (1 - p)).squareRoot()
    }
  }

  @Test("Temperature 0 takes the largest logit, the first of equals")
  func greedy() {
    var sampler = Sampler(.greedy)
    #expect(sampler.token(from: Self.logits.span) == 1)
    #expect(sampler.token(from: ([0, 2, 2, 1] as [Float]).span) == 1)
    #expect(sampler.token(from: ([-.infinity, -3] as [Float]).span) == 1)
  }

  @Test("Temperature 1 draws each token with its probability, 2 with the square root's share")
  func temperature() {
    #expect(Self.follows(Self.counts(Sampling(temperature: 1)), [0.125, 0.5, 0.125, 0.25]))
    let roots = [0.125, 0.5, 0.125, 0.25].map { $0.squareRoot() }
    let whole = roots.reduce(0, +)
    #expect(Self.follows(Self.counts(Sampling(temperature: 2)), roots.map { $0 / whole }))
  }

  @Test("Top-k keeps the k most probable tokens, the lower number of equals")
  func topK() {
    #expect(Self.counts(Sampling(temperature: 1, topK: 1), draws: 50) == [0, 50, 0, 0])
    #expect(Self.follows(Self.counts(Sampling(temperature: 1, topK: 2)), [0, 2.0 / 3, 0, 1.0 / 3]))
    #expect(Self.follows(Self.counts(Sampling(temperature: 1, topK: 3)), [1.0 / 7, 4.0 / 7, 0, 2.0 / 7]))
    #expect(Self.follows(Self.counts(Sampling(temperature: 1, topK: 9)), [0.125, 0.5, 0.125, 0.25]))
  }

  @Test("Top-p keeps the shortest run of the most probable tokens that reaches p")
  func topP() {
    #expect(Self.follows(Self.counts(Sampling(temperature: 1, topP: 0.7)), [0, 2.0 / 3, 0, 1.0 / 3]))
    #expect(Self.counts(Sampling(temperature: 1, topP: 0.4), draws: 50) == [0, 50, 0, 0])
    // Of the two best, two thirds and one third: 0.6 is reached by the first alone.
    #expect(Self.counts(Sampling(temperature: 1, topK: 2, topP: 0.6), draws: 50) == [0, 50, 0, 0])
  }

  @Test("A large vocabulary's k best are those that sorting finds")
  func largeVocabulary() {
    let logits = (0..<5000).map { Float(($0 * 7919) % 5000) / 500 }
    let best = Set(logits.indices.sorted { logits[$0] > logits[$1] }.prefix(7).map(Int32.init))
    var sampler = Sampler(Sampling(temperature: 50, topK: 7, seed: 3))
    let drawn = Set((0..<500).map { _ in sampler.token(from: logits.span) })
    #expect(drawn == best)
  }

  @Test("The same seed draws the same tokens, another seed others")
  func seeds() {
    func draw(_ seed: UInt64) -> [Int32] {
      var sampler = Sampler(Sampling(temperature: 1, seed: seed))
      return (0..<40).map { _ in sampler.token(from: Self.logits.span) }
    }
    #expect(draw(1) == draw(1))
    #expect(draw(1) != draw(2))
  }

  @Test(
    "Settings outside their ranges are refused",
    arguments: [
      Sampling(temperature: -1), Sampling(temperature: .nan), Sampling(temperature: .infinity),
      Sampling(temperature: 1, topK: 0), Sampling(temperature: 1, topP: 0), Sampling(temperature: 1, topP: 1.1),
      Sampling(temperature: 1, topP: .nan),
    ])
  func refusals(sampling: Sampling) {
    #expect(throws: ModelError.self) { try sampling.validate() }
    #expect(throws: Never.self) { try Sampling(temperature: 0.7, topK: 40, topP: 1).validate() }
  }
}
