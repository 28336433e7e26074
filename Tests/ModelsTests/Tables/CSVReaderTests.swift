import Testing

@testable import Models

private func records(_ text: String) throws(ModelError) -> [(line: Int, fields: [String])] {
  var reader = CSVReader(Array(text.utf8), file: "rows.csv")
  var records: [(line: Int, fields: [String])] = []
  while let record = try reader.next() { records.append((record.line, record.fields)) }
  return records
}

struct CSVReaderTests {
  @Test(
    "Records are read by RFC 4180",
    arguments: [
      ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
      ("a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
      ("a,b\n1,2", [["a", "b"], ["1", "2"]]),
      ("\u{FEFF}a,b", [["a", "b"]]),
      ("\"a\",\"b \"\"c\"\"\"\r\n", [["a", "b \"c\""]]),
      ("\"x,y\",\"l1\nl2\"\n,\n", [["x,y", "l1\nl2"], ["", ""]]),
      (" a ,\"\"\n", [[" a ", ""]]),
      ("a\n\nb\n", [["a"], [""], ["b"]]),
      ("", []),
    ])
  func reads(text: String, expected: [[String]]) throws {
    #expect(try records(text).map(\.fields) == expected)
  }

  @Test("Lines count the breaks inside quotes, so that a record's line is where it begins")
  func lines() throws {
    #expect(try records("h\n\"a\nb\nc\"\nd\n").map(\.line) == [1, 2, 5])
  }

  @Test(
    "What RFC 4180 does not allow is an error with its line",
    arguments: [
      ("a\n\"b", 2, "a quote that never closes"),
      ("a\nb\"c\n", 2, "a quote inside an unquoted field"),
      ("a\n\"b\"c\n", 2, "characters after a closing quote"),
      ("a\rb\n", 1, "a carriage return without a line feed"),
    ])
  func refuses(text: String, line: Int, problem: String) {
    #expect(throws: ModelError.malformedRow(file: "rows.csv", line: line, problem: problem)) { try records(text) }
  }

  @Test("Text that is not UTF-8 is refused with its line")
  func notUTF8() {
    var reader = CSVReader([0x61, 0x0A, 0xFF, 0x0A], file: "rows.csv")
    #expect(throws: ModelError.malformedRow(file: "rows.csv", line: 2, problem: "text that is not UTF-8")) {
      while try reader.next() != nil {}
    }
  }
}
