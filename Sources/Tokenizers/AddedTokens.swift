/// A token that is cut out of the text before anything else looks at it, as the member `added_tokens` describes it.
struct AddedToken: Sendable, Hashable {
  var id: Int32
  var content: [UInt8]
  /// Decoding leaves these out when asked to.
  var isSpecial: Bool
  /// Matches only where no word character stands beside it.
  var isWord: Bool
  var stripsLeft: Bool
  var stripsRight: Bool
  /// Matches in the normal form of the text rather than in the text as it was given.
  var isNormalized: Bool
}

/// Finds added tokens in text: from the left, the longest at each place.
struct AddedTokenMatcher: Sendable {
  private var tokens: [(pattern: [UInt8], token: AddedToken)] = []
  /// For each first byte the tokens that begin with it, the longest first.
  private var candidates: [[Int]] = Array(repeating: [], count: 256)

  var isEmpty: Bool { tokens.isEmpty }

  /// - Parameter tokens: With the text of each, perhaps in its normal form. Of equal texts the first one counts, and empty
  ///   ones are never found.
  init(_ tokens: [(pattern: [UInt8], token: AddedToken)] = []) {
    var known = ByteTable(capacity: tokens.count)
    for (pattern, token) in tokens {
      guard let first = pattern.first, known.id(pattern.span, 0, pattern.count) == nil else { continue }
      known.insert(pattern, id: token.id)
      candidates[Int(first)].append(self.tokens.count)
      self.tokens.append((pattern, token))
    }
    for byte in candidates.indices {
      candidates[byte].sort { self.tokens[$0].pattern.count > self.tokens[$1].pattern.count }
    }
  }

  /// The next token at or after `start`: where it was found, and which.
  private func next(_ text: Span<UInt8>, from start: Int) -> (start: Int, end: Int, token: AddedToken)? {
    for place in start..<text.count {
      for index in candidates[Int(text[place])] {
        let pattern = tokens[index].pattern
        guard place + pattern.count <= text.count else { continue }
        if pattern.indices.allSatisfy({ text[place + $0] == pattern[$0] }) {
          return (place, place + pattern.count, tokens[index].token)
        }
      }
    }
    return nil
  }

  /// Calls `body` with each part of the text in turn: one without added tokens, or one that is the token given.
  func split(_ text: Span<UInt8>, _ body: (_ start: Int, _ end: Int, _ token: AddedToken?) -> Void) {
    var done = 0
    var search = 0
    while !tokens.isEmpty, let match = next(text, from: search) {
      var (start, end, token) = match
      search = end
      if token.isWord, isWord(before: start, text) || isWord(at: end, text) { continue }
      if token.stripsLeft {
        while start > done, case let (value, length) = text.scalar(before: start),
          ScalarClasses.shared[value].contains(.space)
        {
          start -= length
        }
      }
      if token.stripsRight {
        while end < text.count, case let (value, length) = text.scalar(at: end),
          ScalarClasses.shared[value].contains(.space)
        {
          end += length
        }
      }
      if done < start { body(done, start, nil) }
      body(start, end, token)
      done = end
    }
    if done < text.count { body(done, text.count, nil) }
  }

  private func isWord(before place: Int, _ text: Span<UInt8>) -> Bool {
    place > 0 && ScalarClasses.shared[text.scalar(before: place).value].contains(.word)
  }

  private func isWord(at place: Int, _ text: Span<UInt8>) -> Bool {
    place < text.count && ScalarClasses.shared[text.scalar(at: place).value].contains(.word)
  }
}
