import Tensors
import Testing

struct HalfPrecisionTests {
  @Test("Every binary16 has the value of its sign, exponent and fraction")
  func everyBinary16() {
    for bits in UInt16.min...UInt16.max {
      let (exponent, fraction) = (Int(bits >> 10 & 31), Float(bits & 1023))
      let magnitude: Float =
        switch exponent {
        case 0: fraction * 0x1p-24
        case 31: fraction == 0 ? .infinity : .nan
        default: (1024 + fraction) * Float(sign: .plus, exponent: exponent - 25, significand: 1)
        }
      let value = HalfPrecision.float(binary16: bits)
      #expect(value.isNaN ? magnitude.isNaN : value.magnitude == magnitude)
      #expect((value.sign == .minus) == (bits >= 0x8000))
      // And back: NaN becomes the quiet one.
      #expect(HalfPrecision.binary16(value) == (value.isNaN ? bits & 0x8000 | 0x7E00 : bits))
    }
  }

  @Test("What lies between two binary16 goes to the nearer, and from the middle to the even one")
  func roundingToBinary16() {
    for bits in UInt16(0)..<0x7C00 {
      let low = HalfPrecision.float(binary16: bits)
      let high = bits == 0x7BFF ? 65536 : HalfPrecision.float(binary16: bits + 1)
      let middle = (low + high) / 2
      #expect(HalfPrecision.binary16(middle) == bits + bits % 2)
      #expect(HalfPrecision.binary16(middle.nextDown) == bits)
      #expect(HalfPrecision.binary16(-middle.nextUp) == 0x8000 | bits + 1)
    }
    #expect(HalfPrecision.binary16(.greatestFiniteMagnitude) == 0x7C00)
    #expect(HalfPrecision.binary16(.leastNonzeroMagnitude) == 0)
    #expect(HalfPrecision.binary16(-0.0) == 0x8000)
  }

  @Test("bfloat16 is the upper half of binary32, rounded to the nearest, ties to even")
  func bfloat16() {
    for bits in UInt16.min...UInt16.max {
      let value = HalfPrecision.float(bfloat16: bits)
      #expect(value.bitPattern == UInt32(bits) << 16)
      if !value.isNaN { #expect(HalfPrecision.bfloat16(value) == bits) }
    }
    // These four, the last of a subnormal, are what the gguf package 0.19 writes.
    #expect(HalfPrecision.bfloat16(1.003_906_25) == 0x3F80)
    #expect(HalfPrecision.bfloat16(1.011_718_75) == 0x3F82)
    #expect(HalfPrecision.bfloat16(-3e38) == 0xFF62)
    #expect(HalfPrecision.bfloat16(Float(bitPattern: 0x0001_16C2)) == 0x0001)
    #expect(HalfPrecision.bfloat16(.greatestFiniteMagnitude) == 0x7F80)
    #expect(HalfPrecision.float(bfloat16: HalfPrecision.bfloat16(.nan)).isNaN)
  }
}
