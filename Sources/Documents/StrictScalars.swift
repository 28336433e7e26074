/// How a single value is read: strictly the type that was asked for.
extension StrictDecoder {
  var isNull: Bool {
    if case .null = node.content { true } else { false }
  }

  func bool() throws(DocumentError) -> Bool {
    switch node.content {
    case .bool(let value): return value
    case .plain("true"): return true
    case .plain("false"): return false
    default: throw mismatch("true or false")
    }
  }

  func text() throws(DocumentError) -> String {
    switch node.content {
    case .text(let text), .plain(let text): return text
    default: throw mismatch("text")
    }
  }

  func integer<T: FixedWidthInteger>(_ type: T.Type) throws(DocumentError) -> T {
    guard let digits, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2D }) else {
      throw mismatch("a whole number")
    }
    guard let value = T(digits) else { throw mismatch("a whole number from \(T.min) to \(T.max)") }
    return value
  }

  func real<T: BinaryFloatingPoint & LosslessStringConvertible>(_ type: T.Type) throws(DocumentError) -> T {
    let letters = "0123456789+-.eE".utf8
    guard let digits, digits.utf8.allSatisfy(letters.contains), let value = T(digits), value.isFinite else {
      throw mismatch("a finite number")
    }
    return value
  }

  private var digits: String? {
    switch node.content {
    case .plain(let text), .number(let text): text
    default: nil
    }
  }
}

/// The container of a value that is no mapping and no list, or of one that is passed on whole.
struct SingleNode: SingleValueDecodingContainer {
  let decoder: StrictDecoder
  var codingPath: [any CodingKey] { decoder.codingPath }

  func decodeNil() -> Bool { decoder.isNull }
  func decode(_: Bool.Type) throws -> Bool { try decoder.bool() }
  func decode(_: String.Type) throws -> String { try decoder.text() }
  func decode(_ type: Double.Type) throws -> Double { try decoder.real(type) }
  func decode(_ type: Float.Type) throws -> Float { try decoder.real(type) }
  func decode(_ type: Int.Type) throws -> Int { try decoder.integer(type) }
  func decode(_ type: Int8.Type) throws -> Int8 { try decoder.integer(type) }
  func decode(_ type: Int16.Type) throws -> Int16 { try decoder.integer(type) }
  func decode(_ type: Int32.Type) throws -> Int32 { try decoder.integer(type) }
  func decode(_ type: Int64.Type) throws -> Int64 { try decoder.integer(type) }
  func decode(_ type: UInt.Type) throws -> UInt { try decoder.integer(type) }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try decoder.integer(type) }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try decoder.integer(type) }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try decoder.integer(type) }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try decoder.integer(type) }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.decodeValue(type) }
}
