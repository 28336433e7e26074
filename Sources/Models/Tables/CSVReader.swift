/// Reads comma-separated records one by one, by RFC 4180 and not more: quotes, doubled quotes, line breaks inside quotes,
/// CRLF or LF, a byte order mark.
///
/// Source: RFC 4180, section 2.
struct CSVReader {
  struct Record {
    /// Where the record begins, counted in lines of the file from 1.
    let line: Int
    let fields: [String]
  }

  private let bytes: [UInt8]
  private let file: String
  private var position = 0
  private var line = 1

  init(_ bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  /// The next record, or `nil` at the end. A line without any character is a record of one empty field.
  mutating func next() throws(ModelError) -> Record? {
    guard position < bytes.count else { return nil }
    let start = line
    var fields: [String] = []
    while true {
      fields.append(try field())
      guard position < bytes.count else { break }
      if bytes[position] == UInt8(ascii: ",") {
        position += 1
        continue
      }
      position += 1  // the line feed, at which field() stops
      line += 1
      break
    }
    return Record(line: start, fields: fields)
  }

  /// Reads up to a comma, a line feed (a carriage return before it is skipped) or the end of the file.
  private mutating func field() throws(ModelError) -> String {
    if position < bytes.count, bytes[position] == UInt8(ascii: "\"") { return try quotedField() }
    let start = position
    while position < bytes.count, bytes[position] != UInt8(ascii: ","), bytes[position] != UInt8(ascii: "\n") {
      if bytes[position] == UInt8(ascii: "\"") { throw error("a quote inside an unquoted field") }
      if bytes[position] == UInt8(ascii: "\r") { break }
      position += 1
    }
    let text = try text(bytes[start..<position])
    try skipCarriageReturn()
    return text
  }

  private mutating func quotedField() throws(ModelError) -> String {
    let opened = line
    position += 1
    var content: [UInt8] = []
    while true {
      guard position < bytes.count else {
        throw .malformedRow(file: file, line: opened, problem: "a quote that never closes")
      }
      let byte = bytes[position]
      position += 1
      if byte == UInt8(ascii: "\"") {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { break }
        position += 1
      } else if byte == UInt8(ascii: "\n") {
        line += 1
      }
      content.append(byte)
    }
    let text = try text(content[...])
    try skipCarriageReturn()
    guard position == bytes.count || bytes[position] == UInt8(ascii: ",") || bytes[position] == UInt8(ascii: "\n")
    else {
      throw error("characters after a closing quote")
    }
    return text
  }

  private mutating func skipCarriageReturn() throws(ModelError) {
    guard position < bytes.count, bytes[position] == UInt8(ascii: "\r") else { return }
    position += 1
    guard position == bytes.count || bytes[position] == UInt8(ascii: "\n") else {
      throw error("a carriage return without a line feed")
    }
  }

  private func text(_ content: ArraySlice<UInt8>) throws(ModelError) -> String {
    guard let text = String(validating: content, as: UTF8.self) else { throw error("text that is not UTF-8") }
    return text
  }

  private func error(_ problem: String) -> ModelError {
    .malformedRow(file: file, line: line, problem: problem)
  }
}
