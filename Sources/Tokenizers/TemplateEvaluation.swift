/// Runs the statements of a template, with the rules of Jinja and the values of Python that it works on.
struct TemplateEvaluation {
  private(set) var output = ""
  /// The innermost scope is the last: a loop's body has its own, a branch has not.
  private var scopes: [[String: TemplateValue]]
  /// A template that came with a file must not keep us busy for ever, or double a text a thousand times.
  private var work = 0
  private let workLimit: Int

  /// - Parameter contentBytes: The size of all messages, in proportion to which a template may work.
  init(variables: [String: TemplateValue], contentBytes: Int) {
    scopes = [variables]
    workLimit = 1_000_000 + 64 * contentBytes
  }

  mutating func run(_ statements: [TemplateStatement]) throws(TokenizerError) {
    for statement in statements {
      switch statement {
      case .text(let text): output += text
      case .output(let expression):
        let text = try self.text(of: try value(expression), expression.line)
        try spend(text.utf8.count, expression.line)
        output += text
      case .set(let name, let expression):
        scopes[scopes.count - 1][name] = try value(expression)
      case .conditional(let branches):
        for (condition, body) in branches {
          guard try condition.map({ condition throws(TokenizerError) in try value(condition).isTrue }) ?? true else {
            continue
          }
          try run(body)
          break
        }
      case .loop(let names, let over, let body, let otherwise):
        let elements = try elements(of: try value(over), over.line)
        for (index, element) in elements.enumerated() {
          try spend(16, over.line)
          scopes.append(try loopVariables(names, element, index, elements, over.line))
          try run(body)
          scopes.removeLast()
        }
        if elements.isEmpty { try run(otherwise) }
      }
    }
  }

  private mutating func spend(_ amount: Int, _ line: Int) throws(TokenizerError) {
    work += amount
    guard work <= workLimit else { throw .templateFails(line: line, problem: "the template makes too much text") }
  }

  private func loopVariables(
    _ names: [String], _ element: TemplateValue, _ index: Int, _ elements: [TemplateValue], _ line: Int
  ) throws(TokenizerError) -> [String: TemplateValue] {
    var scope: [String: TemplateValue] = [
      "loop": .mapping([
        ("index", .integer(index + 1)), ("index0", .integer(index)), ("first", .boolean(index == 0)),
        ("last", .boolean(index == elements.count - 1)), ("length", .integer(elements.count)),
        ("revindex", .integer(elements.count - index)), ("revindex0", .integer(elements.count - index - 1)),
        ("previtem", index > 0 ? elements[index - 1] : .undefined),
        ("nextitem", index + 1 < elements.count ? elements[index + 1] : .undefined),
      ])
    ]
    if names.count == 1 {
      scope[names[0]] = element
    } else {
      guard case .list(let parts) = element, parts.count == names.count else {
        throw .templateFails(line: line, problem: "\(element.kind) cannot be taken apart into \(names.count) values")
      }
      for (name, part) in zip(names, parts) { scope[name] = part }
    }
    return scope
  }

  func text(of value: TemplateValue, _ line: Int) throws(TokenizerError) -> String {
    switch value {
    case .undefined: ""
    case .none: "None"
    case .boolean(let value): value ? "True" : "False"
    case .integer(let value): String(value)
    case .text(let text): text
    case .list, .mapping: throw .templateFails(line: line, problem: "\(value.kind) is no text")
    }
  }

  func elements(of value: TemplateValue, _ line: Int) throws(TokenizerError) -> [TemplateValue] {
    switch value {
    case .undefined: []
    case .list(let elements): elements
    case .mapping(let members): members.map { .text($0.name) }
    case .text(let text): text.unicodeScalars.map { .text(String($0)) }
    case .none, .boolean, .integer: throw .templateFails(line: line, problem: "\(value.kind) has no elements")
    }
  }
}

// MARK: Expressions

