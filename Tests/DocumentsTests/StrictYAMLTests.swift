import Documents
import Testing

private struct Plan: Codable, Equatable {
  struct Cohort: Codable, Equatable {
    var size: Int
    var minimum: Int?
  }

  enum Mode: String, Codable, CaseIterable { case secure, clear }

  var name: String
  var rounds: Int
  var rate: Double?
  var mode: Mode?
  var cohort: Cohort?
  var sites: [Cohort]?
  var words: [String]?
  var flags: [String: Bool]?
}

private func decode(_ text: String, set overrides: [String] = []) throws(DocumentError) -> Plan {
  try StrictYAML.decode(Plan.self, from: text, file: "plan.yaml", overrides: overrides)
}

/// The error that decoding throws.
private func failure(_ text: String, set overrides: [String] = []) -> DocumentError? {
  do {
    _ = try decode(text, set: overrides)
    return nil
  } catch { return error }
}

struct StrictYAMLTests {
  @Test("A document of every shape decodes; quotes decide nothing where text is expected")
  func decodes() throws {
    let plan = try decode(
      """
      # a comment
      name: 2026
      rounds: 30
      rate: 1.0e-3
      mode: clear
      cohort: {size: 4}
      sites:
        - size: 1
        - {size: 2, minimum: 1}
      words: [no, "0", 'x']
      flags: {a: true, b: false}
      """)
    #expect(plan.name == "2026" && plan.rounds == 30 && plan.rate == 0.001 && plan.mode == .clear)
    #expect(plan.cohort == .init(size: 4, minimum: nil))
    #expect(plan.sites == [.init(size: 1, minimum: nil), .init(size: 2, minimum: 1)])
    #expect(plan.words == ["no", "0", "x"] && plan.flags == ["a": true, "b": false])
  }

  @Test("An unknown key is named with its line, and the nearest known key is the hint")
  func unknownKey() {
    let error = failure("name: a\nrounds: 3\nratee: 1\n")
    #expect(error?.description == "plan.yaml:3: unknown key \"ratee\"")
    #expect(error?.hint == "did you mean \"rate\"?")
  }

  @Test("A mistyped required key is told as mistyped, not as missing")
  func mistypedRequiredKey() {
    let error = failure("name: a\n\nroundz: 3\n")
    #expect(error?.description == "plan.yaml:3: unknown key \"roundz\"")
    #expect(error?.hint == "did you mean \"rounds\"?")
  }

  @Test("Unknown keys are found in nested mappings and in lists of mappings")
  func nestedUnknownKeys() {
    let nested = failure("name: a\nrounds: 3\ncohort:\n  size: 1\n  minimun: 2\n")
    #expect(nested?.description == "plan.yaml:5: unknown key \"cohort.minimun\"")
    #expect(nested?.hint == "did you mean \"minimum\"?")
    let listed = failure("name: a\nrounds: 3\nsites:\n  - size: 1\n  - size: 2\n    colour: red\n")
    #expect(listed?.description == "plan.yaml:6: unknown key \"sites.1.colour\"")
  }

  @Test("A missing key without a similar one is told with the mapping that lacks it")
  func missingKey() {
    #expect(failure("name: a\n")?.description == "plan.yaml:1: the key \"rounds\" is missing")
    let nested = failure("name: a\nrounds: 1\ncohort:\n  minimum: 2\n")
    #expect(nested?.description == "plan.yaml:4: the key \"size\" is missing in \"cohort\"")
    #expect(failure("")?.description == "plan.yaml:1: the key \"name\" is missing")
  }

  @Test(
    "A value of another type is told with line, path, expected and found",
    arguments: [
      ("name: a\nrounds: many\n", "plan.yaml:2: \"rounds\": expected a whole number, found \"many\""),
      ("name: a\nrounds: \"3\"\n", "plan.yaml:2: \"rounds\": expected a whole number, found \"3\""),
      ("name: a\nrounds: 1.5\n", "plan.yaml:2: \"rounds\": expected a whole number, found \"1.5\""),
      ("name: [a]\nrounds: 1\n", "plan.yaml:1: \"name\": expected text, found a list"),
      ("name:\nrounds: 1\n", "plan.yaml:1: \"name\": expected text, found nothing"),
      ("name: a\nrounds: 1\nrate: .inf\n", "plan.yaml:3: \"rate\": expected a finite number, found \".inf\""),
      ("name: a\nrounds: 1\nrate: 1e999\n", "plan.yaml:3: \"rate\": expected a finite number, found \"1e999\""),
      ("name: a\nrounds: 1\ncohort: 3\n", "plan.yaml:3: \"cohort\": expected a mapping, found \"3\""),
      ("name: a\nrounds: 1\nwords: {a: b}\n", "plan.yaml:3: \"words\": expected a list, found a mapping"),
      ("name: a\nrounds: 1\nmode: open\n", "plan.yaml:3: \"mode\": expected one of secure, clear, found \"open\""),
      ("name: a\nrounds: 1\nflags: {a: yes}\n", "plan.yaml:3: \"flags.a\": expected true or false, found \"yes\""),
      ("- a\n", "plan.yaml:1: expected a mapping, found a list"),
    ])
  func wrongTypes(text: String, message: String) {
    #expect(failure(text)?.description == message)
  }

  @Test("A number too large for its type is an error and no trap")
  func overflow() {
    let error = failure("name: a\nrounds: 99999999999999999999\n")
    #expect(error?.description.contains("expected a whole number from") == true)
  }

