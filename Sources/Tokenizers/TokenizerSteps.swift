/// What stands before and after the model in a tokenizer.json, by the names that it gives there.
extension Tokenizer {
  static func normalizer(_ place: JSONPlace) throws(TokenizerError) -> Normalizer {
    switch try place.text("type") {
    case "BertNormalizer":
      let lowercases = try place.flag("lowercase", default: true)
      return .bert(
        BertNormalizer(
          cleansText: try place.flag("clean_text", default: true),
          separatesHan: try place.flag("handle_chinese_chars", default: true),
          stripsAccents: try place.flag("strip_accents", default: lowercases), lowercases: lowercases))
    case "NFC": return .composed
    case "Sequence":
      let steps = try place.member("normalizers").list()
      guard steps.count <= 1 else { throw place.unsupported("a sequence of normalizers", known: known.normalizers) }
      return try steps.first.map(normalizer) ?? .none
    case let other: throw place.unsupported("the normalizer \"\(other)\"", known: known.normalizers)
    }
  }

  private static let known = (
    normalizers: ["BertNormalizer", "NFC", "none"],
    preTokenizers: ["BertPreTokenizer", "ByteLevel", "Digits", "Split with the pattern of GPT-2, Llama 3 or Qwen 2"],
    postProcessors: ["TemplateProcessing", "BertProcessing", "RobertaProcessing", "ByteLevel"],
    decoders: ["ByteLevel", "WordPiece"]
  )

  static func requireBertPreTokenizer(_ place: JSONPlace?) throws(TokenizerError) {
    guard let place else { throw .missing(path: "pre_tokenizer") }
    let type = try place.text("type")
    guard type == "BertPreTokenizer" else {
      throw place.unsupported("WordPiece with the pre-tokenizer \"\(type)\"", known: ["BertPreTokenizer"])
    }
  }

  /// The splits before the byte-level step, which must come last, and what that step does.
  static func byteLevelPreTokenizer(
    _ place: JSONPlace
  ) throws(TokenizerError) -> ([Splitter], (addsPrefixSpace: Bool, splitter: Splitter?)) {
    let isSequence = try place.text("type") == "Sequence"
    let steps = isSequence ? try place.member("pretokenizers").list() : [place]
    var splitters: [Splitter] = []
    for (index, step) in steps.enumerated() {
      let type = try step.text("type")
      if index == steps.count - 1 {
        guard type == "ByteLevel" else {
          throw step.unsupported("BPE without the byte-level step at the end", known: ["byte-level BPE"])
        }
        return (
          splitters,
          (
            try step.flag("add_prefix_space", default: true),
            try step.flag("use_regex", default: true) ? .gpt2 : nil
          )
        )
      }
      switch type {
      case "Digits": splitters.append(.digits(individually: try step.flag("individual_digits", default: false)))
      case "Split": splitters.append(try splitter(step))
      default: throw step.unsupported("the pre-tokenizer \"\(type)\"", known: known.preTokenizers)
      }
    }
    throw .invalid(path: place.path, problem: "a sequence without steps")
  }

  private static func splitter(_ place: JSONPlace) throws(TokenizerError) -> Splitter {
    let pattern = try place.member("pattern")
    guard let expression = pattern["Regex"] else {
      throw pattern.unsupported("a split at a fixed text", known: known.preTokenizers)
    }
    // These patterns match all of a text, so keeping the matches and removing what is between them are the same.
    let behaviour = try place.text("behavior")
    let isInverted = try place.flag("invert", default: false)
    guard behaviour == "Isolated" && !isInverted || behaviour == "Removed" && isInverted else {
      throw place.unsupported("the behaviour \"\(behaviour)\"\(isInverted ? ", inverted," : "")", known: ["Isolated"])
    }
    let text = try expression.text()
    guard let splitter = patterns[text] else {
      throw expression.unsupported("the pattern \(text)", known: known.preTokenizers)
    }
    return splitter
  }

  private static let patterns: [String: Splitter] = [
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: .gpt2,
    #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#: .gpt2,
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
      .llama3(digits: 3),
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#:
      .llama3(digits: 1),
  ]

  /// The ids around a single text, and `nil` if the post-processor adds none.
  static func template(
    _ place: JSONPlace, _ vocabulary: Vocabulary
  ) throws(TokenizerError) -> (before: [Int32], after: [Int32])? {
    func known(_ id: JSONPlace) throws(TokenizerError) -> Int32 {
      let value = try id.id()
      guard vocabulary.bytes(of: value) != nil else {
        throw .invalid(path: id.path, problem: "no token has the id \(value)")
      }
      return value
    }
    switch try place.text("type") {
    case "ByteLevel": return nil
    case "BertProcessing", "RobertaProcessing":
      func token(_ name: String) throws(TokenizerError) -> Int32 {
        let pair = try place.member(name).list()
        guard pair.count == 2 else {
          throw .invalid(path: "\(place.path).\(name)", problem: "expected a token and its id")
        }
        return try known(pair[1])
      }
      return ([try token("cls")], [try token("sep")])
    case "TemplateProcessing":
      var (before, after): ([Int32], [Int32]) = ([], [])
      var texts = 0
      for piece in try place.member("single").list() {
        if let sequence = piece["Sequence"] {
          guard try sequence.text("id") == "A" else {
            throw sequence.unsupported("a template for one text with a second one", known: [])
          }
          texts += 1
        } else {
          let name = try piece.member("SpecialToken").text("id")
          let special = try place.member("special_tokens").member(name)
          for id in try special.member("ids").list() {
            let id = try known(id)
            if texts == 0 { before.append(id) } else { after.append(id) }
          }
        }
      }
      guard texts == 1 else { throw .invalid(path: "\(place.path).single", problem: "has the text \(texts) times") }
      return (before, after)
    case "Sequence":
      var result: (before: [Int32], after: [Int32])?
      for step in try place.member("processors").list() {
        guard let template = try template(step, vocabulary) else { continue }
        guard result == nil else { throw place.unsupported("two templates in sequence", known: []) }
        result = template
      }
      return result
    case let other: throw place.unsupported("the post-processor \"\(other)\"", known: Self.known.postProcessors)
    }
  }

  static func decoding(_ place: JSONPlace?) throws(TokenizerError) -> TokenDecoding.Style {
    guard let place else { return .words(continuingPrefix: nil, cleansUp: false) }
    switch try place.text("type") {
    case "ByteLevel": return .bytes
    case "WordPiece":
      return .words(
        continuingPrefix: Array((try place["prefix"]?.text() ?? "##").utf8),
        cleansUp: try place.flag("cleanup", default: true))
    case let other: throw place.unsupported("the decoder \"\(other)\"", known: known.decoders)
    }
  }
}
