/// A JSON value as it stands in a text: members keep their order and numbers keep their digits.
///
/// Numbers stay text because a `UInt64` does not survive a `Double`, and because the digest of a document must not depend
/// on how a number was read and printed again.
public indirect enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  /// The digits as they were written, for example `-1.5e3`; always valid JSON.
  case number(String)
  case string(String)
  case array([JSONValue])
  /// In the order of the text; no name occurs twice.
  case object([Member])

  public struct Member: Sendable, Hashable {
    public var name: String
    public var value: JSONValue

    public init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }
}

extension JSONValue {
  /// The member of that name of an object, and `nil` when there is none or this is no object.
  public subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }

  public var string: String? {
    if case .string(let text) = self { text } else { nil }
  }

  /// What this is, in the words of an error message.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .number: "a number"
    case .string: "text"
    case .array: "a list"
    case .object: "an object"
    }
  }
}

extension JSONValue {
  /// The text without whitespace, as UTF-8: members in their order, or sorted by the bytes of their names.
  ///
  /// Only `"`, `\` and control characters are escaped, so equal values have equal bytes.
  public func encoded(sortingMembers: Bool) -> [UInt8] {
    var bytes: [UInt8] = []
    write(into: &bytes, sorting: sortingMembers)
    return bytes
  }

  private func write(into bytes: inout [UInt8], sorting: Bool) {
    switch self {
    case .null: bytes += "null".utf8
    case .bool(let value): bytes += (value ? "true" : "false").utf8
    case .number(let digits): bytes += digits.utf8
    case .string(let text): Self.write(text, into: &bytes)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        element.write(into: &bytes, sorting: sorting)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      let ordered = sorting ? members.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) } : members
      bytes.append(UInt8(ascii: "{"))
      for (index, member) in ordered.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        Self.write(member.name, into: &bytes)
        bytes.append(UInt8(ascii: ":"))
        member.value.write(into: &bytes, sorting: sorting)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ text: String, into bytes: inout [UInt8]) {
    let hex = Array("0123456789abcdef".utf8)
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0x0A: bytes += "\\n".utf8
      case 0x0D: bytes += "\\r".utf8
      case 0x09: bytes += "\\t".utf8
      case 0..<0x20: bytes += "\\u00".utf8 + [hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
