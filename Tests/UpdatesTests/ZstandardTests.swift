import Compression
import Testing

/// Frames by hand, as RFC 8878 has them: magic, descriptor 0x20 (one segment) with a size of one byte, and a last block.
@Suite("Zstandard frames")
struct ZstandardTests {
  private static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
  /// A raw block of "hi": last (1) | raw (0 << 1) | size 2 << 3.
  private static let hi = magic + [0x20, 2, 0x11, 0, 0] + Array("hi".utf8)

  private func first(_ bytes: [UInt8], expecting count: Int) throws -> (content: [UInt8], frameBytes: Int) {
    try Zstandard.decompressFirst(of: bytes[...], expecting: count)
  }

  @Test("The first of two frames is read, and says where the second begins")
  func firstFrame() throws {
    let (content, length) = try first(Self.hi + Self.hi, expecting: 2)
    #expect(content == Array("hi".utf8))
    #expect(length == Self.hi.count)
  }

  @Test("What is compressed comes back, and numbers that repeat take fewer bytes")
  func roundTrip() throws {
    for bytes in [[], [7], [UInt8](repeating: 3, count: 100_000), (0..<100_000).map { UInt8($0 % 251) }] {
      let frame = Zstandard.compress(bytes)
      #expect(try first(frame, expecting: bytes.count).content == bytes)
      if bytes.count > 1 { #expect(frame.count < bytes.count / 50) }
    }
  }

  @Test("A frame of another size than expected is refused by what it states")
  func otherSize() {
    #expect(throws: CompressionError.wrongSize(expected: 3, stated: 2)) { try first(Self.hi, expecting: 3) }
    // 2^40 zeros in some bytes: an eight-byte size, and an RLE block that would begin to deliver them.
    let bomb = Self.magic + [0xE0, 0, 0, 0, 0, 0, 1, 0, 0, 0x03, 0, 0x10, 0]
    #expect(throws: CompressionError.wrongSize(expected: 2, stated: 1 << 40)) { try first(bomb, expecting: 2) }
  }

  @Test("A frame that holds more than it states is refused, and nothing is written past its size")
  func lie() {
    // States 2 bytes; its RLE block repeats one byte 2^17 times: last (1) | RLE (1 << 1) | 2^17 << 3.
    let lie = Self.magic + [0x20, 2, 0x03, 0, 0x10, 0]
    #expect(throws: CompressionError.malformed) { try first(lie, expecting: 2) }
  }

  @Test("Bytes that are no whole frame, or one of unknown size, are refused")
  func malformed() {
    // Descriptor 0: a window, and no size.
    let unsized = Self.magic + [0, 0x58, 0x11, 0, 0] + Array("hi".utf8)
    for bytes in [[], [1, 2, 3], Array(Self.hi.dropLast()), unsized, Array(Self.hi.dropFirst())] {
      #expect(throws: CompressionError.malformed) { try first(bytes, expecting: 2) }
    }
  }
}
