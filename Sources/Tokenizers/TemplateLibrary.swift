import Texts

/// The filters, tests, functions and methods that chat templates use.
extension TemplateEvaluation {
  static let filters: Set<String> = [
    "trim", "length", "count", "upper", "lower", "title", "capitalize", "first", "last", "join", "default", "d",
    "string",
    "replace", "items", "list", "tojson", "select", "reject", "safe",
  ]
  static let tests: Set<String> = [
    "defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number", "integer", "boolean", "true",
    "false", "equalto", "eq",
  ]
  static let functions: Set<String> = ["raise_exception"]
  static let methods: Set<String> = [
    "strip", "lstrip", "rstrip", "upper", "lower", "title", "capitalize", "startswith", "endswith", "split", "replace",
    "items", "keys", "values", "get",
  ]

  func call(_ function: String, _ arguments: [TemplateValue], _ line: Int) throws(TokenizerError) -> TemplateValue {
    guard arguments.count == 1 else {
      throw .templateFails(line: line, problem: "\(function) takes one argument, not \(arguments.count)")
    }
    throw .templateRefuses(try text(of: arguments[0], line))
  }

  func filter(
    _ value: TemplateValue, _ name: String, _ arguments: [TemplateValue], _ options: [String: TemplateValue],
    _ line: Int
  ) throws(TokenizerError) -> TemplateValue {
    if let option = options.keys.sorted().first(where: { !(name == "tojson" && $0 == "indent" || $0 == "boolean") }) {
      throw .templateUnsupported(line: line, what: "the option \"\(option)\" of the filter \"\(name)\"")
    }
    switch name {
    case "default", "d":
      let replacesFalse = (arguments.count > 1 ? arguments[1] : options["boolean"] ?? .boolean(false)).isTrue
      if case .undefined = value { return arguments.first ?? .text("") }
      return replacesFalse && !value.isTrue ? arguments.first ?? .text("") : value
    case "string", "safe": return .text(try text(of: value, line))
    case "length", "count": return .integer(try elements(of: value, line).count)
    case "first": return try elements(of: value, line).first ?? .undefined
    case "last": return try elements(of: value, line).last ?? .undefined
    case "list": return .list(try elements(of: value, line))
    case "join":
      let separator = try arguments.first.map { value throws(TokenizerError) in try text(of: value, line) } ?? ""
      var parts: [String] = []
      for element in try elements(of: value, line) { parts.append(try text(of: element, line)) }
      return .text(parts.joined(separator: separator))
    case "select", "reject":
      guard case .text(let test)? = arguments.first, Self.tests.contains(test) else {
        throw .templateUnsupported(line: line, what: "the filter \"\(name)\" with such a test")
      }
      var kept: [TemplateValue] = []
      for element in try elements(of: value, line)
      where try self.test(element, test, Array(arguments.dropFirst()), line) == (name == "select") {
        kept.append(element)
      }
      return .list(kept)
    case "tojson":
      var indent: Int?
      if case .integer(let width)? = options["indent"] ?? arguments.first { indent = min(max(width, 0), 16) }
      return .text(try json(value, indent: indent, level: 0, line))
    case "items": return try call("items", of: value, [], line)
    case "trim": return try call("strip", of: .text(try text(of: value, line)), arguments, line)
    default: return try call(name, of: .text(try text(of: value, line)), arguments, line)
    }
  }

  func test(
    _ value: TemplateValue, _ name: String, _ arguments: [TemplateValue], _ line: Int
  ) throws(TokenizerError) -> Bool {
    switch (name, value) {
    case ("equalto", _), ("eq", _):
      guard arguments.count == 1 else { throw .templateFails(line: line, problem: "\(name) takes one argument") }
      return value == arguments[0]
    case ("defined", .undefined): return false
    case ("defined", _): return true
    case ("undefined", .undefined), ("none", .none), ("string", .text), ("mapping", .mapping), ("boolean", .boolean),
      ("integer", .integer), ("number", .integer), ("number", .boolean), ("true", .boolean(true)),
      ("false", .boolean(false)):
      return true
    case ("iterable", .text), ("iterable", .list), ("iterable", .mapping), ("iterable", .undefined),
      ("sequence", .text), ("sequence", .list), ("sequence", .mapping), ("sequence", .undefined):
      return true
    default: return false
    }
  }

