import Schemas

/// In which order an epoch walks the rows: a new permutation for each epoch, the same for the same seed everywhere.
///
/// The seed's bytes are folded into 64 bits by FNV-1a, which start SplitMix64; each permutation continues from the one
/// before by a Fisher-Yates shuffle. The order hides nothing, so a fast generator is enough.
struct BatchOrder {
  private(set) var rows: [Int]
  private var generator: SplitMix64

  init(rowCount: Int, seed: [UInt8]) {
    rows = Array(0..<rowCount)
    generator = SplitMix64(
      state: seed.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 })
  }

  mutating func shuffle() {
    guard rows.count > 1 else { return }
    for last in (1..<rows.count).reversed() {
      rows.swapAt(last, Int(below(UInt64(last) + 1)))
    }
  }

  /// Uniform in `0..<bound`, without bias: the upper half of a product, and another draw in the rare uneven cases.
  ///
  /// Source: Lemire, "Fast Random Integer Generation in an Interval", arXiv:1805.10941, algorithm 5. The standard
  /// library's `shuffle(using:)` is not used because its sequence is not promised to stay the same.
  private mutating func below(_ bound: UInt64) -> UInt64 {
    let uneven = (0 &- bound) % bound
    while true {
      let product = generator.next().multipliedFullWidth(by: bound)
      if product.low >= uneven { return product.high }
    }
  }
}
