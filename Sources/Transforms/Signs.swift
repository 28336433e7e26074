/// Random signs, given as bits: x[k] is negated where bit k is 1. Bit k is bit k mod 8 of byte k / 8.
///
/// Negation flips the sign bit of the number, so that zeros turn into negative zeros and nothing is ever rounded.
public enum Signs {
  /// y[k] = ±fl32(fl64(x[k]) · factor), and ±0 behind the last element of x.
  ///
  /// - Parameter bits: At least ⌈y.count / 8⌉ bytes; later bits are not read.
  public static func scale(_ y: inout MutableSpan<Float>, x: Span<Float>, factor: Double, bits: Span<UInt8>) {
    precondition(x.count <= y.count && bits.count >= (y.count + 7) / 8)
    let count = x.count
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        for k in 0..<count { y[k] = Float(Double(x[k]) * factor) }
        for k in count..<y.count { y[k] = 0 }
      }
    }
    apply(&y, bits: bits)
  }

  /// - Parameter bits: At least ⌈x.count / 8⌉ bytes; later bits are not read.
  public static func apply(_ x: inout MutableSpan<Float>, bits: Span<UInt8>) {
    precondition(bits.count >= (x.count + 7) / 8)
    bits.withUnsafeBufferPointer { bits in
      x.withUnsafeMutableBufferPointer { x in
        let whole = x.count / 8
        for byte in 0..<whole {
          // A byte at a time, lowest bit first: eight shifts that the compiler unrolls.
          let signs = UInt32(bits[byte])
          for k in 0..<8 {
            let flip = (signs &>> UInt32(k)) &<< 31
            x[8 * byte + k] = Float(bitPattern: x[8 * byte + k].bitPattern ^ flip)
          }
        }
        for k in 8 * whole..<x.count where bits[k >> 3] >> UInt8(k & 7) & 1 == 1 { x[k].negate() }
      }
    }
  }

  /// - Parameter bits: At least ⌈x.count / 8⌉ bytes; later bits are not read.
  public static func apply(_ x: inout MutableSpan<Double>, bits: Span<UInt8>) {
    precondition(bits.count >= (x.count + 7) / 8)
    bits.withUnsafeBufferPointer { bits in
      x.withUnsafeMutableBufferPointer { x in
        let whole = x.count / 8
        for byte in 0..<whole {
          let signs = UInt64(bits[byte])
          for k in 0..<8 {
            let flip = (signs &>> UInt64(k)) &<< 63
            x[8 * byte + k] = Double(bitPattern: x[8 * byte + k].bitPattern ^ flip)
          }
        }
        for k in 8 * whole..<x.count where bits[k >> 3] >> UInt8(k & 7) & 1 == 1 { x[k].negate() }
      }
    }
  }
}
