/// WordPiece: each word becomes the longest pieces of the vocabulary, from left to right, or one unknown token.
///
/// Source: Wu et al., "Google's Neural Machine Translation System", arXiv:1609.08144, section 4.1; the greedy search is
/// that of BERT.
struct WordPiece: Sendable {
  private var beginnings: ByteTable
  /// The pieces that continue a word, without their prefix.
  private var continuations: ByteTable
  private let unknown: Int32
  private let longestWord: Int

  /// - Parameter longestWord: In scalars; longer words are unknown.
  init(vocabulary: [(token: [UInt8], id: Int32)], unknown: Int32, continuingPrefix: [UInt8], longestWord: Int) {
    self.unknown = unknown
    self.longestWord = longestWord
    beginnings = ByteTable(capacity: vocabulary.count)
    continuations = ByteTable(capacity: vocabulary.count / 4)
    for (token, id) in vocabulary {
      beginnings.insert(token, id: id)
      if token.starts(with: continuingPrefix) {
        continuations.insert(Array(token.dropFirst(continuingPrefix.count)), id: id)
      }
    }
  }

  /// Splits normalized text at white space and around punctuation, and appends the ids of all words.
  func encode(_ text: Span<UInt8>, _ start: Int, _ end: Int, into ids: inout [Int32]) {
    let classes = ScalarClasses.shared
    var word = start
    var length = 0
    var hash = ByteTable.Hash()
    var place = start
    while place < end {
      let (value, size) = text.scalar(at: place)
      let flags = classes[value]
      if flags.isDisjoint(with: [.space, .punctuation]) {
        for offset in 0..<size { hash.add(text[place + offset]) }
        length += 1
        place += size
        continue
      }
      if length > 0 { encode(word: text, word, place, scalars: length, hash: hash.mixed, into: &ids) }
      if flags.contains(.punctuation) {
        var hash = ByteTable.Hash()
        for offset in 0..<size { hash.add(text[place + offset]) }
        encode(word: text, place, place + size, scalars: 1, hash: hash.mixed, into: &ids)
      }
      place += size
      word = place
      length = 0
      hash = ByteTable.Hash()
    }
    if length > 0 { encode(word: text, word, end, scalars: length, hash: hash.mixed, into: &ids) }
  }

  private func encode(
    word text: Span<UInt8>, _ start: Int, _ end: Int, scalars: Int, hash: UInt32, into ids: inout [Int32]
  ) {
    if scalars > longestWord {
      ids.append(unknown)
    } else if let id = beginnings.id(text, start, end, hash: hash) {
      ids.append(id)
    } else {
      let before = ids.count
      var place = start
      while place < end {
        guard let (id, next) = longestPiece(place == start ? beginnings : continuations, text, place, end) else {
          ids.removeSubrange(before...)
          ids.append(unknown)
          return
        }
        ids.append(id)
        place = next
      }
    }
  }

  /// The longest piece at a place, by one hash that grows with the prefix.
  private func longestPiece(_ table: borrowing ByteTable, _ text: Span<UInt8>, _ start: Int, _ end: Int) -> (
    Int32, Int
  )? {
    var best: (Int32, Int)?
    var hash = ByteTable.Hash()
    for place in start..<min(end, start + table.longestKey) {
      hash.add(text[place])
      if let id = table.id(text, start, place + 1, hash: hash.mixed) { best = (id, place + 1) }
    }
    return best
  }
}
