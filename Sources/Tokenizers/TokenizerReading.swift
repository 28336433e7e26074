import Texts

extension Tokenizer {
  /// Reads a tokenizer.json of Hugging Face `tokenizers`.
  ///
  /// - Parameter configuration: The file tokenizer_config.json or special_tokens_map.json beside it, which names the
  ///   tokens with a rôle; without it, BERT's names count.
  /// - Throws: `.unsupported` with the part's name where the file asks for what this type does not do. Ids that differ
  ///   from those that the model was trained with are never returned.
  public init(json: [UInt8], configuration: [UInt8]? = nil) throws(TokenizerError) {
    let file = try Self.parsed(json)
    let modelPlace = try file.member("model")
    let base = try Self.vocabulary(try modelPlace.member("vocab"))
    let kind = try Self.kind(of: modelPlace)

    var vocabulary = Vocabulary(capacity: base.count)
    for (index, (token, id)) in base.enumerated() {
      guard vocabulary.bytes(of: id) == nil else {
        throw .invalid(path: "model.vocab", problem: "two tokens have the id \(id), the second is entry \(index)")
      }
      vocabulary.add(Array(token.utf8), id: id)
    }
    let unknownToken = try modelPlace["unk_token"]?.text()
    let unknown = unknownToken.flatMap { vocabulary.id(of: $0) }
    if let unknownToken, unknown == nil, kind == .wordPiece || !unknownToken.isEmpty {
      throw .invalid(path: "model.unk_token", problem: "no such token in \"model.vocab\"")
    }

    normalizer = try file["normalizer"].map(Self.normalizer) ?? .none
    (splitters, byteLevel) = ([], (false, nil))
    switch kind {
    case .wordPiece:
      guard let unknown else { throw .missing(path: "model.unk_token") }
      try Self.requireBertPreTokenizer(file["pre_tokenizer"])
      model = .wordPiece(try Self.wordPiece(modelPlace, base, unknown: unknown))
    case .bytePairs:
      (splitters, byteLevel) = try Self.byteLevelPreTokenizer(try file.member("pre_tokenizer"))
      model = .bytePairs(try Self.bytePairs(modelPlace, base, vocabulary, unknown: unknown))
    }

    let added = try file["added_tokens"].map { place throws(TokenizerError) in
      try Self.addedTokens(place, modelCount: base.count, into: &vocabulary)
    }
    (matcher, normalizedMatcher) = (AddedTokenMatcher(), AddedTokenMatcher())
    template =
      try file["post_processor"].flatMap { place throws(TokenizerError) in
        try Self.template(place, vocabulary)
      } ?? ([], [])
    specials = Specials()
    specials.unknown = unknown
    decoding = TokenDecoding(style: try Self.decoding(file["decoder"]))
    self.vocabulary = vocabulary
    add(added ?? [])
    if let configuration {
      try readSpecials(try Self.parsed(configuration))
    } else if kind == .wordPiece {
      specials.classification = vocabulary.id(of: "[CLS]")
      specials.separator = vocabulary.id(of: "[SEP]")
      specials.padding = vocabulary.id(of: "[PAD]")
      specials.mask = vocabulary.id(of: "[MASK]")
    }
  }

  /// Prepares finding and decoding the added tokens, which are in the vocabulary already.
  ///
  /// Special ones come before others, as there: of two that match the same text the first one counts.
  mutating func add(_ added: [AddedToken]) {
    var asGiven: [(pattern: [UInt8], token: AddedToken)] = []
    var normalized: [(pattern: [UInt8], token: AddedToken)] = []
    for token in added.filter(\.isSpecial) + added.filter({ !$0.isSpecial }) {
      guard token.isNormalized else {
        asGiven.append((token.content, token))
        continue
      }
      let pattern = normalForm(token.content)
      normalized.append((pattern, token))
      vocabulary.rename(token.id, pattern)  // its text is its normal form from here on
    }
    (matcher, normalizedMatcher) = (AddedTokenMatcher(asGiven), AddedTokenMatcher(normalized))
    decoding.read(vocabulary, special: added.filter(\.isSpecial).map(\.id))
  }

  private func normalForm(_ text: [UInt8]) -> [UInt8] {
    switch normalizer {
    case .none: return text
    case .composed: return CanonicalForms.shared.composed(text.span)
    case .bert(let bert):
      var normal: [UInt8] = []
      bert.normalize(text.span, into: &normal)
      return normal
    }
  }

  private enum Kind { case wordPiece, bytePairs }

  private static func parsed(_ json: [UInt8]) throws(TokenizerError) -> JSONPlace {
    let value: JSONValue
    do { value = try JSONValue(parsing: json) } catch { throw .notJSON(error) }
    guard case .object = value else { throw JSONPlace(value: value, path: "the file").wrong("an object") }
    return JSONPlace(value: value, path: "")
  }

  /// Files of the first versions do not name their model's type.
  private static func kind(of model: JSONPlace) throws(TokenizerError) -> Kind {
    guard let type = model["type"] else {
      if model["merges"] != nil { return .bytePairs }
      if model["max_input_chars_per_word"] != nil { return .wordPiece }
      throw .missing(path: "model.type")
    }
    switch try type.text() {
    case "WordPiece": return .wordPiece
    case "BPE": return .bytePairs
    case let other: throw type.unsupported("the model \"\(other)\"", known: ["WordPiece", "byte-level BPE"])
    }
  }

  private static func vocabulary(_ place: JSONPlace) throws(TokenizerError) -> [(token: String, id: Int32)] {
    guard case .object(let members) = place.value else { throw place.wrong("an object") }
    var result: [(token: String, id: Int32)] = []
    result.reserveCapacity(members.count)
    let limit = min(members.count + Vocabulary.gapLimit, Vocabulary.idLimit)
    for (index, member) in members.enumerated() {
      guard case .number(let digits) = member.value, let id = Int32(digits), id >= 0, id < limit else {
        throw .invalid(
          path: place.path, problem: "entry \(index) has no id from 0 to \(limit - 1)")
      }
      result.append((member.name, id))
    }
    return result
  }

