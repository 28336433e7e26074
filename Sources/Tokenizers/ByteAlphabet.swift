/// The printable stand-ins of bytes in the vocabularies of byte-level BPE.
///
/// A byte that is a printable character of Latin-1 stands for itself, the other 68 stand from U+0100 on, in their order:
/// a space is written `Ġ`. Source: `bytes_to_unicode` of GPT-2's encoder.
enum ByteAlphabet {
  private static let isPrintable: [Bool] = (0..<256).map { byte in
    (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
  }

  /// By scalar; -1 for those that are no stand-in.
  private static let bytes: [Int16] = {
    var table = [Int16](repeating: -1, count: 0x100 + 68)
    var next = 0x100
    for byte in 0..<256 {
      if isPrintable[byte] {
        table[byte] = Int16(byte)
      } else {
        table[next] = Int16(byte)
        next += 1
      }
    }
    return table
  }()

  /// The bytes that a token stands for, and `nil` if it has a character outside the alphabet.
  static func bytes(of token: String) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(token.utf8.count)
    for scalar in token.unicodeScalars {
      guard scalar.value < bytes.count, bytes[Int(scalar.value)] >= 0 else { return nil }
      result.append(UInt8(bytes[Int(scalar.value)]))
    }
    return result
  }
}
