/// Text to the ids of a model's vocabulary, and back: WordPiece as in BERT, or byte-level byte-pair encoding.
///
/// Ids equal those of Hugging Face `tokenizers` for the same tokenizer.json, which `Benchmarks/reference/tokenizers_check.py`
/// checks on real rows and on adversarial Unicode. What the file says about truncation and padding is not followed: the
/// caller decides how long a text may be, and packed batches have no padding.
///
///     text → added tokens cut out → normalized → split into pieces → pieces to ids → the template around them
public struct Tokenizer: Sendable {
  enum Model: Sendable {
    case wordPiece(WordPiece)
    case bytePairs(BytePairs)
  }

  enum Normalizer: Sendable {
    case none
    case composed
    case bert(BertNormalizer)
  }

  /// The ids of the tokens with a rôle, where the tokenizer names one.
  public struct Specials: Sendable, Hashable {
    public var beginning: Int32?
    public var end: Int32?
    public var padding: Int32?
    public var classification: Int32?
    public var separator: Int32?
    public var mask: Int32?
    public var unknown: Int32?

    public init() {}
  }

  var model: Model
  var normalizer: Normalizer
  /// Applied one after the other, each to the pieces of the one before.
  var splitters: [Splitter]
  /// What the byte-level step does with each of those pieces: perhaps a space before it, perhaps one more split.
  var byteLevel: (addsPrefixSpace: Bool, splitter: Splitter?)
  /// Added tokens that are found in the text as given, and those found in its normal form.
  var matcher: AddedTokenMatcher
  var normalizedMatcher: AddedTokenMatcher
  /// The ids before and after a text's own.
  var template: (before: [Int32], after: [Int32])
  var vocabulary: Vocabulary
  var decoding: TokenDecoding

  public internal(set) var specials: Specials

  /// One more than the largest id: the rows that an embedding needs.
  public var vocabularySize: Int { vocabulary.tokens.count }

  /// The id of a token as the vocabulary writes it, for example `##ing` or `Ġthe`.
  public func id(of token: String) -> Int32? { vocabulary.id(of: token) }

  /// The token of an id as the vocabulary writes it.
  public func token(of id: Int32) -> String? { vocabulary.token(of: id) }

  /// How many ids the template adds to a text.
  public var addedSpecialTokens: Int { template.before.count + template.after.count }

  public func encode(_ text: String, addSpecialTokens: Bool = true) -> [Int32] {
    var text = text
    return text.withUTF8 { encode(valid: $0.span, addSpecialTokens: addSpecialTokens) }
  }

  /// Bytes that are not UTF-8 count as U+FFFD, one for each maximal part of a sequence, as Python's `errors="replace"`.
  public func encode(utf8 bytes: [UInt8], addSpecialTokens: Bool = true) -> [Int32] {
    encode(String(decoding: bytes, as: UTF8.self), addSpecialTokens: addSpecialTokens)
  }

  private func encode(valid text: Span<UInt8>, addSpecialTokens: Bool) -> [Int32] {
    var ids: [Int32] = []
    ids.reserveCapacity(text.count / 3 + addedSpecialTokens)
    var room = BytePairs.Workspace()
    if addSpecialTokens { ids += template.before }
    if matcher.isEmpty {
      encode(part: text, into: &ids, &room)
    } else {
      matcher.split(text) { start, end, token in
        if let token { ids.append(token.id) } else { encode(part: text.extracting(start..<end), into: &ids, &room) }
      }
    }
    if addSpecialTokens { ids += template.after }
    return ids
  }

  /// A part of the text without tokens that match it as given.
  private func encode(part: Span<UInt8>, into ids: inout [Int32], _ room: inout BytePairs.Workspace) {
    switch normalizer {
    case .none: encode(normalized: part, into: &ids, &room)
    case .composed:
      if part.isComposedForSure {
        encode(normalized: part, into: &ids, &room)
      } else {
        let normal = CanonicalForms.shared.composed(part)
        encode(normalized: normal.span, into: &ids, &room)
      }
    case .bert(let bert):
      var normal: [UInt8] = []
      bert.normalize(part, into: &normal)
      encode(normalized: normal.span, into: &ids, &room)
    }
  }

  private func encode(normalized text: Span<UInt8>, into ids: inout [Int32], _ room: inout BytePairs.Workspace) {
    if normalizedMatcher.isEmpty {
      encode(plain: text, 0, text.count, into: &ids, &room)
    } else {
      normalizedMatcher.split(text) { start, end, token in
        if let token { ids.append(token.id) } else { encode(plain: text, start, end, into: &ids, &room) }
      }
    }
  }

  /// Text without any added token.
  private func encode(
    plain text: Span<UInt8>, _ start: Int, _ end: Int, into ids: inout [Int32], _ room: inout BytePairs.Workspace
  ) {
    switch model {
    case .wordPiece(let wordPiece): wordPiece.encode(text, start, end, into: &ids)
    case .bytePairs(let bytePairs):
      split(text, start, end, by: splitters[...], bytePairs, ScalarClasses.shared, into: &ids, &room)
    }
  }

  private func split(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, by splitters: ArraySlice<Splitter>, _ bytePairs: borrowing BytePairs,
    _ classes: borrowing ScalarClasses, into ids: inout [Int32], _ room: inout BytePairs.Workspace
  ) {
    guard let splitter = splitters.first else {
      finish(text, start, end, bytePairs, classes, into: &ids, &room)
      return
    }
    let rest = splitters.dropFirst()
    var place = start
    while place < end {
      let next = splitter.pieceEnd(text, place, end, classes)
      split(text, place, next, by: rest, bytePairs, classes, into: &ids, &room)
      place = next
    }
  }

  private func finish(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, _ bytePairs: borrowing BytePairs, _ classes: borrowing ScalarClasses,
    into ids: inout [Int32], _ room: inout BytePairs.Workspace
  ) {
    if byteLevel.addsPrefixSpace, start < end, text[start] != UInt8(ascii: " ") {
      var spaced = [UInt8(ascii: " ")]
      for place in start..<end { spaced.append(text[place]) }
      merge(spaced.span, 0, spaced.count, bytePairs, classes, into: &ids, &room)
    } else {
      merge(text, start, end, bytePairs, classes, into: &ids, &room)
    }
  }

  private func merge(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, _ bytePairs: borrowing BytePairs, _ classes: borrowing ScalarClasses,
    into ids: inout [Int32], _ room: inout BytePairs.Workspace
  ) {
    var place = start
    while place < end {
      let next = byteLevel.splitter?.pieceEnd(text, place, end, classes) ?? end
      bytePairs.encode(text, place, next, into: &ids, &room)
      place = next
    }
  }
}

extension Span<UInt8> {
  /// Whether no scalar from U+0300 on occurs: those below are all in composed form.
  fileprivate var isComposedForSure: Bool {
    for place in indices where self[place] >= 0xCC { return false }
    return true
  }
}