  func call(
    _ method: String, of value: TemplateValue, _ arguments: [TemplateValue], _ line: Int
  ) throws(TokenizerError) -> TemplateValue {
    func argument(_ index: Int) throws(TokenizerError) -> String {
      guard index < arguments.count, case .text(let text) = arguments[index] else {
        throw .templateFails(line: line, problem: "\(method) needs a text")
      }
      return text
    }
    switch (method, value) {
    case ("items", .mapping(let members)): return .list(members.map { .list([.text($0.name), $0.value]) })
    case ("keys", .mapping(let members)): return .list(members.map { .text($0.name) })
    case ("values", .mapping(let members)): return .list(members.map(\.value))
    case ("get", .mapping(let members)):
      let name = try argument(0)
      return members.first { $0.name == name }?.value ?? (arguments.count > 1 ? arguments[1] : .none)
    case ("strip", .text(let text)), ("lstrip", .text(let text)), ("rstrip", .text(let text)):
      let dropped = arguments.isEmpty || arguments[0] == .none ? nil : Set(try argument(0).unicodeScalars)
      func isDropped(_ scalar: Unicode.Scalar) -> Bool { dropped?.contains(scalar) ?? Self.isPythonSpace(scalar) }
      var scalars = text.unicodeScalars[...]
      if method != "rstrip" { scalars = scalars.drop(while: isDropped) }
      if method != "lstrip" { while let last = scalars.last, isDropped(last) { scalars.removeLast() } }
      return .text(String(scalars))
    case ("upper", .text(let text)): return .text(text.uppercased())
    case ("lower", .text(let text)): return .text(text.lowercased())
    case ("capitalize", .text(let text)): return .text(text.prefix(1).uppercased() + text.dropFirst().lowercased())
    case ("title", .text(let text)):
      var isInside = false
      return .text(
        text.reduce(into: "") { title, character in
          title += isInside ? character.lowercased() : character.uppercased()
          isInside = character.isLetter
        })
    case ("startswith", .text(let text)): return .boolean(text.utf8.starts(with: try argument(0).utf8))
    case ("endswith", .text(let text)):
      return .boolean(text.utf8.reversed().starts(with: try argument(0).utf8.reversed()))
    case ("split", .text(let text)):
      if arguments.isEmpty {
        return .list(text.unicodeScalars.split(whereSeparator: Self.isPythonSpace).map { .text(String($0)) })
      }
      guard arguments.count == 1, !(try argument(0).isEmpty) else {
        throw .templateUnsupported(line: line, what: "split with these arguments")
      }
      return .list(Self.split(text, at: try argument(0)).map { .text($0) })
    case ("replace", .text(let text)):
      guard arguments.count == 2, !(try argument(0).isEmpty) else {
        throw .templateUnsupported(line: line, what: "replace with these arguments")
      }
      let parts = Self.split(text, at: try argument(0))
      let replacement = try argument(1)
      guard parts.count * replacement.utf8.count + text.utf8.count < 1 << 24 else {
        throw .templateFails(line: line, problem: "the template makes too much text")
      }
      return .text(parts.joined(separator: replacement))
    default: throw .templateFails(line: line, problem: "\(value.kind) has no method \"\(method)\"")
    }
  }

  /// `str.isspace` of Python: what has the property White_Space, and four separators of ASCII.
  private static func isPythonSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
  }

  private static func split(_ text: String, at separator: String) -> [String] {
    let (text, separator) = (Array(text.utf8), Array(separator.utf8))
    var parts: [String] = []
    var start = 0
    var place = 0
    while place + separator.count <= text.count {
      if text[place...].starts(with: separator) {
        parts.append(String(decoding: text[start..<place], as: UTF8.self))
        place += separator.count
        start = place
      } else {
        place += 1
      }
    }
    return parts + [String(decoding: text[start...], as: UTF8.self)]
  }

  /// As `json.dumps` writes it with `ensure_ascii=False`.
  private func json(
    _ value: TemplateValue, indent: Int?, level: Int, _ line: Int
  ) throws(TokenizerError) -> String {
    func enclosed(_ parts: [String], _ open: String, _ close: String) -> String {
      guard let indent, !parts.isEmpty else { return open + parts.joined(separator: ", ") + close }
      let margin = "\n" + String(repeating: " ", count: indent * level)
      let inner = margin + String(repeating: " ", count: indent)
      return open + inner + parts.joined(separator: "," + inner) + margin + close
    }
    func quoted(_ text: String) -> String {
      String(decoding: JSONValue.string(text).encoded(sortingMembers: false), as: UTF8.self)
    }
    switch value {
    case .none: return "null"
    case .boolean(let value): return value ? "true" : "false"
    case .integer(let value): return String(value)
    case .text(let text): return quoted(text)
    case .list(let elements):
      var parts: [String] = []
      for element in elements { parts.append(try json(element, indent: indent, level: level + 1, line)) }
      return enclosed(parts, "[", "]")
    case .mapping(let members):
      var parts: [String] = []
      for (name, member) in members {
        parts.append(quoted(name) + ": " + (try json(member, indent: indent, level: level + 1, line)))
      }
      return enclosed(parts, "{", "}")
    case .undefined: throw .templateFails(line: line, problem: "something undefined as JSON")
    }
  }
}
