import Foundation
import Testing
import Texts
import Tokenizers

/// A rendering that Jinja made, with the settings of `transformers`: Benchmarks/reference/tokenizers_check.py golden.
struct ChatCase: Decodable, Sendable, CustomTestStringConvertible {
  struct Message: Decodable { var role, content: String }

  var template: String?
  var messages: [Message]
  var prompt: Bool
  var text: String?
  var refusal: String?

  var testDescription: String { "\(template?.prefix(60) ?? "the model's") for \(messages.map(\.role))" }

  static func all(_ file: String) -> [ChatCase] {
    let url = Bundle.module.url(forResource: "Golden/\(file)", withExtension: "json")!
    return try! JSONDecoder().decode([ChatCase].self, from: Data(contentsOf: url))
  }

  func check(_ template: ChatTemplate) {
    let messages = messages.map { ChatTemplate.Message(role: $0.role, content: $0.content) }
    do throws(TokenizerError) {
      let rendered = try template.render(messages, addGenerationPrompt: prompt)
      #expect(rendered == text)
    } catch {
      #expect(error == .templateRefuses(refusal ?? "nothing"))
    }
  }
}

struct ChatTemplateTests {
  @Test("Templates give what Jinja gives", arguments: ChatCase.all("templates"))
  func sameAsJinja(_ expected: ChatCase) throws {
    expected.check(try ChatTemplate(jinja: expected.template ?? "", beginningToken: "<bos>", endToken: "<eos>"))
  }

  @Test("Tokens that are not given are undefined")
  func noTokens() throws {
    let template = try ChatTemplate(jinja: "{{ bos_token }}|{{ eos_token is defined }}|{{ tools is none }}")
    #expect(try template.render([], addGenerationPrompt: false) == "|False|True")
  }

  @Test(
    "A construct outside the subset is refused by its name and line",
    arguments: [
      ("{% macro f() %}{% endmacro %}", "the statement \"macro\""), ("{% include 'x' %}", "the statement \"include\""),
      ("{{ x | sort }}", "the filter \"sort\""), ("{{ x is divisibleby(2) }}", "the test \"divisibleby\""),
      ("{{ range(3) }}", "the function \"range\""), ("{{ 'a'.format(1) }}", "the method \"format\""),
      ("{% set ns.x = 1 %}", "setting a member, as of a namespace,"), ("{% set x %}a{% endset %}", "a set block"),
      ("{% for x in y if x %}{% endfor %}", "a loop with a condition"), ("{{ 1.5 }}", "a number with a fraction"),
      ("{{ (1, 2) }}", "a tuple"), ("{{ '\\u00e9' }}", "the escape \\u"), ("{% break %}", "the statement \"break\""),
    ])
  func unsupported(source: String, what: String) {
    #expect(throws: TokenizerError.templateUnsupported(line: 2, what: what)) { try ChatTemplate(jinja: "\n" + source) }
  }

  @Test(
    "A template that is not well formed is an error with its line",
    arguments: [
      "{{", "{{ 1", "{% if x %}", "{% for x in y %}", "{% else %}", "{% endif %}", "{{ 'a }}", "{# a", "{{ 1 + }}",
      "{{ a[ }}",
      "{{ a[1 2] }}", "{{ (1 }}", "{{ [1, 2 }}", "{{ {'a' 1} }}", "{{ a.1 }}", "{% for in x %}{% endfor %}",
      "{% if x %}{% else %}{% elif y %}{% endif %}", "{{ 1 1 }}", "{{ not }}", "{{ a | }}", "{{ a is }}",
      "{{ a[1:2:3:4] }}",
      "{% set = 1 %}", "{% if x y %}{% endif %}", "{{ a ? b }}", "{% %}", "{{ }}", "{{ 99999999999999999999 }}", "{%",
      "{{ '\\",
    ])
  func malformed(source: String) {
    #expect {
      try ChatTemplate(jinja: source)
    } throws: {
      if case .templateSyntax(line: 1, _)? = $0 as? TokenizerError { true } else { false }
    }
  }

  @Test(
    "Values that an operation does not allow are an error with its line",
    arguments: [
      "{{ 'a' + 1 }}", "{{ missing.a }}", "{{ none + 'a' }}", "{{ messages }}", "{{ 1 // 0 }}", "{{ 5 % 0 }}",
      "{% for a, b in [1] %}{% endfor %}", "{{ 1 < 'a' }}", "{{ 9223372036854775807 + 1 }}", "{{ none[1:] }}",
      "{{ 1 in 2 }}", "{{ [1].strip() }}", "{{ missing | tojson }}", "{{ none | length }}", "{{ -'a' }}",
      "{{ 'a'['b':] }}",
    ])
  func failing(source: String) throws {
    let template = try ChatTemplate(jinja: "\n\n" + source)
    #expect {
      try template.render([.init(role: "user", content: "a secret")], addGenerationPrompt: false)
    } throws: {
      guard case .templateFails(line: 3, let problem)? = $0 as? TokenizerError else { return false }
      return !problem.contains("secret")
    }
  }

  @Test("Deep nesting and text that doubles without end are refused")
  func hostile() throws {
    let deep = String(repeating: "(", count: 10_000) + "1" + String(repeating: ")", count: 10_000)
    #expect(throws: TokenizerError.self) { try ChatTemplate(jinja: "{{ \(deep) }}") }
    #expect(throws: TokenizerError.self) {
      try ChatTemplate(jinja: "{{ \(String(repeating: "not ", count: 10_000)) 1 }}")
    }
    #expect(throws: TokenizerError.self) { try ChatTemplate(jinja: "{{ \(String(repeating: "-", count: 10_000))1 }}") }
    #expect(throws: TokenizerError.self) {
      try ChatTemplate(jinja: String(repeating: "{% if true %}", count: 10_000))
    }
    let doubling = String(repeating: "{% set x = x + x %}", count: 100)
    let template = try ChatTemplate(jinja: "{% set x = 'aaaaaaaa' %}\(doubling){{ x }}")
    #expect(throws: TokenizerError.templateFails(line: 1, problem: "the template makes too much text")) {
      try template.render([], addGenerationPrompt: false)
    }
    let loops = String(repeating: "{% for a in messages %}", count: 40) + String(repeating: "{% endfor %}", count: 40)
    let messages = Array(repeating: ChatTemplate.Message(role: "user", content: ""), count: 10)
    #expect(throws: TokenizerError.self) { try ChatTemplate(jinja: loops).render(messages, addGenerationPrompt: false) }
  }

  @Test("No mutation of a template traps")
  func mutations() {
    var random = SystemRandomNumberGenerator.Seeded(seed: 7)
    let sources = ChatCase.all("templates").compactMap(\.template)
    let snippets = [
      "{{", "}}", "{%", "%}", "{#", "-", "'", "(", "]", " if ", " is ", "|", ".", "[::-1]", "\\", "\n", "in", "é", "0",
    ]
    for _ in 0..<3000 {
      var bytes = Array(sources.randomElement(using: &random)!.utf8)
      for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...8, using: &random)))
        case 1: bytes.insert(contentsOf: snippets.randomElement(using: &random)!.utf8, at: place)
        default: bytes[place] = UInt8.random(in: 0...255, using: &random)
        }
      }
      let source = String(decoding: bytes, as: UTF8.self)
      _ = try? ChatTemplate(jinja: source, beginningToken: "b").render(
        [.init(role: "user", content: "a")], addGenerationPrompt: true)
    }
  }
}

extension SystemRandomNumberGenerator {
  /// SplitMix64.
  struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }
}