extension TemplateEvaluation {
  mutating func value(_ expression: TemplateExpression) throws(TokenizerError) -> TemplateValue {
    let line = expression.line
    try spend(1, line)
    switch expression.form {
    case .constant(let value): return value
    case .variable(let name):
      for scope in scopes.reversed() { if let value = scope[name] { return value } }
      return .undefined
    case .list(let elements): return .list(try values(elements))
    case .mapping(let members):
      var result: [(name: String, value: TemplateValue)] = []
      for (key, member) in members {
        let name = try text(of: try value(key), line)
        let member = try value(member)
        result.removeAll { $0.name == name }
        result.append((name, member))
      }
      return .mapping(result)
    case .attribute(let base, let name): return try member(of: try value(base), .text(name), line)
    case .element(let base, let index): return try member(of: try value(base), try value(index), line)
    case .slice(let base, let from, let to, let by):
      return try slice(try value(base), try bound(from), try bound(to), try bound(by) ?? 1, line)
    case .function(let name, let arguments): return try call(name, try values(arguments), line)
    case .method(let base, let name, let arguments):
      return try call(name, of: try value(base), try values(arguments), line)
    case .filter(let base, let name, let arguments, let named):
      var options: [String: TemplateValue] = [:]
      for (name, argument) in named { options[name] = try value(argument) }
      return try filter(try value(base), name, try values(arguments), options, line)
    case .test(let base, let name, let arguments):
      return .boolean(try test(try value(base), name, try values(arguments), line))
    case .not(let operand): return .boolean(!(try value(operand).isTrue))
    case .negative(let operand):
      guard case .integer(let number) = try value(operand) else {
        throw .templateFails(line: line, problem: "only a number has a negative")
      }
      return .integer(0 &- number)
    case .and(let left, let right):
      let left = try value(left)
      return left.isTrue ? try value(right) : left
    case .or(let left, let right):
      let left = try value(left)
      return left.isTrue ? left : try value(right)
    case .binary(let symbol, let left, let right):
      return try binary(symbol, try value(left), try value(right), line)
    case .choice(let value, let condition, let other):
      if try self.value(condition).isTrue { return try self.value(value) }
      return try other.map { other throws(TokenizerError) in try self.value(other) } ?? .undefined
    }
  }

  private mutating func values(_ expressions: [TemplateExpression]) throws(TokenizerError) -> [TemplateValue] {
    var result: [TemplateValue] = []
    for expression in expressions { result.append(try value(expression)) }
    return result
  }

  private mutating func bound(_ expression: TemplateExpression?) throws(TokenizerError) -> Int? {
    guard let expression else { return nil }
    switch try value(expression) {
    case .none: return nil
    case .integer(let value): return value
    case let other: throw .templateFails(line: expression.line, problem: "\(other.kind) as a bound of a slice")
    }
  }

  private func member(
    of base: TemplateValue, _ index: TemplateValue, _ line: Int
  ) throws(TokenizerError) -> TemplateValue {
    switch (base, index) {
    case (.mapping(let members), .text(let name)): return members.first { $0.name == name }?.value ?? .undefined
    case (.list(let elements), .integer(let index)):
      let place = index < 0 ? index &+ elements.count : index
      return elements.indices.contains(place) ? elements[place] : .undefined
    case (.text(let text), .integer(let index)):
      let scalars = Array(text.unicodeScalars)
      let place = index < 0 ? index &+ scalars.count : index
      return scalars.indices.contains(place) ? .text(String(scalars[place])) : .undefined
    case (.undefined, _): throw .templateFails(line: line, problem: "a member of something undefined")
    default: return .undefined
    }
  }

