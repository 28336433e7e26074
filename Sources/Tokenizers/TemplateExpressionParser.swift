/// Expressions, from the loosest binding to the tightest.
extension TemplateParser {
  mutating func expression() throws(TokenizerError) -> TemplateExpression {
    try deeper { parser throws(TokenizerError) in
      let value = try parser.disjunction()
      let line = parser.line
      guard parser.takeWord("if") else { return value }
      let condition = try parser.disjunction()
      let other = parser.takeWord("else") ? try parser.expression() : nil
      return TemplateExpression(form: .choice(value, if: condition, else: other), line: line)
    }
  }

  mutating func disjunction() throws(TokenizerError) -> TemplateExpression {
    var left = try conjunction()
    while token == .name("or") {
      let line = line
      advance()
      left = TemplateExpression(form: .or(left, try conjunction()), line: line)
    }
    return left
  }

  private mutating func conjunction() throws(TokenizerError) -> TemplateExpression {
    var left = try negation()
    while token == .name("and") {
      let line = line
      advance()
      left = TemplateExpression(form: .and(left, try negation()), line: line)
    }
    return left
  }

  private mutating func negation() throws(TokenizerError) -> TemplateExpression {
    let line = line
    guard takeWord("not") else { return try comparison() }
    let value = try deeper { parser throws(TokenizerError) in try parser.negation() }
    return TemplateExpression(form: .not(value), line: line)
  }

  private mutating func comparison() throws(TokenizerError) -> TemplateExpression {
    var left = try sum()
    var previous: TemplateExpression?
    while true {
      let line = line
      var comparison: TemplateExpression
      let right: TemplateExpression
      if case .symbol(let symbol) = token, ["==", "!=", "<", ">", "<=", ">="].contains(symbol) {
        advance()
        right = try sum()
        comparison = TemplateExpression(form: .binary(symbol, left, right), line: line)
      } else if takeWord("in") {
        right = try sum()
        comparison = TemplateExpression(form: .binary("in", left, right), line: line)
      } else if token == .name("not"), tokens[place + 1].token == .name("in") {
        advance()
        advance()
        right = try sum()
        let contains = TemplateExpression(form: .binary("in", left, right), line: line)
        comparison = TemplateExpression(form: .not(contains), line: line)
      } else {
        return previous ?? left
      }
      // `a < b < c` means `a < b and b < c`.
      if let previous { comparison = TemplateExpression(form: .and(previous, comparison), line: line) }
      previous = comparison
      left = right
    }
  }

  private mutating func sum() throws(TokenizerError) -> TemplateExpression {
    try binary(["+", "-"]) { parser throws(TokenizerError) in
      try parser.binary(["~"]) { parser throws(TokenizerError) in
        try parser.binary(["*", "/", "//", "%"]) { parser throws(TokenizerError) in try parser.unary() }
      }
    }
  }

  private mutating func binary(
    _ symbols: [String], _ operand: (inout TemplateParser) throws(TokenizerError) -> TemplateExpression
  ) throws(TokenizerError) -> TemplateExpression {
    var left = try operand(&self)
    while case .symbol(let symbol) = token, symbols.contains(symbol) {
      let line = line
      advance()
      left = TemplateExpression(form: .binary(symbol, left, try operand(&self)), line: line)
    }
    return left
  }

  private mutating func unary() throws(TokenizerError) -> TemplateExpression {
    let line = line
    if take("-") {
      let value = try deeper { parser throws(TokenizerError) in try parser.unary() }
      return TemplateExpression(form: .negative(value), line: line)
    }
    return try filtered(try postfix(try primary()))
  }

  /// What follows a value with `|` or `is`.
  private mutating func filtered(_ value: TemplateExpression) throws(TokenizerError) -> TemplateExpression {
    var value = value
    while true {
      let line = line
      if take("|") {
        let name = try name()
        guard TemplateEvaluation.filters.contains(name) else {
          throw .templateUnsupported(line: line, what: "the filter \"\(name)\"")
        }
        let (arguments, named) = take("(") ? try arguments() : ([], [])
        value = TemplateExpression(form: .filter(value, name, arguments, named: named), line: line)
      } else if takeWord("is") {
        let isNegated = takeWord("not")
        let name = try name()
        guard TemplateEvaluation.tests.contains(name) else {
          throw .templateUnsupported(line: line, what: "the test \"\(name)\"")
        }
        var parameters: [TemplateExpression] = []
        if take("(") {
          parameters = try arguments().0
        } else if name == "equalto" || name == "eq" {
          parameters = [try postfix(try primary())]
        }
        value = TemplateExpression(form: .test(value, name, parameters), line: line)
        if isNegated { value = TemplateExpression(form: .not(value), line: line) }
      } else {
        return value
      }
    }
  }

