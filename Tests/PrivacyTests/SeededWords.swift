@testable import Privacy

/// A stream that tests can repeat: SplitMix64, which hides nothing.
final class SeededRandomness: SecretRandomness {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  func read(into bytes: UnsafeMutableRawBufferPointer) {
    for start in stride(from: 0, to: bytes.count, by: 8) {
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      bytes.storeBytes(of: z ^ (z >> 31), toByteOffset: start, as: UInt64.self)
    }
  }
}

struct SeededWords {
  private var words: RandomWords

  init(_ seed: UInt64) { words = RandomWords(SeededRandomness(seed)) }

  mutating func unit() -> Double { words.unit() }
}
