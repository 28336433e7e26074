import Testing
import Tokenizers

struct BytePairTests {
  // Ids of results of merges: th 256, the 257, Ġthe 258, ab 259, bc 260, abab 261, ĠĠ 262, 12 263.

  @Test(
    "The pair of the lowest rank is merged first, the leftmost of equals",
    arguments: [
      ("the", [257]), (" the", [258]), ("th", [256]), ("he", [0x68, 0x65]), ("abc", [259, 0x63]), ("bc", [260]),
      ("abab", [261]), ("ababab", [261, 259]), ("aab", [0x61, 259]), ("bbc", [0x62, 260]), ("", []),
      ("é", [0xC3, 0xA9]), ("\u{0}", [0]), ("\u{7F}\u{A0}", [0x7F, 0xC2, 0xA0]),
    ] as [(String, [Int32])])
  func merges(text: String, ids: [Int32]) throws {
    #expect(try Tokenizer(json: bytePairFile()).encode(text) == ids)
  }

  @Test(
    "Long pieces are merged by a heap, with the same result", arguments: [190, 191, 192, 193, 194, 195, 1000, 1001])
  func longPieces(length: Int) throws {
    let tokenizer = try Tokenizer(json: bytePairFile())
    let pairs = Array(repeating: Int32(261), count: length / 4)
    let rest: [[Int32]] = [[], [0x61], [259], [259, 0x61]]
    let text = String(String(repeating: "ab", count: length).prefix(length))
    #expect(tokenizer.encode(text) == pairs + rest[length % 4])
  }

  @Test("No piece crosses a split: GPT-2's")
  func gpt2() throws {
    let tokenizer = try Tokenizer(json: bytePairFile())
    // The last space goes with the word, so the merge of two spaces is for those before it.
    #expect(tokenizer.encode("ab   the") == [259, 262, 258])
    #expect(tokenizer.encode("a  ") == [0x61, 262])
    #expect(tokenizer.encode("12 12") == [263, 0x20, 263])
    #expect(tokenizer.encode("t'the") == [0x74, 0x27, 0x74, 0x68, 0x65])  // 't is cut off first
    #expect(tokenizer.encode("t'The") == [0x74, 0x27, 0x54, 0x68, 0x65])
  }

  @Test("Digits stand alone for SmolLM, by the GGUF's name and by tokenizer.json")
  func digits() throws {
    let steps = """
      {"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},
      {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}]}
      """
    let fromJSON = try Tokenizer(json: bytePairFile(["pre_tokenizer": steps]))
    let fromGGUF = try Tokenizer(gguf: ggufVocabulary(pre: "smollm"))
    for tokenizer in [fromJSON, fromGGUF] {
      #expect(tokenizer.encode("12") == [0x31, 0x32])
      #expect(tokenizer.encode("the  12") == [257, 262, 0x31, 0x32])  // both spaces end their part of the text
    }
  }

  @Test("Llama 3 takes digits by three and other cases of contractions, Qwen 2 each digit")
  func llama3() throws {
    let llama = try Tokenizer(gguf: ggufVocabulary(pre: "llama-bpe", beginning: 257))
    let qwen = try Tokenizer(gguf: ggufVocabulary(pre: "qwen2"))
    #expect(llama.encode("1212", addSpecialTokens: false) == [263, 0x31, 0x32])  // 121 is one piece, and so is 2
    #expect(qwen.encode("1212") == [0x31, 0x32, 0x31, 0x32])
    #expect(qwen.encode(".the") == [0x2E, 257])
    #expect(llama.encode("'The", addSpecialTokens: false) == [0x27, 0x54, 0x68, 0x65])
    #expect(llama.encode("  \n  the", addSpecialTokens: false) == [262, 0x0A, 0x20, 258])
    #expect(llama.encode("the") == [257, 257])  // begins with the token that the vocabulary names
    #expect(qwen.encode("e\u{301}") == [0xC3, 0xA9])  // normal form C first
  }

  @Test("A token that merging does not lead to is found only where merges are ignored")
  func ignoredMerges() throws {
    let plain = try Tokenizer(json: bytePairFile(extraTokens: ["xyz"]))
    let ignoring = try Tokenizer(json: bytePairFile(ignoreMerges: true, extraTokens: ["xyz"]))
    #expect(plain.encode("xyz") == [0x78, 0x79, 0x7A])
    #expect(ignoring.encode("xyz") == [264])
  }

