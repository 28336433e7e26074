/// What a GGUF file says about its tokenizer, under the keys `tokenizer.ggml.*`.
public struct GGUFVocabulary: Sendable {
  /// `tokenizer.ggml.model`; `gpt2` is byte-level BPE.
  public var model: String
  /// `tokenizer.ggml.pre`: the name of the pre-tokenizer.
  public var preTokenizer: String
  /// In the order of their ids.
  public var tokens: [String]
  /// `tokenizer.ggml.token_type` for each token: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte; empty
  /// if the file has none.
  public var types: [Int32]
  /// `left right`, by rank.
  public var merges: [String]
  public var specials: Tokenizer.Specials
  /// Whether a text begins with the token `specials.beginning`, and ends with `specials.end`; `nil` if the file does not
  /// say.
  public var addsBeginning: Bool?
  public var addsEnd: Bool?

  public init(
    model: String, preTokenizer: String, tokens: [String], types: [Int32], merges: [String],
    specials: Tokenizer.Specials = .init(), addsBeginning: Bool? = nil, addsEnd: Bool? = nil
  ) {
    self.model = model
    self.preTokenizer = preTokenizer
    self.tokens = tokens
    self.types = types
    self.merges = merges
    self.specials = specials
    self.addsBeginning = addsBeginning
    self.addsEnd = addsEnd
  }
}

extension Tokenizer {
  /// Byte-level BPE from the vocabulary inside a GGUF file.
  ///
  /// Control tokens (type 3) are special and user-defined ones (type 4) are not; both are cut out of the text as given.
  public init(gguf file: GGUFVocabulary) throws(TokenizerError) {
    guard file.model == "gpt2" else {
      throw .unsupported(path: "tokenizer.ggml.model", what: "the model \"\(file.model)\"", known: ["gpt2"])
    }
    guard file.types.isEmpty || file.types.count == file.tokens.count else {
      throw .invalid(
        path: "tokenizer.ggml.token_type", problem: "has \(file.types.count) entries for \(file.tokens.count) tokens")
    }
    guard file.tokens.count <= Vocabulary.idLimit else {
      throw .invalid(
        path: "tokenizer.ggml.tokens",
        problem: "has \(file.tokens.count) entries, at most \(Vocabulary.idLimit) are read")
    }
    guard let preTokenizer = Self.preTokenizers[file.preTokenizer] else {
      throw .unsupported(
        path: "tokenizer.ggml.pre", what: "the pre-tokenizer \"\(file.preTokenizer)\"",
        known: Self.preTokenizers.keys.sorted())
    }

    var vocabulary = Vocabulary(capacity: file.tokens.count)
    var base: [(token: String, id: Int32)] = []
    for (index, token) in file.tokens.enumerated() {
      guard vocabulary.id(of: token) == nil else {
        throw .invalid(path: "tokenizer.ggml.tokens", problem: "entry \(index) has been there before")
      }
      vocabulary.add(Array(token.utf8), id: Int32(index))
      base.append((token, Int32(index)))
    }
    for (name, id) in file.specials.named {
      guard let id, vocabulary.bytes(of: id) == nil else { continue }
      throw .invalid(path: "tokenizer.ggml.\(name)_token_id", problem: "no token has the id \(id)")
    }

    let added = file.types.enumerated().filter { $1 == 3 || $1 == 4 }.map { index, type in
      AddedToken(
        id: Int32(index), content: Array(file.tokens[index].utf8), isSpecial: type == 3, isWord: false,
        stripsLeft: false,
        stripsRight: false, isNormalized: false)
    }
    normalizer = preTokenizer.composes ? .composed : .none
    splitters = preTokenizer.splitters
    byteLevel = (false, preTokenizer.last)
    model = .bytePairs(
      BytePairs(
        vocabulary: Self.byteTokens(base),
        merges: try Self.bytePairMerges(file.merges.count, vocabulary) { Self.split(file.merges[$0]) },
        ignoresMerges: preTokenizer.ignoresMerges, unknown: nil, fusesUnknown: false))
    template = ([], [])
    if file.addsBeginning ?? preTokenizer.addsBeginning {
      guard let id = file.specials.beginning else { throw .missing(path: "tokenizer.ggml.bos_token_id") }
      template.before = [id]
    }
    if file.addsEnd ?? false {
      guard let id = file.specials.end else { throw .missing(path: "tokenizer.ggml.eos_token_id") }
      template.after = [id]
    }
    (matcher, normalizedMatcher) = (AddedTokenMatcher(), AddedTokenMatcher())
    decoding = TokenDecoding(style: .bytes)
    specials = file.specials
    self.vocabulary = vocabulary
    add(added)
  }

  private struct PreTokenizer {
    var splitters: [Splitter] = []
    var last: Splitter?
    /// Normal form C first, as these models' tokenizer.json says.
    var composes = false
    var ignoresMerges = false
    var addsBeginning = false
  }

  private static let preTokenizers: [String: PreTokenizer] = {
    let gpt2 = PreTokenizer(last: .gpt2)
    let digits = PreTokenizer(splitters: [.digits(individually: true)], last: .gpt2)
    let llama = PreTokenizer(splitters: [.llama3(digits: 3)], ignoresMerges: true, addsBeginning: true)
    let qwen = PreTokenizer(splitters: [.llama3(digits: 1)], composes: true)
    return [
      "gpt-2": gpt2, "smollm": digits, "starcoder": digits, "llama3": llama, "llama-v3": llama, "llama-bpe": llama,
      "qwen2": qwen,
    ]
  }()
}

extension Tokenizer.Specials {
  /// With the names that GGUF gives them.
  fileprivate var named: [(String, Int32?)] {
    [
      ("bos", beginning), ("eos", end), ("padding", padding), ("cls", classification), ("seperator", separator),
      ("mask", mask), ("unknown", unknown),
    ]
  }
}
