import Foundation
import Tensors
import Testing
import Tokenizers

private enum BaseModels {
  static let path =
    ProcessInfo.processInfo.environment["TRIBUTARY_MODELS"]
    ?? URL(filePath: #filePath).appending(path: "../../../.cache/models").standardized.path()

  static var areHere: Bool {
    ["minilm/tokenizer.json", "smollm2-q4_1.gguf"].allSatisfy {
      FileManager.default.fileExists(atPath: "\(path)/\($0)")
    }
  }
}

/// The real tokenizers against ids of Hugging Face `tokenizers`; scripts/setup fetches the models.
@Suite(
  .enabled(if: BaseModels.areHere, "needs the base models: source scripts/setup; setup::need models"))
struct RealTokenizerTests {
  /// Rows as hexadecimal bytes, some of which are no UTF-8, with ids and texts: tokenizers_check.py golden.
  private struct Golden: Decodable {
    var rows: [String]
    var minilm, smollm2: [[Int32]]
    var minilmTexts, smollm2Texts: [String]

    var bytes: [[UInt8]] {
      rows.map { row in
        stride(from: 0, to: row.utf8.count, by: 2).map { UInt8(row.dropFirst($0).prefix(2), radix: 16)! }
      }
    }

    init() throws {
      let url = Bundle.module.url(forResource: "Golden/tokens", withExtension: "json")!
      self = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
    }
  }

  private func check(_ tokenizer: Tokenizer, _ rows: [[UInt8]], _ ids: [[Int32]], _ texts: [String]) {
    #expect(rows.count > 300 && ids.count == rows.count && texts.count == rows.count)
    for (row, (ids, text)) in zip(rows, zip(ids, texts)) {
      #expect(tokenizer.encode(utf8: row) == ids)
      #expect(tokenizer.decode(ids).utf8.elementsEqual(text.utf8))
      var stream = tokenizer.streamingDecoder()
      let parts = ids.map { stream.append($0) } + [stream.finish()]
      #expect(parts.joined().utf8.elementsEqual(text.utf8))
    }
  }

  @Test("MiniLM's tokenizer.json gives the reference's ids and texts")
  func miniLM() throws {
    let golden = try Golden()
    let tokenizer = try Tokenizer(
      json: [UInt8](Data(contentsOf: URL(filePath: "\(BaseModels.path)/minilm/tokenizer.json"))))
    check(tokenizer, golden.bytes, golden.minilm, golden.minilmTexts)
    #expect(tokenizer.vocabularySize == 30522)
    #expect(tokenizer.specials.classification == 101 && tokenizer.specials.mask == 103)
  }

  private static func metadata() throws -> [String: GGUF.Value] {
    try GGUFFile(ReadOnlyFile("\(BaseModels.path)/smollm2-q4_1.gguf")).metadata
  }

  @Test("SmolLM2's vocabulary inside its GGUF gives the reference's ids and texts")
  func smolLM2() throws {
    let golden = try Golden()
    let metadata = try Self.metadata()
    func value(_ key: String) throws -> GGUF.Value { try #require(metadata["tokenizer.ggml.\(key)"]) }
    let tokenizer = try Tokenizer(
      gguf: GGUFVocabulary(
        model: #require(value("model").string), preTokenizer: #require(value("pre").string),
        tokens: #require(value("tokens").strings), types: #require(value("token_type").integers).map(Int32.init),
        merges: #require(value("merges").strings)))
    check(tokenizer, golden.bytes, golden.smollm2, golden.smollm2Texts)
    #expect(tokenizer.vocabularySize == 49152)
  }

  @Test("SmolLM2's chat template gives what Jinja gives")
  func chat() throws {
    let source = try #require(Self.metadata()["tokenizer.chat_template"]?.string)
    let cases = ChatCase.all("smollm2-chats")
    #expect(cases.count > 8)
    for expected in cases { expected.check(try ChatTemplate(jinja: source)) }
  }
}
