/// `--name value` pairs, which a work asks for by name.
struct Options {
  enum Mistake: Error, CustomStringConvertible {
    case notAnOption(String)
    case noValue(String)
    case missing(String)
    case invalid(name: String, value: String)

    var description: String {
      switch self {
      case .notAnOption(let word): "expected --name value, found \"\(word)\""
      case .noValue(let name): "--\(name) has no value"
      case .missing(let name): "--\(name) is missing"
      case .invalid(let name, let value): "--\(name) cannot be \"\(value)\""
      }
    }
  }

  private var values: [String: String] = [:]

  init(_ words: ArraySlice<String>) throws(Mistake) {
    var rest = words
    while let word = rest.popFirst() {
      guard word.hasPrefix("--") else { throw .notAnOption(word) }
      let name = String(word.dropFirst(2))
      guard let value = rest.popFirst() else { throw .noValue(name) }
      values[name] = value
    }
  }

  func text(_ name: String) throws(Mistake) -> String {
    guard let value = values[name] else { throw .missing(name) }
    return value
  }

  func value<Value: LosslessStringConvertible>(_ name: String, _ type: Value.Type = Value.self) throws(Mistake) -> Value
  {
    let text = try text(name)
    guard let value = Value(text) else { throw .invalid(name: name, value: text) }
    return value
  }

  /// `name=a,b,c`
  func list<Value: LosslessStringConvertible>(_ name: String, _ type: Value.Type = Value.self) throws(Mistake)
    -> [Value]
  {
    let text = try text(name)
    let values = text.split(separator: ",", omittingEmptySubsequences: false).map { Value(String($0)) }
    guard !values.contains(where: { $0 == nil }) else { throw .invalid(name: name, value: text) }
    return values.compactMap(\.self)
  }

  /// One of an enumeration's words.
  func choice<Choice: RawRepresentable<String>>(_ name: String, _ type: Choice.Type = Choice.self) throws(Mistake)
    -> Choice
  {
    let text = try text(name)
    guard let choice = Choice(rawValue: text) else { throw .invalid(name: name, value: text) }
    return choice
  }

  /// Several of them, with commas.
  func choices<Choice: RawRepresentable<String>>(_ name: String, _ type: Choice.Type = Choice.self) throws(Mistake)
    -> [Choice]
  {
    let words: [String] = try list(name)
    return try words.map { word throws(Mistake) in
      guard let choice = Choice(rawValue: word) else { throw .invalid(name: name, value: word) }
      return choice
    }
  }
}
