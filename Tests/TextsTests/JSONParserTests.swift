import Testing
import Texts

struct JSONParserTests {
  @Test("Numbers keep their digits and members their order")
  func parses() throws {
    let value = try JSONValue(parsing: #" {"b": [1.50, -0, 1e+5, true, null], "a": {"x": ""}} "#.utf8)
    #expect(
      value
        == .object([
          .init("b", .array([.number("1.50"), .number("-0"), .number("1e+5"), .bool(true), .null])),
          .init("a", .object([.init("x", .string(""))])),
        ]))
    #expect(
      String(decoding: value.encoded(sortingMembers: true), as: UTF8.self)
        == #"{"a":{"x":""},"b":[1.50,-0,1e+5,true,null]}"#)
  }

  @Test("Escapes stand for their characters, surrogates in pairs")
  func escapes() throws {
    let value = try JSONValue(parsing: #""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#.utf8)
    #expect(value == .string("\"\\/\u{8}\u{C}\n\r\té😀"))
    let bytes = JSONValue.string("\u{1}\u{1f}é").encoded(sortingMembers: true)
    #expect(String(decoding: bytes, as: UTF8.self) == "\"\\u0001\\u001fé\"")
  }

  @Test("Names are equal when their characters are, not when they look alike")
  func namesThatLookAlike() throws {
    let value = try JSONValue(parsing: #"{"\u00e9":1,"e\u0301":2}"#.utf8)
    #expect(value == .object([.init("\u{E9}", .number("1")), .init("e\u{301}", .number("2"))]))
  }

  @Test(
    "Malformed text is an error that names the byte",
    arguments: [
      ("", 0), ("{", 1), ("{\"a\"", 4), ("{\"a\":1,}", 7), ("[1,]", 3), ("01", 0), ("1.", 2), ("-", 1), ("+1", 0),
      ("1e", 2),
      ("tru", 3), ("\"a", 2), ("\"\u{1}\"", 1), (#""\x""#, 3), (#""\ud800""#, 7), ("1 2", 2), ("{\"a\":1,\"a\":2}", 7),
      ("NaN", 0),
    ])
  func malformed(text: String, offset: Int) {
    #expect { try JSONValue(parsing: text.utf8) } throws: { ($0 as? JSONError)?.offset == offset }
  }

  @Test("Text that is not UTF-8 is refused")
  func notUTF8() {
    #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xED, 0xA0, 0x80, 0x22]) }
  }

  @Test("Nesting beyond the limit is an error, however deep")
  func depth() throws {
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
    #expect { try JSONValue(parsing: deep) } throws: { ($0 as? JSONError)?.problem == .tooDeep(limit: 64) }
    #expect(throws: Never.self) { try JSONValue(parsing: "[[[]]]".utf8, depthLimit: 2) }
    #expect(throws: JSONError.self) { try JSONValue(parsing: "[[[[]]]]".utf8, depthLimit: 2) }
  }
}

struct NearestWordTests {
  @Test("The word with the fewest edits is meant, and none when all are too far")
  func nearestWord() {
    #expect(nearest("roundz", in: ["rate", "rounds", "name"]) == "rounds")
    #expect(nearest("ROUNDS", in: ["rounds"]) == "rounds")
    #expect(nearest("xyz", in: ["rounds", "cohort"]) == nil)
    #expect(nearest("", in: ["rounds"]) == nil)
  }
}
