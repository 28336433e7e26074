// Vectors as files and messages hold them: binary32, little-endian.

extension Collection<Float> {
  public var littleEndianBytes: [UInt8] { map(\.bitPattern.littleEndian).withUnsafeBytes { [UInt8]($0) } }
}

extension [Float] {
  /// - Parameter bytes: Four for each number.
  public init(littleEndianBytes bytes: UnsafeRawBufferPointer) {
    self = []
    append(littleEndianBytes: bytes)
  }

  mutating func append(littleEndianBytes bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count % 4 == 0)
    reserveCapacity(count + bytes.count / 4)
    for start in stride(from: 0, to: bytes.count, by: 4) {
      append(Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self))))
    }
  }
}