  /// Python's slices: bounds that lie outside are moved inside, negative ones count from the end.
  private func slice(
    _ base: TemplateValue, _ from: Int?, _ to: Int?, _ step: Int, _ line: Int
  ) throws(TokenizerError) -> TemplateValue {
    guard step == 1 || step == -1 else {
      throw .templateUnsupported(line: line, what: "a slice with the step \(step)")
    }
    let elements: [TemplateValue]
    switch base {
    case .list(let list): elements = list
    case .text: elements = try self.elements(of: base, line)
    default: throw .templateFails(line: line, problem: "\(base.kind) has no slices")
    }
    let count = elements.count
    func clamped(_ bound: Int) -> Int {
      min(max(bound < 0 ? bound &+ count : bound, step > 0 ? 0 : -1), step > 0 ? count : count - 1)
    }
    var result: [TemplateValue] = []
    if step > 0 {
      let (start, end) = (from.map(clamped) ?? 0, to.map(clamped) ?? count)
      if start < end { result = Array(elements[start..<end]) }
    } else {
      let (start, end) = (from.map(clamped) ?? count - 1, to.map(clamped) ?? -1)
      if start > end { result = elements[(end + 1)...start].reversed() }
    }
    guard case .text = base else { return .list(result) }
    var text = ""
    for part in result { text += try self.text(of: part, line) }
    return .text(text)
  }

  private mutating func binary(
    _ symbol: String, _ left: TemplateValue, _ right: TemplateValue, _ line: Int
  ) throws(TokenizerError) -> TemplateValue {
    switch (symbol, left, right) {
    case ("==", _, _): return .boolean(left == right)
    case ("!=", _, _): return .boolean(!(left == right))
    case ("in", _, .list(let elements)): return .boolean(elements.contains { $0 == left })
    case ("in", .text(let name), .mapping(let members)): return .boolean(members.contains { $0.name == name })
    case ("in", .text(let part), .text(let text)): return .boolean(Self.contains(text, part))
    case ("in", _, .undefined): return .boolean(false)
    case ("+", .text(let a), .text(let b)):
      try spend(a.utf8.count + b.utf8.count, line)
      return .text(a + b)
    case ("+", .list(let a), .list(let b)):
      try spend(a.count + b.count, line)
      return .list(a + b)
    case ("~", _, _):
      let joined = try text(of: left, line) + text(of: right, line)
      try spend(joined.utf8.count, line)
      return .text(joined)
    case (_, .integer(let a), .integer(let b)):
      guard let result = Self.arithmetic(symbol, a, b) else { break }
      return result
    case ("<", .text(let a), .text(let b)):
      return .boolean(a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars))
    case (">", .text(let a), .text(let b)):
      return .boolean(b.unicodeScalars.lexicographicallyPrecedes(a.unicodeScalars))
    default: break
    }
    throw .templateFails(line: line, problem: "\"\(symbol)\" between \(left.kind) and \(right.kind)")
  }

  /// As in Python: division rounds down. `nil` where the result is no whole number that fits.
  private static func arithmetic(_ symbol: String, _ a: Int, _ b: Int) -> TemplateValue? {
    func whole(_ result: (partialValue: Int, overflow: Bool)) -> TemplateValue? {
      result.overflow ? nil : .integer(result.partialValue)
    }
    switch symbol {
    case "+": return whole(a.addingReportingOverflow(b))
    case "-": return whole(a.subtractingReportingOverflow(b))
    case "*": return whole(a.multipliedReportingOverflow(by: b))
    case "//" where b != 0 && b != -1: return .integer((a - ((a % b) + b) % b) / b)
    case "%" where b != 0 && b != -1: return .integer(((a % b) + b) % b)
    case "<": return .boolean(a < b)
    case ">": return .boolean(a > b)
    case "<=": return .boolean(a <= b)
    case ">=": return .boolean(a >= b)
    default: return nil
    }
  }

  static func contains(_ text: String, _ part: String) -> Bool {
    let (text, part) = (Array(text.utf8), Array(part.utf8))
    guard part.count <= text.count else { return false }
    return (0...(text.count - part.count)).contains { text[$0...].starts(with: part) }
  }
}
