// Texts are UTF-8 bytes throughout this target: no `String` is made or walked while encoding.

extension Span<UInt8> {
  /// The scalar that begins at a place of valid UTF-8, and how many bytes it takes.
  @inline(__always)
  func scalar(at place: Int) -> (value: UInt32, length: Int) {
    let first = UInt32(self[place])
    if first < 0x80 { return (first, 1) }
    let second = UInt32(self[place + 1]) & 0x3F
    if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
    let third = UInt32(self[place + 2]) & 0x3F
    if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
    return ((first & 0x07) << 18 | second << 12 | third << 6 | UInt32(self[place + 3]) & 0x3F, 4)
  }

  /// The scalar that ends before a place of valid UTF-8, and how many bytes it takes.
  func scalar(before place: Int) -> (value: UInt32, length: Int) {
    var start = place - 1
    while self[start] & 0xC0 == 0x80 { start -= 1 }
    return scalar(at: start)
  }
}

extension [UInt8] {
  @inline(__always)
  mutating func append(scalar value: UInt32) {
    switch value {
    case ..<0x80: append(UInt8(value))
    case ..<0x800:
      append(UInt8(0xC0 | value >> 6))
      append(UInt8(0x80 | value & 0x3F))
    case ..<0x10000:
      append(UInt8(0xE0 | value >> 12))
      append(UInt8(0x80 | value >> 6 & 0x3F))
      append(UInt8(0x80 | value & 0x3F))
    default:
      append(UInt8(0xF0 | value >> 18))
      append(UInt8(0x80 | value >> 12 & 0x3F))
      append(UInt8(0x80 | value >> 6 & 0x3F))
      append(UInt8(0x80 | value & 0x3F))
    }
  }
}