  private static func addedTokens(
    _ place: JSONPlace, modelCount: Int, into vocabulary: inout Vocabulary
  ) throws(TokenizerError) -> [AddedToken] {
    var result: [AddedToken] = []
    var next = Int32(modelCount)
    for entry in try place.list() {
      let id = try entry.member("id").id()
      let content = try entry.text("content")
      if let known = vocabulary.id(of: content) {
        guard known == id else {
          throw .invalid(path: "\(entry.path).id", problem: "is \(id), but the token has the id \(known) elsewhere")
        }
      } else {
        // Added tokens are numbered from the model's own on. Where a file says otherwise its readers disagree.
        guard id == next, vocabulary.bytes(of: id) == nil else {
          throw .invalid(path: "\(entry.path).id", problem: "is \(id), expected the next free one, \(next)")
        }
        vocabulary.add(Array(content.utf8), id: id)
      }
      if id >= next { next = id + 1 }
      let isSpecial = try entry.flag("special", default: false)
      result.append(
        AddedToken(
          id: id, content: Array(content.utf8), isSpecial: isSpecial,
          isWord: try entry.flag("single_word", default: false),
          stripsLeft: try entry.flag("lstrip", default: false),
          stripsRight: try entry.flag("rstrip", default: false),
          isNormalized: try entry.flag("normalized", default: !isSpecial)))
    }
    return result
  }

  private mutating func readSpecials(_ configuration: JSONPlace) throws(TokenizerError) {
    func id(_ name: String) throws(TokenizerError) -> Int32? {
      guard let place = configuration[name] else { return nil }
      let content = place.value.string == nil ? try place.text("content") : try place.text()
      return vocabulary.id(of: content)
    }
    specials.beginning = try id("bos_token")
    specials.end = try id("eos_token")
    specials.padding = try id("pad_token")
    specials.classification = try id("cls_token")
    specials.separator = try id("sep_token")
    specials.mask = try id("mask_token")
    specials.unknown = try id("unk_token") ?? specials.unknown
  }
}

// MARK: The model

extension Tokenizer {
  private static func wordPiece(
    _ place: JSONPlace, _ vocabulary: [(token: String, id: Int32)], unknown: Int32
  ) throws(TokenizerError) -> WordPiece {
    let prefix = try place["continuing_subword_prefix"]?.text() ?? "##"
    var longestWord = 100
    if let limit = place["max_input_chars_per_word"] {
      guard case .number(let digits) = limit.value, let count = Int(digits), count >= 0 else {
        throw limit.wrong("a count")
      }
      longestWord = count
    }
    return WordPiece(
      vocabulary: vocabulary.map { (Array($0.token.utf8), $0.id) }, unknown: unknown,
      continuingPrefix: Array(prefix.utf8),
      longestWord: longestWord)
  }

  private static func bytePairs(
    _ place: JSONPlace, _ base: [(token: String, id: Int32)], _ vocabulary: Vocabulary, unknown: Int32?
  ) throws(TokenizerError) -> BytePairs {
    if let dropout = place["dropout"], dropout.value != .number("0.0"), dropout.value != .number("0") {
      throw dropout.unsupported("dropout", known: [])
    }
    for name in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = place[name], try !affix.text().isEmpty { throw affix.unsupported("an affix of words", known: []) }
    }
    if try place.flag("byte_fallback", default: false) {
      throw .unsupported(path: "model.byte_fallback", what: "byte fallback", known: ["byte-level BPE"])
    }
    let merges = try place.member("merges")
    guard case .array(let entries) = merges.value else { throw merges.wrong("a list") }
    return BytePairs(
      vocabulary: byteTokens(base),
      merges: try bytePairMerges(entries.count, vocabulary) { rank in
        switch entries[rank] {
        case .string(let pair): split(pair)
        case .array(let pair) where pair.count == 2:
          pair[0].string.flatMap { left in pair[1].string.map { (left, $0) } }
        default: nil
        }
      },
      ignoresMerges: try place.flag("ignore_merges", default: false), unknown: unknown,
      fusesUnknown: try place.flag("fuse_unk", default: false))
  }

  /// The two sides of `left right`.
  static func split(_ pair: String) -> (String, String)? {
    let sides = pair.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    return sides.count == 2 ? (String(sides[0])!, String(sides[1])!) : nil
  }

  /// The tokens that consist of bytes in their alphabet; no others can come from text.
  static func byteTokens(_ vocabulary: [(token: String, id: Int32)]) -> [(token: [UInt8], id: Int32)] {
    vocabulary.compactMap { entry in ByteAlphabet.bytes(of: entry.token).map { ($0, entry.id) } }
  }

  static func bytePairMerges(
    _ count: Int, _ vocabulary: Vocabulary, _ pair: (Int) -> (String, String)?
  ) throws(TokenizerError) -> [BytePairs.Merge] {
    var merges: [BytePairs.Merge] = []
    merges.reserveCapacity(count)
    for rank in 0..<count {
      guard let (left, right) = pair(rank) else {
        throw .invalid(path: "model.merges", problem: "entry \(rank) is no pair of tokens")
      }
      guard let leftID = vocabulary.id(of: left), let rightID = vocabulary.id(of: right),
        let result = vocabulary.id(of: left + right)
      else {
        throw .invalid(path: "model.merges", problem: "entry \(rank) has a token that is not in the vocabulary")
      }
      merges.append(.init(left: leftID, right: rightID, result: result))
    }
    return merges
  }
}
