/// Cuts a template into text and tags, and tags into words.
struct TemplateLexer {
  enum Token: Sendable, Equatable {
    case text(String)
    case beginOutput, endOutput, beginStatement, endStatement
    case name(String)
    case string(String)
    case integer(Int)
    /// An operator or a bracket.
    case symbol(String)
    case end
  }

  private let source: [UInt8]
  private var place = 0
  private var line = 1
  private(set) var tokens: [(token: Token, line: Int)] = []

  init(_ template: String) throws(TokenizerError) {
    // Line ends as Jinja reads them: of any kind, and the last one does not count.
    var source: [UInt8] = []
    var bytes = Array(template.utf8)[...]
    while let byte = bytes.popFirst() {
      if byte == 0x0D {
        if bytes.first == 0x0A { bytes.removeFirst() }
        source.append(0x0A)
      } else {
        source.append(byte)
      }
    }
    if source.last == 0x0A { source.removeLast() }
    self.source = source
    try run()
  }

  private mutating func run() throws(TokenizerError) {
    var trimsNext = false
    while place < source.count {
      var text = takeText()
      if trimsNext { text = Array(text.drop(while: Self.isSpace)) }
      guard place < source.count else {
        append(text: text)
        break
      }
      let kind = source[place + 1]
      let sign = place + 2 < source.count ? source[place + 2] : 0
      if sign == UInt8(ascii: "-") {
        while let last = text.last, Self.isSpace(last) { text.removeLast() }
      } else if sign != UInt8(ascii: "+"), kind != UInt8(ascii: "{") {
        // lstrip_blocks: blanks between the beginning of a line and a block are not output.
        var end = text.count
        while end > 0, text[end - 1] == 0x20 || text[end - 1] == 0x09 { end -= 1 }
        if end == 0 ? isLineStart(place - text.count) : text[end - 1] == 0x0A { text.removeSubrange(end...) }
      }
      append(text: text)
      place += sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") ? 3 : 2
      switch kind {
      case UInt8(ascii: "#"): trimsNext = try skipComment()
      case UInt8(ascii: "{"): trimsNext = try tag(.beginOutput, .endOutput, closing: UInt8(ascii: "}"))
      default: trimsNext = try tag(.beginStatement, .endStatement, closing: UInt8(ascii: "%"))
      }
      if !trimsNext, kind != UInt8(ascii: "{"), place < source.count, source[place] == 0x0A {
        place += 1  // trim_blocks: the line's end after a block is not output
        line += 1
      }
    }
    tokens.append((.end, line))
  }

  /// Whether nothing but blanks and blocks' ends stand before a place on its line.
  private func isLineStart(_ place: Int) -> Bool { place == 0 || source[place - 1] == 0x0A }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private mutating func append(text: [UInt8]) {
    if !text.isEmpty { tokens.append((.text(String(decoding: text, as: UTF8.self)), line)) }
  }

  /// The text up to the next tag.
  private mutating func takeText() -> [UInt8] {
    let start = place
    while place < source.count {
      if source[place] == UInt8(ascii: "{"), place + 1 < source.count,
        [UInt8(ascii: "{"), UInt8(ascii: "%"), UInt8(ascii: "#")].contains(source[place + 1])
      {
        break
      }
      if source[place] == 0x0A { line += 1 }
      place += 1
    }
    return Array(source[start..<place])
  }

  /// Skips a comment and says whether it trims the white space after it.
  private mutating func skipComment() throws(TokenizerError) -> Bool {
    let start = line
    while place + 1 < source.count {
      if source[place] == UInt8(ascii: "#"), source[place + 1] == UInt8(ascii: "}") {
        place += 2
        return source[place - 3] == UInt8(ascii: "-")
      }
      if source[place] == 0x0A { line += 1 }
      place += 1
    }
    throw .templateSyntax(line: start, problem: "a comment is not closed")
  }

  /// The words of a tag; says whether it trims the white space after it.
  private mutating func tag(_ begin: Token, _ end: Token, closing: UInt8) throws(TokenizerError) -> Bool {
    tokens.append((begin, line))
    let start = line
    var depth = 0  // a mapping's braces may look like the tag's end
    while place < source.count {
      let byte = source[place]
      let next = place + 1 < source.count ? source[place + 1] : 0
      let trims = byte == UInt8(ascii: "-")
      let close = trims ? place + 1 : place
      if depth == 0, close + 1 < source.count, source[close] == closing, source[close + 1] == UInt8(ascii: "}") {
        place = close + 2
        tokens.append((end, line))
        return trims
      }
      switch byte {
      case 0x0A:
        line += 1
        place += 1
      case _ where Self.isSpace(byte): place += 1
      case UInt8(ascii: "'"), UInt8(ascii: "\""): try string(quote: byte)
      case UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
      case _ where Self.isNamePart(byte):
        let begin = place
        while place < source.count, Self.isNamePart(source[place]) { place += 1 }
        tokens.append((.name(String(decoding: source[begin..<place], as: UTF8.self)), line))
      default:
        let pair = String(decoding: [byte, next], as: UTF8.self)
        if ["==", "!=", "<=", ">=", "//", "**"].contains(pair) {
          tokens.append((.symbol(pair), line))
          place += 2
        } else if "()[]{}.,:|+-*/%~<>=".utf8.contains(byte) {
          if "([{".utf8.contains(byte) { depth += 1 }
          if ")]}".utf8.contains(byte) { depth -= 1 }
          tokens.append((.symbol(String(Character(Unicode.Scalar(byte)))), line))
          place += 1
        } else {
          throw .templateSyntax(line: line, problem: "a character that no expression has")
        }
      }
    }
    throw .templateSyntax(line: start, problem: "a tag is not closed")
  }

  private static func isNamePart(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) && byte != 0x40
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
  }

  private mutating func number() throws(TokenizerError) {
    let begin = place
    while place < source.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(source[place]) { place += 1 }
    if place + 1 < source.count, source[place] == UInt8(ascii: "."),
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(source[place + 1])
    {
      throw .templateUnsupported(line: line, what: "a number with a fraction")
    }
    guard let value = Int(String(decoding: source[begin..<place], as: UTF8.self)) else {
      throw .templateSyntax(line: line, problem: "a number is too large")
    }
    tokens.append((.integer(value), line))
  }

  private mutating func string(quote: UInt8) throws(TokenizerError) {
    let start = line
    var text: [UInt8] = []
    place += 1
    while place < source.count {
      let byte = source[place]
      place += 1
      if byte == quote {
        tokens.append((.string(String(decoding: text, as: UTF8.self)), start))
        return
      }
      if byte == 0x0A { line += 1 }
      guard byte == UInt8(ascii: "\\"), place < source.count else {
        text.append(byte)
        continue
      }
      let escaped = source[place]
      place += 1
      switch escaped {
      case UInt8(ascii: "n"): text.append(0x0A)
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "r"): text.append(0x0D)
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): text.append(escaped)
      case UInt8(ascii: "u"), UInt8(ascii: "x"), UInt8(ascii: "U"), UInt8(ascii: "N"),
        UInt8(ascii: "0")...UInt8(ascii: "7"):
        throw .templateUnsupported(line: line, what: "the escape \\\(Character(Unicode.Scalar(escaped)))")
      default: text += [UInt8(ascii: "\\"), escaped]  // as in Python
      }
    }
    throw .templateSyntax(line: start, problem: "a text is not closed")
  }
}
