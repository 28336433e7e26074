/// Spreads the outputs of one Hadamard pass over the blocks of the next: y[p] = x[p·g mod D], with D the length and g a
/// stride coprime to D near D/φ, so that neighbours land far apart and every block of the second pass reads every
/// block of the first.
public enum Transposition {
  /// The least integer ≥ ⌊D·0x9E3779B9 / 2³²⌋ that is coprime to D.
  public static func stride(count: Int) -> Int {
    precondition(count > 0 && count <= Int(UInt32.max))
    var candidate = Int((UInt64(count) * 0x9E37_79B9) >> 32)
    while greatestCommonDivisor(candidate, count) != 1 { candidate += 1 }
    return candidate
  }

  /// y[p] = x[p·stride mod D].
  public static func forward(_ y: inout MutableSpan<Float>, x: Span<Float>, stride: Int) {
    precondition(y.count == x.count && stride >= 0 && (stride < x.count || x.count == 0))
    let count = x.count
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        var from = 0
        for p in 0..<count {
          y[p] = x[from]
          from += stride
          if from >= count { from -= count }
        }
      }
    }
  }

  /// The inverse of `forward`: y[p·stride mod D] = x[p].
  public static func inverse(_ y: inout MutableSpan<Double>, x: Span<Double>, stride: Int) {
    precondition(y.count == x.count && stride >= 0 && (stride < x.count || x.count == 0))
    let count = x.count
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        var to = 0
        for p in 0..<count {
          y[to] = x[p]
          to += stride
          if to >= count { to -= count }
        }
      }
    }
  }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
  var (a, b) = (a, b)
  while b != 0 { (a, b) = (b, a % b) }
  return a
}
