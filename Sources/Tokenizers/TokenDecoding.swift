/// How ids become text again.
struct TokenDecoding: Sendable {
  enum Style: Sendable {
    /// Tokens stand for bytes.
    case bytes
    /// Tokens are words with spaces between them, but those with the prefix continue the word before; optionally without
    /// the spaces that English does not put before punctuation.
    case words(continuingPrefix: [UInt8]?, cleansUp: Bool)
  }

  private let style: Style
  /// By id: what each token adds to the text, for a token that is not the first.
  private var texts: [[UInt8]] = []
  /// Only words differ when they come first.
  private var firstTexts: [[UInt8]]?
  private var isSpecial: [Bool] = []

  init(style: Style) {
    self.style = style
  }

  mutating func read(_ vocabulary: Vocabulary, special: [Int32]) {
    switch style {
    case .bytes:
      texts = vocabulary.tokens.map { token in
        guard let token else { return [] }
        return ByteAlphabet.bytes(of: String(decoding: token, as: UTF8.self)) ?? token
      }
    case .words(let prefix, let cleansUp):
      firstTexts = vocabulary.tokens.map { token in
        cleansUp ? Self.cleanedUp(token ?? []) : token ?? []
      }
      texts = vocabulary.tokens.map { token in
        guard let token else { return [] }
        let text =
          if let prefix, token.starts(with: prefix) {
            Array(token.dropFirst(prefix.count))
          } else {
            [UInt8(ascii: " ")] + token
          }
        return cleansUp ? Self.cleanedUp(text) : text
      }
    }
    isSpecial = Array(repeating: false, count: texts.count)
    for id in special { isSpecial[Int(id)] = true }
  }

  /// Hugging Face's list, one after the other; it sees one token at a time.
  private static func cleanedUp(_ text: [UInt8]) -> [UInt8] {
    guard text.first == UInt8(ascii: " ") else { return text }
    let replacements = [
      (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
      (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ]
    var result = text
    for (found, replacement) in replacements {
      result = replace(Array(found.utf8), by: Array(replacement.utf8), in: result)
    }
    return result
  }

  private static func replace(_ found: [UInt8], by replacement: [UInt8], in text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var place = 0
    while place < text.count {
      if text[place...].starts(with: found) {
        result += replacement
        place += found.count
      } else {
        result.append(text[place])
        place += 1
      }
    }
    return result
  }

  /// The bytes that an id adds; ids outside the vocabulary add none.
  func bytes(of id: Int32, isFirst: Bool) -> [UInt8] {
    guard id >= 0, id < texts.count else { return [] }
    return isFirst ? (firstTexts ?? texts)[Int(id)] : texts[Int(id)]
  }

  func isSkipped(_ id: Int32) -> Bool {
    id >= 0 && id < isSpecial.count && isSpecial[Int(id)]
  }
}

extension Tokenizer {
  /// The text of ids; bytes that are no UTF-8 become U+FFFD. Ids outside the vocabulary add nothing.
  public func decode(_ ids: [Int32], skippingSpecialTokens: Bool = true) -> String {
    var bytes: [UInt8] = []
    var isFirst = true
    for id in ids where !(skippingSpecialTokens && decoding.isSkipped(id)) {
      guard vocabulary.bytes(of: id) != nil else { continue }
      bytes += decoding.bytes(of: id, isFirst: isFirst)
      isFirst = false
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Decodes ids as they come, for showing text while it is generated.
  ///
  /// A character may span tokens: its first bytes are held back until the rest is there.
  public struct StreamingDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipsSpecialTokens: Bool
    private var held: [UInt8] = []
    private var isFirst = true

    init(_ tokenizer: Tokenizer, skippingSpecialTokens: Bool) {
      self.tokenizer = tokenizer
      skipsSpecialTokens = skippingSpecialTokens
    }

    /// What can be shown now that this id has come; perhaps nothing.
    public mutating func append(_ id: Int32) -> String {
      guard tokenizer.vocabulary.bytes(of: id) != nil, !(skipsSpecialTokens && tokenizer.decoding.isSkipped(id)) else {
        return ""
      }
      held += tokenizer.decoding.bytes(of: id, isFirst: isFirst)
      isFirst = false
      let complete = held.count - Self.unfinished(held)
      defer { held.removeFirst(complete) }
      return String(decoding: held[..<complete], as: UTF8.self)
    }

    /// What was still held back when no more ids come: an unfinished character is one U+FFFD.
    public mutating func finish() -> String {
      defer { held = [] }
      return String(decoding: held, as: UTF8.self)
    }

    /// How many bytes at the end are the beginning of a scalar whose other bytes may still come.
    private static func unfinished(_ bytes: [UInt8]) -> Int {
      for length in 1...3 where length <= bytes.count {
        let lead = bytes[bytes.count - length]
        guard lead & 0xC0 != 0x80 else { continue }
        let needed = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1
        return needed > length ? length : 0
      }
      return 0
    }
  }

  public func streamingDecoder(skippingSpecialTokens: Bool = true) -> StreamingDecoder {
    StreamingDecoder(self, skippingSpecialTokens: skippingSpecialTokens)
  }
}
