import Testing
import Texts
import Tokenizers

struct GGUFMistake: Sendable {
  var path: String
  var make: @Sendable (inout GGUFVocabulary) -> Void

  init(_ path: String, _ make: @escaping @Sendable (inout GGUFVocabulary) -> Void) {
    self.path = path
    self.make = make
  }

  static let all = [
    GGUFMistake("tokenizer.ggml.model") { $0.model = "llama" },
    GGUFMistake("tokenizer.ggml.pre") { $0.preTokenizer = "default" },
    GGUFMistake("tokenizer.ggml.token_type") { $0.types.removeLast() },
    GGUFMistake("tokenizer.ggml.tokens") { $0.tokens[1] = $0.tokens[0] },
    GGUFMistake("model.merges") { $0.merges.append("a") },
    GGUFMistake("model.merges") { $0.merges.append("a zzz") },
    GGUFMistake("tokenizer.ggml.eos_token_id") { $0.specials.end = 9999 },
    GGUFMistake("tokenizer.ggml.bos_token_id") { $0.specials.beginning = -1 },
    GGUFMistake("tokenizer.ggml.bos_token_id") { $0.addsBeginning = true },
    GGUFMistake("tokenizer.ggml.eos_token_id") { $0.addsEnd = true },
  ]
}

struct MalformedTokenizerTests {
  private func refusal(_ file: [UInt8]) -> TokenizerError? {
    do throws(TokenizerError) { _ = try Tokenizer(json: file) } catch { return error }
    return nil
  }