  @Test("A key that occurs twice is refused, also when it is spelt with quotes")
  func duplicateKeys() {
    #expect(
      failure("name: a\nrounds: 1\nname: b\n")
        == .duplicateKey(.init(source: "plan.yaml", line: 1, column: 1), path: "name"))
    guard case .duplicateKey(_, "name") = failure("name: a\nrounds: 1\n\"name\": b\n") else {
      Issue.record("a quoted duplicate was accepted")
      return
    }
  }

  @Test("Malformed YAML is told with line and column")
  func malformed() {
    guard case .malformed(let place, _) = failure("name: a\nrounds: [1, 2\n") else {
      Issue.record("malformed YAML was accepted")
      return
    }
    #expect(place.line == 3 && place.column != nil)
    #expect(failure("name: \u{1}\n") != nil)
    #expect(failure("name: a\n---\nname: b\n")?.description == "plan.yaml:2:1: a second document, expected only one")
  }

  @Test("Anchors, aliases and tags are refused, a bomb of aliases before it expands")
  func aliases() {
    #expect(failure("name: &a x\nrounds: 1\n")?.description == "plan.yaml:1: anchors and aliases are not accepted")
    #expect(failure("name: !!str x\nrounds: 1\n")?.description == "plan.yaml:1: tags are not accepted")
    var bomb = "a0: &a0 [x, x]\n"
    for level in 1...60 { bomb += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
    bomb += "? *a60\n: 1\n"
    #expect(failure(bomb)?.description == "plan.yaml: aliases are not accepted")
    #expect((try? decode("name: 2 * 3 * 4 # * * *\nrounds: 1\n"))?.name == "2 * 3 * 4")
  }

  @Test("Deep nesting is an error, whether our limit or the parser's meets it first", arguments: [100, 900, 100_000])
  func deepNesting(depth: Int) {
    #expect(failure("name: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)) != nil)
    #expect(failure("name: " + String(repeating: "{a: ", count: depth)) != nil)
  }

  @Test("Random damage to a document never traps")
  func damage() throws {
    let good = Array("name: 'a'\nrounds: 3\ncohort: {size: 1}\nsites:\n  - size: [1]\n? b\n: &x |\n  *c\n".utf8)
    var state: UInt64 = 1
    func next() -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407  // Knuth's MMIX
      return Int(state >> 33)
    }
    let marks = Array("[]{}:,-?&*!|>'\"%@` \n\t#\0".utf8)
    for _ in 0..<3000 {
      var bytes = good
      for _ in 0..<1 + next() % 4 { bytes[next() % bytes.count] = marks[next() % marks.count] }
      _ = failure(String(decoding: bytes, as: UTF8.self))
    }
  }

  @Test("Too large a document is refused")
  func size() {
    guard case .tooLarge = failure("name: " + String(repeating: "x", count: 1 << 20)) else {
      Issue.record("a large document was accepted")
      return
    }
  }

  @Test("Overrides replace and add values, in lists too, and make the mappings that they need")
  func overrides() throws {
    let text = "name: a\nrounds: 3\nsites: [{size: 1}, {size: 2}]\n"
    let plan = try decode(text, set: ["rounds=5", "cohort.size=4", "sites.1.size=7", "words=[x, y]", "name=b=c"])
    #expect(plan.rounds == 5 && plan.cohort?.size == 4 && plan.sites?[1].size == 7)
    #expect(plan.words == ["x", "y"] && plan.name == "b=c")
  }

  @Test("A wrong override is told by its own name")
  func wrongOverrides() {
    let text = "name: a\nrounds: 3\n"
    #expect(failure(text, set: ["roundz=5"])?.description == "--set roundz=5: unknown key \"roundz\"")
    #expect(
      failure(text, set: ["rounds=x"])?.description
        == "--set rounds=x: \"rounds\": expected a whole number, found \"x\"")
    #expect(failure(text, set: ["rounds"])?.description == "--set rounds: there is no \"=\"")
    #expect(failure(text, set: ["cohort..size=1"])?.description.contains("empty key") == true)
    #expect(
      failure(text, set: ["rounds.x=1"])?.description
        == "--set rounds.x=1: \"rounds\": expected a whole number, found a mapping")
  }

  @Test("Numbers are written as people write them and read back exactly, keys keep their order")
  func numbers() throws {
    struct Rates: Codable, Equatable {
      var third = 1.0 / 3
      var rate = 0.05
      var large = 120.0
      var ids: [UInt64] = [.max]
      var absent: Int?
    }
    let text = try StrictYAML.encode(Rates())
    #expect(text == "third: 0.3333333333333333\nrate: 0.05\nlarge: 120\nids:\n- 18446744073709551615\n")
    #expect(try StrictYAML.decode(Rates.self, from: text, file: "rates.yaml") == Rates())
  }

  @Test("What encodes decodes to the same value, with texts that look like something else")
  func roundTrip() throws {
    let plan = Plan(
      name: "null", rounds: 3, rate: 0.05, mode: .secure, cohort: .init(size: 4, minimum: 3), sites: [],
      words: ["0", "", "~", "true", "a: b", "#x", "&a", "*b", "!c", "5e-1", "line\nbreak", "é"], flags: [:])
    #expect(try decode(StrictYAML.encode(plan)) == plan)
  }

  @Test(
    "A value has its line, a default the line of what surrounds it, and an override its own words",
    arguments: [
      ("cohort.size", "p.yaml:3"), ("cohort.deadline", "p.yaml:2"), ("columns.1.range", "p.yaml:6"),
      ("columns.7", "p.yaml:4"), ("name.of.nothing", "p.yaml:1"), ("rounds", "--set rounds=4"),
    ])
  func places(path: String, expected: String) {
    let text = """
      name: a
      cohort:
        size: 4
      columns:
        - {name: x}
        - {name: y, range: [0, 1]}
      rounds: 3
      """
    let place = StrictYAML.place(of: path, in: text, file: "p.yaml", overrides: ["rounds=4"])
    #expect(place?.description == expected)
  }
}