  /// Members, elements, slices and calls of methods.
  private mutating func postfix(_ value: TemplateExpression) throws(TokenizerError) -> TemplateExpression {
    var value = value
    while true {
      let line = line
      if take(".") {
        let name = try name()
        guard take("(") else {
          value = TemplateExpression(form: .attribute(value, name), line: line)
          continue
        }
        guard TemplateEvaluation.methods.contains(name) else {
          throw .templateUnsupported(line: line, what: "the method \"\(name)\"")
        }
        value = TemplateExpression(form: .method(value, name, try positional("a method")), line: line)
      } else if take("[") {
        value = try subscripted(value, line: line)
      } else if token == .symbol("(") {
        guard case .variable(let name) = value.form, TemplateEvaluation.functions.contains(name) else {
          let name = if case .variable(let name) = value.form { "the function \"\(name)\"" } else { "this call" }
          throw .templateUnsupported(line: line, what: name)
        }
        advance()
        value = TemplateExpression(form: .function(name, try positional("a function")), line: line)
      } else {
        return value
      }
    }
  }

  private mutating func subscripted(
    _ value: TemplateExpression, line: Int
  ) throws(TokenizerError) -> TemplateExpression {
    var bounds: [TemplateExpression?] = []
    var current: TemplateExpression?
    while true {
      if take("]") { break }
      if take(":") {
        bounds.append(current)
        current = nil
        guard bounds.count <= 2 else { throw syntax("a slice has at most three parts") }
      } else {
        guard current == nil else { throw syntax("expected \"]\"") }
        current = try expression()
      }
    }
    if bounds.isEmpty {
      guard let current else { throw syntax("expected an index") }
      return TemplateExpression(form: .element(value, current), line: line)
    }
    bounds.append(current)
    return TemplateExpression(
      form: .slice(value, from: bounds[0], to: bounds[1], by: bounds.count > 2 ? bounds[2] : nil), line: line)
  }

  private mutating func positional(_ what: String) throws(TokenizerError) -> [TemplateExpression] {
    let (arguments, named) = try arguments()
    guard named.isEmpty else { throw .templateUnsupported(line: line, what: "\(what) with named arguments") }
    return arguments
  }

  /// The arguments up to the closing bracket.
  private mutating func arguments() throws(TokenizerError) -> (
    [TemplateExpression], [(name: String, value: TemplateExpression)]
  ) {
    var arguments: [TemplateExpression] = []
    var named: [(name: String, value: TemplateExpression)] = []
    while !take(")") {
      if case .name(let name) = token, tokens[place + 1].token == .symbol("=") {
        advance()
        advance()
        named.append((name, try expression()))
      } else {
        arguments.append(try expression())
      }
      if token != .symbol(")") { try expect(",") }
    }
    return (arguments, named)
  }

  private mutating func primary() throws(TokenizerError) -> TemplateExpression {
    let line = line
    switch token {
    case .string(var text):
      advance()
      while case .string(let more) = token {  // texts beside each other are one
        text += more
        advance()
      }
      return TemplateExpression(form: .constant(.text(text)), line: line)
    case .integer(let value):
      advance()
      return TemplateExpression(form: .constant(.integer(value)), line: line)
    case .name(let name):
      advance()
      switch name {
      case "true", "True": return TemplateExpression(form: .constant(.boolean(true)), line: line)
      case "false", "False": return TemplateExpression(form: .constant(.boolean(false)), line: line)
      case "none", "None": return TemplateExpression(form: .constant(.none), line: line)
      case "and", "or", "not", "in", "is", "if", "else": throw syntax("\"\(name)\" where a value should be")
      default: return TemplateExpression(form: .variable(name), line: line)
      }
    case .symbol("("):
      advance()
      let value = try expression()
      if token == .symbol(",") { throw .templateUnsupported(line: line, what: "a tuple") }
      try expect(")")
      return value
    case .symbol("["):
      advance()
      var elements: [TemplateExpression] = []
      while !take("]") {
        elements.append(try expression())
        if token != .symbol("]") { try expect(",") }
      }
      return TemplateExpression(form: .list(elements), line: line)
    case .symbol("{"):
      advance()
      var members: [(key: TemplateExpression, value: TemplateExpression)] = []
      while !take("}") {
        let key = try expression()
        try expect(":")
        members.append((key, try expression()))
        if token != .symbol("}") { try expect(",") }
      }
      return TemplateExpression(form: .mapping(members), line: line)
    default: throw syntax("expected a value")
    }
  }
}
