import Schemas

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the next token is chosen from a model's logits.
public struct Sampling: Sendable, Hashable {
  /// The logits are divided by it; 0 always takes the most probable token, and then nothing else here matters.
  public var temperature: Double
  /// Only the so many most probable tokens are drawn from; nil for all.
  public var topK: Int?
  /// Only the most probable tokens that together reach this probability are drawn from; 1 for all.
  public var topP: Double
  /// The same seed, prompt, model and machine level give the same text.
  public var seed: UInt64

  public init(temperature: Double, topK: Int? = nil, topP: Double = 1, seed: UInt64 = 0) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
  }

  /// Always the most probable token, the first of equals.
  public static let greedy = Sampling(temperature: 0)

  public func validate() throws(ModelError) {
    guard temperature >= 0, temperature.isFinite else {
      throw .badSetting(name: "temperature", expected: "a number of at least 0", found: "\(temperature)")
    }
    if let topK, topK < 1 {
      throw .badSetting(name: "top-k", expected: "a whole number of at least 1", found: "\(topK)")
    }
    guard topP > 0, topP <= 1 else {
      throw .badSetting(name: "top-p", expected: "a number above 0 and at most 1", found: "\(topP)")
    }
  }
}

/// Draws tokens, one for each call, by the rules of a `Sampling`.
///
/// The order is that of Hugging Face's `generate`: temperature, then the k most probable, then the nucleus of what these
/// leave. Source of the nucleus: Holtzman et al., "The Curious Case of Neural Text Degeneration", arXiv:1904.09751,
/// section 3.1.
struct Sampler {
  private let sampling: Sampling
  private var generator: SplitMix64
  private var candidates: [Candidate] = []

  private struct Candidate {
    var token: Int32
    /// The logit, then exp((logit - largest) / temperature): a probability up to a common factor.
    var weight: Double

    /// The more probable first, the lower number of equals.
    static func precedes(_ a: Candidate, _ b: Candidate) -> Bool {
      a.weight > b.weight || (a.weight == b.weight && a.token < b.token)
    }
  }

  /// - Precondition: `sampling` has passed `validate()`.
  init(_ sampling: Sampling) {
    self.sampling = sampling
    generator = SplitMix64(state: sampling.seed)
  }

  /// - Parameter logits: One for each token of the vocabulary; not empty.
  mutating func token(from logits: Span<Float>) -> Int32 {
    var best = 0
    for i in logits.indices where logits[i] > logits[best] { best = i }
    guard sampling.temperature > 0, logits[best].isFinite else { return Int32(best) }

    candidates.removeAll(keepingCapacity: true)
    if let k = sampling.topK, k < logits.count {
      gatherBest(k, of: logits)
    } else {
      for i in logits.indices { candidates.append(Candidate(token: Int32(i), weight: Double(logits[i]))) }
    }
    var total = 0.0
    for i in candidates.indices {
      candidates[i].weight = exp((candidates[i].weight - Double(logits[best])) / sampling.temperature)
      total += candidates[i].weight
    }
    if sampling.topP < 1 { keepNucleus(of: total) }
    return draw()
  }

  /// The k largest logits: what beats the k-th best so far is kept, and cut back to k at twice as many.
  private mutating func gatherBest(_ k: Int, of logits: Span<Float>) {
    var bar = -Double.infinity
    for i in logits.indices where Double(logits[i]) > bar {
      candidates.append(Candidate(token: Int32(i), weight: Double(logits[i])))
      if candidates.count == 2 * k {
        candidates.sort(by: Candidate.precedes)
        candidates.removeLast(k)
        bar = candidates.last!.weight
      }
    }
    candidates.sort(by: Candidate.precedes)
    candidates.removeLast(max(0, candidates.count - k))
  }

  /// The shortest run of the most probable tokens that reaches `topP` of the whole.
  ///
  /// Of n tokens, those below (1 - topP)/n of the whole together lack what the others need to reach topP, so that the run
  /// ends before them and they need no sorting.
  private mutating func keepNucleus(of total: Double) {
    let floor = (1 - sampling.topP) / Double(candidates.count) * total
    candidates.removeAll { $0.weight < floor }
    candidates.sort(by: Candidate.precedes)
    var reached = 0.0
    for (index, candidate) in candidates.enumerated() {
      reached += candidate.weight
      if reached >= sampling.topP * total {
        candidates.removeLast(candidates.count - index - 1)
        return
      }
    }
  }

  private mutating func draw() -> Int32 {
    let total = candidates.reduce(0) { $0 + $1.weight }
    var left = Double(generator.next() >> 11) / Double(1 << 53) * total
    for candidate in candidates {
      left -= candidate.weight
      if left < 0 { return candidate.token }
    }
    return candidates.last!.token
  }
}
