import Texts
import Tokenizers

// Vocabularies small enough to work out every id by hand.

/// Tokens and merges as a tokenizer.json; members of `changes` replace or add top-level members.
func wordPieceFile(_ changes: [String: String] = [:]) -> [UInt8] {
  let tokens = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "run", "##ning", "##n", "##ing", "cafe", ",", "'", "!", "中", "##s", "s",
    "i",
  ]
  let vocabulary = tokens.enumerated().map { "\(JSONValue.string($1).text):\($0)" }.joined(separator: ",")
  return file(
    [
      "added_tokens": """
      [{"id":1,"content":"[UNK]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true},
      {"id":2,"content":"[CLS]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}]
      """,
      "normalizer":
        #"{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}"#,
      "pre_tokenizer": #"{"type":"BertPreTokenizer"}"#,
      "post_processor": #"{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]}"#,
      "decoder": ###"{"type":"WordPiece","prefix":"##","cleanup":true}"###,
      "model": """
      {"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":10,
      "vocab":{\(vocabulary)}}
      """,
    ], changes)
}

/// All 256 bytes in the order of their values (ids 0 to 255), then the results of these merges, then the added tokens.
let byteMerges = [("t", "h"), ("th", "e"), ("Ġ", "the"), ("a", "b"), ("b", "c"), ("ab", "ab"), ("Ġ", "Ġ"), ("1", "2")]

func bytePairFile(
  _ changes: [String: String] = [:], ignoreMerges: Bool = false, extraTokens: [String] = [], added: [String] = []
) -> [UInt8] {
  var tokens = byteAlphabet + byteMerges.map { $0.0 + $0.1 } + extraTokens
  let vocabulary = tokens.enumerated().map { "\(JSONValue.string($1).text):\($0)" }.joined(separator: ",")
  let merges = byteMerges.map { "\(JSONValue.string("\($0.0) \($0.1)").text)" }.joined(separator: ",")
  let addedTokens = added.map { token in
    tokens.append("")
    return "{\"id\":\(tokens.count - 1),\"special\":true,\(token)}"
  }
  return file(
    [
      "added_tokens": "[\(addedTokens.joined(separator: ","))]",
      "pre_tokenizer": #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"#,
      "decoder": #"{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}"#,
      "model": """
      {"type":"BPE","dropout":null,"unk_token":null,"fuse_unk":false,"ignore_merges":\(ignoreMerges),
      "vocab":{\(vocabulary)},"merges":[\(merges)]}
      """,
    ], changes)
}

/// The stand-in of each byte, in the order of the bytes: made as GPT-2's encoder makes it.
let byteAlphabet: [String] = {
  var next: UInt32 = 0x100
  return (UInt32(0)..<256).map { byte in
    if (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte) {
      return String(Character(Unicode.Scalar(byte)!))
    }
    defer { next += 1 }
    return String(Character(Unicode.Scalar(next)!))
  }
}()

private func file(_ members: [String: String], _ changes: [String: String]) -> [UInt8] {
  let all = members.merging(changes) { $1 }
  return Array("{\(all.map { "\"\($0)\":\($1)" }.sorted().joined(separator: ","))}".utf8)
}

extension JSONValue {
  var text: String { String(decoding: encoded(sortingMembers: false), as: UTF8.self) }
}
