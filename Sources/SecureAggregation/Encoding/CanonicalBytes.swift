/// The byte encoding of everything that is hashed or signed: integers little-endian with their full width, reals as
/// IEEE binary64, strings with a u32 length, fixed-size values bare, fields in the order given.
struct CanonicalBytes {
  private(set) var bytes: [UInt8] = []

  mutating func append<T: FixedWidthInteger>(_ value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func append(_ value: Double) {
    append(value.bitPattern)
  }

  mutating func append(_ text: String) {
    append(UInt32(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }

  mutating func append(_ digest: Digest) {
    bytes.append(contentsOf: digest.bytes)
  }

  /// Bytes whose length both sides know.
  mutating func append(fixed value: [UInt8]) {
    bytes.append(contentsOf: value)
  }
}

/// A domain label, u8 length and ASCII, in front of a message.
func labelled(_ label: String, _ message: [UInt8] = []) -> [UInt8] {
  precondition(label.utf8.count < 256 && label.utf8.allSatisfy { $0 < 128 }, "labels are short and ASCII")
  return [UInt8(label.utf8.count)] + Array(label.utf8) + message
}

/// The `info` of a derived key: label, then the u16 ranks that it belongs to.
func derivation(_ label: String, _ ranks: UInt16...) -> [UInt8] {
  var info = CanonicalBytes()
  info.append(fixed: labelled(label))
  for rank in ranks { info.append(rank) }
  return info.bytes
}
