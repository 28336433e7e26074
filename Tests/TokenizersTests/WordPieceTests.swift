import Testing
import Tokenizers

struct WordPieceTests {
  @Test(
    "Words become their longest pieces, and unknown words one token",
    arguments: [
      ("the", [4]), ("running", [5, 6]), ("runn", [5, 7]), ("runing", [5, 8]), ("runs", [5, 14]), ("s", [15]),
      ("runx", [1]), ("x", [1]), ("theru", [1]), ("", []), ("  \t\n", []),
      ("runningsss", [5, 6, 14, 14, 14]),  // 10 scalars
      ("runningssss", [1]),  // 11, more than the file's limit
    ] as [(String, [Int32])])
  func pieces(text: String, ids: [Int32]) throws {
    #expect(try Tokenizer(json: wordPieceFile()).encode(text, addSpecialTokens: false) == ids)
  }

  @Test("Text is lower-cased, stripped of accents and control characters, and cut at punctuation and ideographs")
  func normalizes() throws {
    let tokenizer = try Tokenizer(json: wordPieceFile())
    #expect(tokenizer.encode("Café, CAFE\u{301}!") == [2, 9, 10, 9, 12, 3])
    #expect(tokenizer.encode("t\u{0}h\u{200D}e\u{FFFD}\u{AD}", addSpecialTokens: false) == [4])
    #expect(tokenizer.encode("the\u{A0}the\u{3000}the\u{2028}the", addSpecialTokens: false) == [4, 4, 4, 4])
    #expect(tokenizer.encode("run中s", addSpecialTokens: false) == [5, 13, 15])
    #expect(tokenizer.encode("İ", addSpecialTokens: false) == [16])  // i and a dot above, which is a mark
  }

  @Test("A cased model keeps accents and case")
  func cased() throws {
    let normalizer =
      #"{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":false,"strip_accents":null,"lowercase":false}"#
    let tokenizer = try Tokenizer(json: wordPieceFile(["normalizer": normalizer]))
    #expect(tokenizer.encode("the The café cafe 中s", addSpecialTokens: false) == [4, 1, 1, 9, 13, 14])
  }

  @Test("Added tokens are found in the text before it is normalized")
  func addedTokens() throws {
    let tokenizer = try Tokenizer(json: wordPieceFile())
    #expect(tokenizer.encode("the[CLS]run[cls]", addSpecialTokens: false) == [4, 2, 5, 1, 1, 1])
  }

  @Test("The template stands around each text, and roles have their ids")
  func template() throws {
    let tokenizer = try Tokenizer(json: wordPieceFile())
    #expect(tokenizer.encode("") == [2, 3])
    #expect(tokenizer.addedSpecialTokens == 2)
    #expect(tokenizer.specials.classification == 2)
    #expect(tokenizer.specials.separator == 3)
    #expect(tokenizer.specials.padding == 0)
    #expect(tokenizer.specials.unknown == 1)
    #expect(tokenizer.specials.mask == nil)
    #expect(tokenizer.id(of: "##ning") == 6)
    #expect(tokenizer.token(of: 6) == "##ning")
    #expect(tokenizer.vocabularySize == 17)
  }

  @Test("Decoding joins pieces, puts spaces between words, and closes up punctuation")
  func decodes() throws {
    let tokenizer = try Tokenizer(json: wordPieceFile())
    #expect(tokenizer.decode([2, 4, 5, 6, 10, 9, 12, 3], skippingSpecialTokens: true) == "the running, cafe! [SEP]")
    #expect(tokenizer.decode([2, 4], skippingSpecialTokens: false) == "[CLS] the")
    #expect(tokenizer.decode([6, 4]) == "##ning the")
    #expect(tokenizer.decode([-1, 99, .max]) == "")
  }

  @Test("The configuration beside the file names the tokens with a role")
  func configuration() throws {
    let configuration = #"{"cls_token":"[CLS]","pad_token":{"content":"[PAD]"},"eos_token":"the","bos_token":null}"#
    let tokenizer = try Tokenizer(json: wordPieceFile(), configuration: Array(configuration.utf8))
    #expect(tokenizer.specials.classification == 2)
    #expect(tokenizer.specials.padding == 0)
    #expect(tokenizer.specials.end == 4)
    #expect(tokenizer.specials.beginning == nil)
    #expect(tokenizer.specials.separator == nil)
  }
}
