/// Why a text is not JSON, and where. It never quotes the text, which may hold private rows.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Problem: Sendable, Hashable {
    case unexpectedEnd
    case unexpectedByte
    case notUTF8
    case badEscape
    case badNumber
    case duplicateName
    case tooDeep(limit: Int)
    case textAfterValue
  }

  public let problem: Problem
  /// In bytes from the beginning of the text.
  public let offset: Int

  public var description: String {
    let what =
      switch problem {
      case .unexpectedEnd: "the text ends too early"
      case .unexpectedByte: "unexpected character"
      case .notUTF8: "text is not UTF-8"
      case .badEscape: "bad escape in a string"
      case .badNumber: "bad number"
      case .duplicateName: "the same name twice in one object"
      case .tooDeep(let limit): "nested deeper than \(limit) levels"
      case .textAfterValue: "something follows the value"
      }
    return "not valid JSON: \(what), at byte \(offset)"
  }
}

extension JSONValue {
  /// Reads one JSON text strictly (RFC 8259), from a writer that may be hostile.
  ///
  /// Refused besides malformed text: a name that occurs twice in one object, because readers disagree about which one
  /// counts, and nesting beyond `depthLimit`, because the parser and all that walk its result recurse.
  public init(parsing bytes: some Sequence<UInt8>, depthLimit: Int = 64) throws(JSONError) {
    var parser = JSONParser(bytes: Array(bytes), depthLimit: depthLimit)
    self = try parser.document()
  }
}

private struct JSONParser {
  let bytes: [UInt8]
  let depthLimit: Int
  var position = 0

  init(bytes: [UInt8], depthLimit: Int) {
    self.bytes = bytes
    self.depthLimit = depthLimit
  }

  mutating func document() throws(JSONError) -> JSONValue {
    let value = try value(depth: 0)
    skipWhitespace()
    guard position == bytes.count else { throw error(.textAfterValue) }
    return value
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard depth <= depthLimit else { throw error(.tooDeep(limit: depthLimit)) }
    skipWhitespace()
    switch try peek() {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .number(try number())
    }
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var members: [JSONValue.Member] = []
    var names: Set<[UInt8]> = []  // bytes, because equal strings may be different names: "é" and "e" with an accent
    skipWhitespace()
    if try peek() == UInt8(ascii: "}") {
      position += 1
      return .object([])
    }
    while true {
      skipWhitespace()
      let start = position
      guard try peek() == UInt8(ascii: "\"") else { throw error(.unexpectedByte) }
      let name = try string()
      guard names.insert(Array(name.utf8)).inserted else { throw JSONError(problem: .duplicateName, offset: start) }
      skipWhitespace()
      try expect(UInt8(ascii: ":"))
      members.append(.init(name, try value(depth: depth + 1)))
      skipWhitespace()
      if try peek() == UInt8(ascii: ",") {
        position += 1
      } else {
        try expect(UInt8(ascii: "}"))
        return .object(members)
      }
    }
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var elements: [JSONValue] = []
    skipWhitespace()
    if try peek() == UInt8(ascii: "]") {
      position += 1
      return .array([])
    }
    while true {
      elements.append(try value(depth: depth + 1))
      skipWhitespace()
      if try peek() == UInt8(ascii: ",") {
        position += 1
      } else {
        try expect(UInt8(ascii: "]"))
        return .array(elements)
      }
    }
  }

  private mutating func string() throws(JSONError) -> String {
    let start = position
    position += 1
    var text: [UInt8] = []
    while true {
      let byte = try peek()
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else {
          throw JSONError(problem: .notUTF8, offset: start)
        }
        return string
      case UInt8(ascii: "\\"):
        position += 1
        text += String(try escape()).utf8
      case 0..<0x20:
        throw error(.unexpectedByte)
      default:
        text.append(byte)
        position += 1
      }
    }
  }

  /// The scalar of an escape sequence whose backslash has been read; surrogates must come in pairs.
  private mutating func escape() throws(JSONError) -> Unicode.Scalar {
    let byte = try peek()
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let first = try fourHexDigits()
      if let scalar = Unicode.Scalar(first) { return scalar }
      guard (0xD800..<0xDC00).contains(first) else { throw error(.badEscape) }
      try expect(UInt8(ascii: "\\"))
      try expect(UInt8(ascii: "u"))
      let second = try fourHexDigits()
      guard (0xDC00..<0xE000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      else { throw error(.badEscape) }
      return scalar
    default: throw error(.badEscape)
    }
  }

  private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(try peek())).hexDigitValue else { throw error(.badEscape) }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  private mutating func number() throws(JSONError) -> String {
    let start = position
    if try peek() == UInt8(ascii: "-") { position += 1 }
    let first = try peek()
    guard digits() > 0 else { throw error(position == start ? .unexpectedByte : .badNumber) }
    if first == UInt8(ascii: "0"), position - start > (bytes[start] == UInt8(ascii: "-") ? 2 : 1) {
      throw JSONError(problem: .badNumber, offset: start)
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      position += 1
      guard digits() > 0 else { throw error(.badNumber) }
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      position += 1
      if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
        position += 1
      }
      guard digits() > 0 else { throw error(.badNumber) }
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func digits() -> Int {
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
    return position - start
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
    for byte in word.utf8 { try expect(byte) }
    return value
  }

  private mutating func skipWhitespace() {
    while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
  }

  private func peek() throws(JSONError) -> UInt8 {
    guard position < bytes.count else { throw error(.unexpectedEnd) }
    return bytes[position]
  }

  private mutating func expect(_ byte: UInt8) throws(JSONError) {
    guard try peek() == byte else { throw error(.unexpectedByte) }
    position += 1
  }

  private func error(_ problem: JSONError.Problem) -> JSONError {
    JSONError(problem: problem, offset: position)
  }
}