  @Test("A space is put before text that has none, if the file says so")
  func prefixSpace() throws {
    let step = #"{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}"#
    let tokenizer = try Tokenizer(json: bytePairFile(["pre_tokenizer": step]))
    #expect(tokenizer.encode("the") == [258])
    #expect(tokenizer.encode(" the") == [258])
    #expect(tokenizer.encode("") == [])
  }

  @Test("Added tokens: the longest at each place, and the flags")
  func addedTokens() throws {
    let file = bytePairFile(added: [
      #""content":"<a>""#, #""content":"<a><b>""#, #""content":"wz","single_word":true"#,
      #""content":"||","lstrip":true,"rstrip":true"#,
    ])
    let tokenizer = try Tokenizer(json: file)
    #expect(tokenizer.encode("<a><a><b>") == [264, 265])
    #expect(tokenizer.encode("wz wzwz é.wz") == [266, 0x20, 0x77, 0x7A, 0x77, 0x7A, 0x20, 0xC3, 0xA9, 0x2E, 266])
    #expect(tokenizer.encode("a \n|| \u{3000}b") == [0x61, 267, 0x62])
    #expect(tokenizer.decode([264, 257]) == "the")
    #expect(tokenizer.decode([264, 257], skippingSpecialTokens: false) == "<a>the")
  }

  @Test("A token that matches in normal form is found by it, and decodes to it")
  func normalizedTokens() throws {
    let file = bytePairFile(
      ["normalizer": #"{"type":"NFC"}"#], added: [#""content":"e\u0301x","normalized":true"#])
    let tokenizer = try Tokenizer(json: file)
    #expect(tokenizer.encode("e\u{301}x \u{E9}x") == [264, 0x20, 264])
    // Every character of "éx" is one of the byte alphabet's: it decodes to the bytes E9 and 78, as in the reference.
    #expect(tokenizer.decode([264], skippingSpecialTokens: false) == "\u{FFFD}x")
    #expect(tokenizer.token(of: 264) == "\u{E9}x")
    #expect(tokenizer.id(of: "e\u{301}x") == 264)
  }

  @Test("Bytes that are no UTF-8 count as U+FFFD, one for each maximal part")
  func invalidUTF8() throws {
    let tokenizer = try Tokenizer(json: bytePairFile())
    let replacement: [Int32] = [0xEF, 0xBF, 0xBD]
    #expect(tokenizer.encode(utf8: [0x61, 0xFF, 0x62]) == [0x61] + replacement + [0x62])
    #expect(tokenizer.encode(utf8: [0xE2, 0x82]) == replacement)
    #expect(tokenizer.encode(utf8: [0xED, 0xA0, 0x80]) == replacement + replacement + replacement)
    #expect(tokenizer.encode(utf8: Array("é".utf8)) == [0xC3, 0xA9])
  }

  @Test("Decoding gives the bytes back, and a stream never splits a character")
  func decodes() throws {
    let tokenizer = try Tokenizer(json: bytePairFile())
    let text = "the é 👩‍👩‍👧 中\u{0}"
    let ids = tokenizer.encode(text)
    #expect(tokenizer.decode(ids) == text)

    var stream = tokenizer.streamingDecoder()
    var parts = ids.map { stream.append($0) }
    #expect(parts.allSatisfy { !$0.unicodeScalars.contains("\u{FFFD}") })
    parts.append(stream.finish())
    #expect(parts.joined() == text)
  }

  @Test("A stream shows what can never become a character, and at its end what was cut off")
  func streamOfBrokenBytes() throws {
    let tokenizer = try Tokenizer(json: bytePairFile())
    for bytes: [Int32] in [
      [0xFF], [0xE2, 0x28], [0x80, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xC3, 0xC3, 0xA9], [0xF0, 0x80, 0x80, 0x41],
    ] {
      var stream = tokenizer.streamingDecoder()
      let parts = bytes.map { stream.append($0) } + [stream.finish()]
      #expect(parts.joined() == tokenizer.decode(bytes))
    }
  }
}

func ggufVocabulary(pre: String, beginning: Int32? = nil) -> GGUFVocabulary {
  var specials = Tokenizer.Specials()
  specials.beginning = beginning
  let tokens = byteAlphabet + byteMerges.map { $0.0 + $0.1 }
  return GGUFVocabulary(
    model: "gpt2", preTokenizer: pre, tokens: tokens, types: Array(repeating: 1, count: tokens.count),
    merges: byteMerges.map { "\($0.0) \($0.1)" }, specials: specials)
}
