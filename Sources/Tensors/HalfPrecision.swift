/// The two 16-bit floating-point formats as bits, to and from binary32. Rounding is to the nearest, ties to even.
public enum HalfPrecision {
  /// The value of an IEEE 754 binary16.
  ///
  /// Branch-free: normal numbers are rebiased; a subnormal's bits become the fraction of 2⁻¹⁴ · 1.f, less 2⁻¹⁴.
  @inline(__always)
  public static func float(binary16 bits: UInt16) -> Float {
    let magnitude = UInt32(bits & 0x7FFF) << 13
    let normal = magnitude &+ (magnitude >= 0x0F80_0000 ? 224 << 23 : 112 << 23)
    let subnormal = Float(bitPattern: magnitude | 113 << 23) - Float(bitPattern: 113 << 23)
    let value = magnitude < 1 << 23 ? subnormal.bitPattern : normal
    return Float(bitPattern: value | UInt32(bits & 0x8000) << 16)
  }

  /// The nearest binary16; what is too large becomes an infinity, and NaN the quiet one.
  ///
  /// Adding a power of two that is 2¹³ units of the result lets the addition itself round.
  ///
  /// Source: Marat Dukhan's FP16 library, `fp16_ieee_from_fp32_value`, as in ggml.
  @inline(__always)
  public static func binary16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let doubled = bits &+ bits
    let bias = max(doubled & 0xFF00_0000, 0x7100_0000)
    let clamped = (value.magnitude * Float(bitPattern: 239 << 23)) * Float(bitPattern: 17 << 23)
    let rounded = (Float(bitPattern: (bias >> 1) &+ 0x0780_0000) + clamped).bitPattern
    let magnitude = ((rounded >> 13) & 0x7C00) &+ (rounded & 0x0FFF)
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    return sign | (doubled > 0xFF00_0000 ? 0x7E00 : UInt16(truncatingIfNeeded: magnitude))
  }

  /// The value of a bfloat16: the upper half of a binary32.
  @inline(__always)
  public static func float(bfloat16 bits: UInt16) -> Float {
    Float(bitPattern: UInt32(bits) << 16)
  }

  /// The nearest bfloat16; NaN stays NaN, made quiet.
  @inline(__always)
  public static func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let rounded = (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16
    return UInt16(truncatingIfNeeded: value.isNaN ? bits >> 16 | 0x40 : rounded)
  }
}
