/// GF(2^8) with the polynomial x^8 + x^4 + x^3 + x + 1 (0x11B), without branches or tables that depend on secrets.
package enum GaloisField {
  package static func multiply(_ a: UInt8, _ b: UInt8) -> UInt8 {
    var product: UInt8 = 0
    var power = a
    for bit in 0..<8 as Range<UInt8> {
      product ^= power & (0 &- (b >> bit & 1))
      power = power << 1 ^ 0x1B & (0 &- (power >> 7))
    }
    return product
  }

  /// a^254, which is the inverse of every a but 0, and 0 for 0.
  package static func invert(_ a: UInt8) -> UInt8 {
    var result: UInt8 = 1
    var power = a
    for _ in 0..<7 {
      power = multiply(power, power)
      result = multiply(result, power)
    }
    return result
  }

  /// Eight products by one scalar at once, one in each byte of a word.
  package static func multiply(_ word: UInt64, by scalar: UInt8) -> UInt64 {
    var product: UInt64 = 0
    var power = word
    for bit in 0..<8 as Range<UInt8> {
      product ^= power & (0 &- UInt64(scalar >> bit & 1))
      let carries = power >> 7 & 0x0101_0101_0101_0101
      power = (power & 0x7F7F_7F7F_7F7F_7F7F) << 1 ^ carries &* 0x1B
    }
    return product
  }
}
