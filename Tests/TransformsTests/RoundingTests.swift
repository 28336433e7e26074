import Testing

@testable import Transforms

@Suite("Rounding")
struct RoundingTests {
  @Test("A value is rounded up exactly when coin and fraction reach the next integer")
  func byHand() {
    // 0.625 is 1.25 steps of 0.5: the coin must be at least 0.75. −0.625 is −1.25 steps: at least 0.25 to reach −1.
    #expect(rounded(0.625, coin: 0xBFFF_FFFF, bits: 8) == 1)
    #expect(rounded(0.625, coin: 0xC000_0000, bits: 8) == 2)
    #expect(rounded(-0.625, coin: 0x3FFF_FFFF, bits: 8) == 254)
    #expect(rounded(-0.625, coin: 0x4000_0000, bits: 8) == 255)
    #expect(rounded(-1, coin: 0xFFFF_FFFF, bits: 32) == 0xFFFF_FFFE)
    #expect(rounded(0, coin: 0xFFFF_FFFF, bits: 8) == 0)
    // 300 steps wrap around 8 bits.
    #expect(rounded(150, coin: 0, bits: 8) == 44)
    #expect(rounded(-150, coin: 0, bits: 9) == 212)
  }

  @Test("The floor is exact up to where doubles are integers, and one large value disturbs no other")
  func largeValues() {
    let x: [Float] = [0x1p60, -0x1p60, 0x1p51, -0x1p51, -0.25, 2.5, 0x1.fffffep50, -0x1.fffffep50]
    var lanes = [UInt32](repeating: 0, count: x.count)
    var span = lanes.mutableSpan
    Rounding.stochastic(&span, x: x.span, step: 1, bits: 32, coins: [UInt8](repeating: 0, count: 4 * x.count).span)
    #expect(lanes == x.map { UInt32(truncatingIfNeeded: Int64($0.rounded(.down))) })
  }

  @Test("Over evenly spread coins the mean of the rounded values is the value", arguments: [1.25, -0.3125, 7, -2.9375])
  func unbiased(steps: Double) {
    let count = 1 << 12
    let sum = (0..<count).reduce(0) { sum, k in
      sum + Int(Int32(bitPattern: rounded(Float(steps / 2), coin: UInt32(k) << 20, bits: 32)))
    }
    #expect(Double(sum) / Double(count) == steps)
  }

  @Test("Over random coins the mean of the rounded values is the value to within five deviations")
  func unbiasedOverCoins() {
    var generator = SplitMix64(state: 3)
    let count = 1 << 16
    let x = [Float](repeating: 0.3, count: count)
    var lanes = [UInt32](repeating: 0, count: count)
    var span = lanes.mutableSpan
    Rounding.stochastic(&span, x: x.span, step: 1, bits: 16, coins: generator.bytes(4 * count).span)
    let mean = Double(lanes.reduce(0) { $0 + Int($1) }) / Double(count)
    #expect(abs(mean - 0.3) < 5 * (0.3 * 0.7 / Double(count)).squareRoot())
  }

  @Test("The lift takes the upper half of the ring to the negative numbers")
  func lift() {
    #expect(lifted([0, 127, 128, 255], bits: 8) == [0, 127, -128, -1])
    #expect(lifted([255, 256, 511], bits: 9) == [255, -256, -1])
    #expect(lifted([0x7FFF_FFFF, 0x8000_0000], bits: 32) == [2_147_483_647, -2_147_483_648])
    // ((3 · 0.5) · 7) / 2
    #expect(lifted([3], bits: 8, step: 0.5, numerator: 7, denominator: 2) == [5.25])
  }

  @Test("Beyond 0.8 of the range are, in 8 bits, the integers from 103 on either side")
  func occupancy() {
    var x = [Double](repeating: 0, count: 6)
    var span = x.mutableSpan
    let lanes: [UInt32] = [102, 103, 127, 256 - 102, 256 - 103, 128]
    let beyond = Rounding.lift(&span, lanes: lanes.span, bits: 8, step: 1, numerator: 1, denominator: 1)
    #expect(beyond == 4)
  }

  @Test("Norms add in order in double precision, and show what is not finite")
  func norms() {
    #expect(Norms.squared(([3, 4] as [Float]).span) == 25)
    #expect(Norms.squared(([.greatestFiniteMagnitude, 1] as [Float]).span).isFinite)
    #expect(!Norms.squared(([0, .infinity] as [Float]).span).isFinite)
    #expect(Norms.squared(([.nan] as [Float]).span).isNaN)
    var y: [Float] = [1, -2]
    var span = y.mutableSpan
    Norms.scale(&span, by: 0.1)
    #expect(y == [Float(0.1), Float(-0.2)])
  }

  private func rounded(_ x: Float, coin: UInt32, bits: Int) -> UInt32 {
    var lanes: [UInt32] = [0]
    var span = lanes.mutableSpan
    let coins = withUnsafeBytes(of: coin.littleEndian) { Array($0) }
    Rounding.stochastic(&span, x: [x].span, step: 0.5, bits: bits, coins: coins.span)
    return lanes[0]
  }

  private func lifted(
    _ lanes: [UInt32], bits: Int, step: Double = 1, numerator: Double = 1, denominator: Double = 1
  ) -> [Double] {
    var x = [Double](repeating: 0, count: lanes.count)
    var span = x.mutableSpan
    _ = Rounding.lift(
      &span, lanes: lanes.span, bits: bits, step: step, numerator: numerator, denominator: denominator)
    return x
  }
}
