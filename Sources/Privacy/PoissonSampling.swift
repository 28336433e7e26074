/// Which examples a step takes: each with the same probability, independently of all others.
public struct PoissonSampling {
  private var words: RandomWords
  private let bound: UInt64?

  /// - Parameter rate: Above 0 and at most 1; rounded down to a multiple of 2^-64.
  public init(rate: Double, _ source: any SecretRandomness) {
    precondition(rate > 0 && rate <= 1)
    words = RandomWords(source)
    bound = rate < 1 ? UInt64((rate * 0x1p64).rounded(.down)) : nil
  }

  /// Replaces `rows` by those that are taken of `0..<count`, in their order.
  public mutating func draw(_ rows: inout [Int], of count: Int) {
    rows.removeAll(keepingCapacity: true)
    for row in 0..<count where isTaken() { rows.append(row) }
  }

  private mutating func isTaken() -> Bool {
    guard let bound else { return true }
    return words.word() < bound
  }
}
