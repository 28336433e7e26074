/// Unbiased rounding to a public grid, and back.
public enum Rounding {
  /// lanes[k] = ⌊fl64(x[k]) / step + r[k] / 2³²⌋ mod 2^bits, r[k] the k-th little-endian 32-bit word of `coins`.
  ///
  /// For uniform coins the expectation is x[k] / step to within 2⁻³², whatever x is. The floor is taken before the
  /// reduction, so that sums of lanes mod 2^bits are sums of the integers mod 2^bits.
  ///
  /// - Parameters: `coins` holds 4 bytes an element; |x[k] / step| stays below 2⁶², which the caller sees to.
  public static func stochastic(
    _ lanes: inout MutableSpan<UInt32>, x: Span<Float>, step: Double, bits: Int, coins: Span<UInt8>
  ) {
    precondition(lanes.count == x.count && coins.count == 4 * x.count && (1...32).contains(bits))
    let mask = UInt32(truncatingIfNeeded: UInt64(1) << UInt64(bits) - 1)
    x.withUnsafeBufferPointer { x in
      coins.withUnsafeBytes { coins in
        lanes.withUnsafeMutableBufferPointer { lanes in
          if !roundNarrow(lanes, x, step, mask, coins) { roundWide(lanes, x, step, mask, coins) }
        }
      }
    }
  }

  /// x[k] = ((lift(lanes[k]) · step) · numerator) / denominator in double precision, where the lift takes a lane mod
  /// 2^bits to [−2^(bits−1), 2^(bits−1)).
  ///
  /// - Returns: How many lifted lanes lie beyond 0.8 · 2^(bits−1), that is 5·|lift| > 2^(bits+1).
  public static func lift(
    _ x: inout MutableSpan<Double>, lanes: Span<UInt32>, bits: Int, step: Double, numerator: Double, denominator: Double
  ) -> Int {
    precondition(lanes.count == x.count && (1...32).contains(bits))
    let unused = UInt32(32 - bits)
    let bound = Int64(1) << Int64(bits + 1)
    var beyond = 0
    lanes.withUnsafeBufferPointer { lanes in
      x.withUnsafeMutableBufferPointer { x in
        for k in x.indices {
          let lifted = Int64(Int32(bitPattern: lanes[k] << unused) >> Int32(unused))
          if 5 * (lifted < 0 ? -lifted : lifted) > bound { beyond += 1 }
          x[k] = Double(lifted) * step * numerator / denominator
        }
      }
    }
    return beyond
  }
}

/// Numbers of 2⁵¹ and above in magnitude do not come out right; whether there were none.
///
/// A number plus 1.5·2⁵² has the nearest integer in its low bits, in two's complement. It is the floor or one above it.
private func roundNarrow(
  _ lanes: UnsafeMutableBufferPointer<UInt32>, _ x: UnsafeBufferPointer<Float>, _ step: Double, _ mask: UInt32,
  _ coins: UnsafeRawBufferPointer
) -> Bool {
  var wide: UInt64 = 0
  for k in lanes.indices {
    let value = scaled(x, k, step, coins)
    let shifted = value + 0x1.8p52
    let nearest = shifted - 0x1.8p52
    lanes[k] = (UInt32(truncatingIfNeeded: shifted.bitPattern) &- (nearest > value ? 1 : 0)) & mask
    wide |= value.magnitude < 0x1p51 ? 0 : 1
  }
  return wide == 0
}

private func roundWide(
  _ lanes: UnsafeMutableBufferPointer<UInt32>, _ x: UnsafeBufferPointer<Float>, _ step: Double, _ mask: UInt32,
  _ coins: UnsafeRawBufferPointer
) {
  for k in lanes.indices {
    let value = scaled(x, k, step, coins)
    let truncated = Int64(value)
    lanes[k] = UInt32(truncatingIfNeeded: truncated &- (Double(truncated) > value ? 1 : 0)) & mask
  }
}

@inline(always)
private func scaled(
  _ x: UnsafeBufferPointer<Float>, _ k: Int, _ step: Double, _ coins: UnsafeRawBufferPointer
) -> Double {
  let coin = UInt32(littleEndian: coins.loadUnaligned(fromByteOffset: 4 * k, as: UInt32.self))
  return Double(x[k]) / step + Double(coin) * 0x1p-32
}
