/// Random signs, given as bits: x[k] is negated where bit k is 1. Bit k is bit k mod 8 of byte k / 8.
///
/// Negation flips the sign bit of the number, so that zeros turn into negative zeros and nothing is ever rounded.
public enum Signs {
  /// - Parameter bits: At least ⌈x.count / 8⌉ bytes; later bits are not read.
  public static func apply(_ x: inout MutableSpan<Float>, bits: Span<UInt8>) {
    precondition(bits.count >= (x.count + 7) / 8)
    bits.withUnsafeBufferPointer { bits in
      x.withUnsafeMutableBufferPointer { x in
        guard let base = UnsafeMutableRawPointer(x.baseAddress) else { return }
        let select = SIMD8<UInt32>(1, 2, 4, 8, 16, 32, 64, 128)
        let whole = x.count / 8
        for byte in 0..<whole {
          let chosen = (SIMD8(repeating: UInt32(bits[byte])) & select) .!= 0
          let flips = SIMD8<UInt32>(repeating: 0).replacing(with: 0x8000_0000, where: chosen)
          let values = base.loadUnaligned(fromByteOffset: 32 * byte, as: SIMD8<UInt32>.self)
          base.storeBytes(of: values ^ flips, toByteOffset: 32 * byte, as: SIMD8<UInt32>.self)
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
        for k in x.indices {
          let flip = UInt64(bits[k >> 3] >> UInt8(k & 7) & 1) << 63
          x[k] = Double(bitPattern: x[k].bitPattern ^ flip)
        }
      }
    }
  }
}
