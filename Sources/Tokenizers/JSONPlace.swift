import Texts

/// A value of tokenizer.json with the path that leads to it, for errors that name it.
struct JSONPlace {
  let value: JSONValue
  let path: String

  /// The member of that name; `nil` when it is missing or null.
  subscript(name: String) -> JSONPlace? {
    guard let member = value[name], member != .null else { return nil }
    return JSONPlace(value: member, path: path.isEmpty ? name : "\(path).\(name)")
  }

  func member(_ name: String) throws(TokenizerError) -> JSONPlace {
    guard case .object = value else { throw wrong("an object") }
    guard let member = self[name] else { throw .missing(path: path.isEmpty ? name : "\(path).\(name)") }
    return member
  }

  func text() throws(TokenizerError) -> String {
    guard case .string(let text) = value else { throw wrong("text") }
    return text
  }

  func text(_ name: String) throws(TokenizerError) -> String { try member(name).text() }

  func flag(_ name: String, default: Bool) throws(TokenizerError) -> Bool {
    guard let member = self[name] else { return `default` }
    guard case .bool(let flag) = member.value else { throw member.wrong("a boolean") }
    return flag
  }

  func id() throws(TokenizerError) -> Int32 {
    guard case .number(let digits) = value else { throw wrong("an id") }
    guard let id = Int32(digits), id >= 0, id < Vocabulary.idLimit else {
      throw .invalid(path: path, problem: "an id is a whole number from 0 to \(Vocabulary.idLimit - 1)")
    }
    return id
  }

  func list() throws(TokenizerError) -> [JSONPlace] {
    guard case .array(let elements) = value else { throw wrong("a list") }
    return elements.enumerated().map { JSONPlace(value: $1, path: "\(path)[\($0)]") }
  }

  func wrong(_ expected: String) -> TokenizerError {
    .wrongType(path: path, expected: expected, found: value.kind)
  }

  func unsupported(_ what: String, known: [String]) -> TokenizerError {
    .unsupported(path: path, what: what, known: known)
  }
}