  @Test(
    "A part that this program does not have is refused by name",
    arguments: [
      ("model", #"{"type":"Unigram","vocab":{}}"#, "model.type", "the model \"Unigram\""),
      ("normalizer", #"{"type":"NFKC"}"#, "normalizer", "the normalizer \"NFKC\""),
      (
        "normalizer", #"{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"NFC"}]}"#, "normalizer",
        "a sequence of normalizers"
      ),
      ("pre_tokenizer", #"{"type":"Metaspace"}"#, "pre_tokenizer", "BPE without the byte-level step at the end"),
      (
        "pre_tokenizer", #"{"type":"Sequence","pretokenizers":[{"type":"Punctuation"},{"type":"ByteLevel"}]}"#,
        "pre_tokenizer.pretokenizers[0]", "the pre-tokenizer \"Punctuation\""
      ),
      (
        "pre_tokenizer",
        #"{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"\\d+"},"behavior":"Isolated"},{"type":"ByteLevel"}]}"#,
        "pre_tokenizer.pretokenizers[0].pattern.Regex", #"the pattern \d+"#
      ),
      ("post_processor", #"{"type":"Other"}"#, "post_processor", "the post-processor \"Other\""),
      ("decoder", #"{"type":"Metaspace"}"#, "decoder", "the decoder \"Metaspace\""),
      ("model", #"{"type":"BPE","vocab":{},"merges":[],"byte_fallback":true}"#, "model.byte_fallback", "byte fallback"),
      ("model", #"{"type":"BPE","vocab":{},"merges":[],"dropout":0.1}"#, "model.dropout", "dropout"),
      (
        "model", #"{"type":"BPE","vocab":{},"merges":[],"end_of_word_suffix":"</w>"}"#, "model.end_of_word_suffix",
        "an affix of words"
      ),
    ])
  func unsupported(member: String, value: String, path: String, what: String) throws {
    let error = try #require(refusal(bytePairFile([member: value])))
    guard case .unsupported(path, what, _) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(error.hint != nil)
  }

  @Test(
    "A member that is missing, of another type or impossible is an error that names it",
    arguments: [
      ("model", "null", "model"), ("model", "[]", "model"),
      ("model", #"{"type":"BPE","vocab":[],"merges":[]}"#, "model.vocab"),
      ("model", #"{"type":"BPE","vocab":{}}"#, "model.merges"),
      ("model", #"{"type":"BPE","merges":[]}"#, "model.vocab"),
      ("model", #"{"type":"BPE","vocab":{"a":-1},"merges":[]}"#, "model.vocab"),
      ("model", #"{"type":"BPE","vocab":{"a":1.5},"merges":[]}"#, "model.vocab"),
      ("model", #"{"type":"BPE","vocab":{"a":99999999},"merges":[]}"#, "model.vocab"),
      ("model", #"{"type":"BPE","vocab":{"a":1,"b":1},"merges":[]}"#, "model.vocab"),
      ("model", #"{"type":"BPE","vocab":{"a":1},"merges":["a b"]}"#, "model.merges"),
      ("model", #"{"type":"BPE","vocab":{"a":1},"merges":["a"]}"#, "model.merges"),
      ("model", #"{"type":"BPE","vocab":{"a":1},"merges":[["a","a","a"]]}"#, "model.merges"),
      ("model", #"{"type":"BPE","vocab":{"a":1},"merges":{}}"#, "model.merges"),
      ("model", #"{"type":"BPE","vocab":{"a":1},"merges":[],"unk_token":"b"}"#, "model.unk_token"),
      ("model", #"{"type":"BPE","vocab":{"a":1},"merges":[],"ignore_merges":3}"#, "model.ignore_merges"),
      ("model", #"{"vocab":{}}"#, "model.type"), ("pre_tokenizer", "null", "pre_tokenizer"),
      ("pre_tokenizer", #"{"type":"Sequence","pretokenizers":[]}"#, "pre_tokenizer"),
      ("pre_tokenizer", #"{"type":3}"#, "pre_tokenizer.type"), ("added_tokens", "{}", "added_tokens"),
      ("added_tokens", #"[{"id":0}]"#, "added_tokens[0].content"),
      ("added_tokens", #"[{"id":999,"content":"<x>"}]"#, "added_tokens[0].id"),
      ("added_tokens", #"[{"id":5,"content":"a"}]"#, "added_tokens[0].id"),
      ("post_processor", #"{"type":"BertProcessing","cls":["a",1],"sep":["b",9999]}"#, "post_processor.sep[1]"),
      ("post_processor", #"{"type":"BertProcessing","cls":["a"],"sep":["b",1]}"#, "post_processor.cls"),
      ("post_processor", #"{"type":"TemplateProcessing","single":[],"special_tokens":{}}"#, "post_processor.single"),
      (
        "post_processor", #"{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"x"}}],"special_tokens":{}}"#,
        "post_processor.special_tokens.x"
      ),
    ])
  func wrong(member: String, value: String, path: String) throws {
    let error = try #require(refusal(bytePairFile([member: value])))
    #expect(error.description.contains("\"\(path)\""), "\(error)")
    #expect(error.hint != nil)
  }

  @Test("What is no JSON says so, and what is no object as well")
  func notJSON() {
    #expect(refusal([])?.description == "tokenizer: not valid JSON: the text ends too early, at byte 0")
    #expect(refusal(Array("[]".utf8)) == .wrongType(path: "the file", expected: "an object", found: "a list"))
    // Half a surrogate pair
    let half = refusal(Array(#"{"model":{"type":"BPE","vocab":{"\ud800":1},"merges":[]}}"#.utf8))
    #expect(half?.description.contains("not valid JSON") == true)
  }

  @Test("WordPiece needs its unknown token, and a limit that is a count")
  func wordPiece() {
    let model = #"{"type":"WordPiece","vocab":{"a":0},"max_input_chars_per_word":"#
    #expect(refusal(wordPieceFile(["added_tokens": "[]", "model": model + "5}"])) == .missing(path: "model.unk_token"))
    #expect(
      refusal(wordPieceFile(["added_tokens": "[]", "model": model + #"-1,"unk_token":"a"}"#]))
        == .wrongType(path: "model.max_input_chars_per_word", expected: "a count", found: "a number"))
  }

  @Test(
    "A GGUF's vocabulary that does not fit is an error that names the key",
    arguments: GGUFMistake.all)
  func gguf(mistake: GGUFMistake) throws {
    var vocabulary = ggufVocabulary(pre: "smollm")
    mistake.make(&vocabulary)
    do throws(TokenizerError) {
      _ = try Tokenizer(gguf: vocabulary)
      Issue.record("accepted")
    } catch { #expect(error.description.contains("\"\(mistake.path)\""), "\(error)") }
  }

  @Test("No mutation of a file traps, and what still opens encodes and decodes")
  func mutations() {
    var random = SystemRandomNumberGenerator.Seeded(seed: 11)
    let files = [
      wordPieceFile(), bytePairFile(added: [#""content":"<a>","lstrip":true,"rstrip":true,"single_word":true"#]),
    ]
    let snippets = [
      "null", "0", "-1", "\"\"", "[]", "{}", "true", "1e9", "\"a\"", ",", "\\u0000", "4194303", "{\"type\":\"NFC\"}",
    ]
    var opened = 0
    for round in 0..<4000 {
      var bytes = files[round % 2]
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...6, using: &random)))
        case 1: bytes.insert(contentsOf: snippets.randomElement(using: &random)!.utf8, at: place)
        case 2:  // another value in place of the one after the next colon
          guard let colon = bytes[place...].firstIndex(of: UInt8(ascii: ":")) else { continue }
          let end = bytes[(colon + 1)...].firstIndex { ",}".utf8.contains($0) } ?? bytes.count
          bytes.replaceSubrange((colon + 1)..<end, with: snippets.randomElement(using: &random)!.utf8)
        default: bytes[place] = UInt8.random(in: 0x20...0x7E, using: &random)
        }
      }
      guard let tokenizer = try? Tokenizer(json: bytes) else { continue }
      opened += 1
      let ids = tokenizer.encode("the <a> Running, ab 12 é中\u{301}\0")
      #expect(ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularySize })
      _ = tokenizer.decode(ids, skippingSpecialTokens: false)
    }
    #expect(opened > 100)  // or the mutations would test the JSON parser alone
  }
}
