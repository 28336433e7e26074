/// Recursive descent over the tokens of a template.
struct TemplateParser {
  let tokens: [(token: TemplateLexer.Token, line: Int)]
  var place = 0
  private var depth = 0
  /// The parser and the evaluation recurse, and the template comes from a file.
  private static let depthLimit = 64

  init(_ template: String) throws(TokenizerError) {
    tokens = try TemplateLexer(template).tokens
  }

  mutating func template() throws(TokenizerError) -> [TemplateStatement] {
    let (statements, end) = try body(until: [])
    precondition(end == nil)
    return statements
  }

  var token: TemplateLexer.Token { tokens[place].token }
  var line: Int { tokens[place].line }

  mutating func advance() { if place < tokens.count - 1 { place += 1 } }

  func syntax(_ problem: String) -> TokenizerError { .templateSyntax(line: line, problem: problem) }

  mutating func take(_ symbol: String) -> Bool {
    guard token == .symbol(symbol) else { return false }
    advance()
    return true
  }

  mutating func takeWord(_ word: String) -> Bool {
    guard token == .name(word) else { return false }
    advance()
    return true
  }

  mutating func expect(_ symbol: String) throws(TokenizerError) {
    guard take(symbol) else { throw syntax("expected \"\(symbol)\"") }
  }

  mutating func expectEnd() throws(TokenizerError) {
    guard token == .endStatement else { throw syntax("a statement goes on where it should end") }
    advance()
  }

  mutating func name() throws(TokenizerError) -> String {
    guard case .name(let name) = token else { throw syntax("expected a name") }
    advance()
    return name
  }

  mutating func deeper<Result>(
    _ body: (inout TemplateParser) throws(TokenizerError) -> Result
  ) throws(TokenizerError) -> Result {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw syntax("nested deeper than \(Self.depthLimit) levels") }
    return try body(&self)
  }
}

// MARK: Statements

extension TemplateParser {
  /// Statements up to the first one whose word is in `ends`; that word has been read, and the rest of its tag has not.
  private mutating func body(until ends: [String]) throws(TokenizerError) -> ([TemplateStatement], end: String?) {
    var statements: [TemplateStatement] = []
    while true {
      switch token {
      case .end:
        guard ends.isEmpty else { throw syntax("the template ends before \(ends.joined(separator: " or "))") }
        return (statements, nil)
      case .text(let text):
        statements.append(.text(text))
        advance()
      case .beginOutput:
        advance()
        statements.append(.output(try expression()))
        guard token == .endOutput else { throw syntax("an expression goes on where it should end") }
        advance()
      case .beginStatement:
        advance()
        let keyword = try name()
        if ends.contains(keyword) { return (statements, keyword) }
        statements.append(try deeper { parser throws(TokenizerError) in try parser.statement(keyword) })
      default: throw syntax("expected a statement")
      }
    }
  }

  private mutating func statement(_ keyword: String) throws(TokenizerError) -> TemplateStatement {
    switch keyword {
    case "if": return try conditional()
    case "for": return try loop()
    case "set":
      let name = try name()
      if token == .symbol(".") {
        throw .templateUnsupported(line: line, what: "setting a member, as of a namespace,")
      }
      guard take("=") else { throw .templateUnsupported(line: line, what: "a set block") }
      let value = try expression()
      try expectEnd()
      return .set(name: name, value: value)
    case "else", "elif", "endif", "endfor": throw syntax("\(keyword) without its beginning")
    default: throw .templateUnsupported(line: line, what: "the statement \"\(keyword)\"")
    }
  }

  private mutating func conditional() throws(TokenizerError) -> TemplateStatement {
    var branches: [(condition: TemplateExpression?, body: [TemplateStatement])] = []
    var condition: TemplateExpression? = try expression()
    while true {
      try expectEnd()
      let (body, end) = try body(until: condition == nil ? ["endif"] : ["elif", "else", "endif"])
      branches.append((condition, body))
      switch end {
      case "elif": condition = try expression()
      case "else": condition = nil
      default:
        try expectEnd()
        return .conditional(branches)
      }
    }
  }

  private mutating func loop() throws(TokenizerError) -> TemplateStatement {
    var names = [try name()]
    while take(",") { names.append(try name()) }
    guard takeWord("in") else { throw syntax("expected \"in\"") }
    let over = try disjunction()
    if token == .name("if") { throw .templateUnsupported(line: line, what: "a loop with a condition") }
    if token == .name("recursive") { throw .templateUnsupported(line: line, what: "a recursive loop") }
    try expectEnd()
    var (statements, end) = try body(until: ["else", "endfor"])
    var otherwise: [TemplateStatement] = []
    if end == "else" {
      try expectEnd()
      (otherwise, end) = try body(until: ["endfor"])
    }
    try expectEnd()
    return .loop(names: names, over: over, body: statements, otherwise: otherwise)
  }
}
