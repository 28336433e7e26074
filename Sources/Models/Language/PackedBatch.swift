/// Some examples side by side, without padding: what a network takes in one pass.
struct PackedBatch {
  /// Of all tokens.
  private(set) var ids: [Int32] = []
  /// Of each token within its own sequence.
  private(set) var positions: [Int32] = []
  /// Where each sequence begins, and at the end the number of tokens.
  private(set) var starts: [Int32] = [0]
  /// Which examples these are.
  private(set) var rows: [Int] = []

  /// - Parameters: The most that will be added, so that nothing is allocated later.
  init(tokens: Int, sequences: Int) {
    ids.reserveCapacity(tokens)
    positions.reserveCapacity(tokens)
    starts.reserveCapacity(sequences + 1)
    rows.reserveCapacity(sequences)
  }

  var tokenCount: Int { ids.count }
  var sequenceCount: Int { rows.count }

  func tokens(of sequence: Int) -> Range<Int> { Int(starts[sequence])..<Int(starts[sequence + 1]) }

  mutating func removeAll() {
    ids.removeAll(keepingCapacity: true)
    positions.removeAll(keepingCapacity: true)
    starts.removeAll(keepingCapacity: true)
    starts.append(0)
    rows.removeAll(keepingCapacity: true)
  }

  mutating func append(_ row: Int, of examples: LanguageExamples) {
    let tokens = examples.tokens(of: row)
    ids.append(contentsOf: examples.ids[tokens])
    for position in 0..<tokens.count { positions.append(Int32(position)) }
    starts.append(Int32(ids.count))
    rows.append(row)
  }

  /// Fills the batch with rows from `next` on, as many as a pass holds and at least one, and moves `next` behind them.
  mutating func fill(_ rows: ArraySlice<Int>, next: inout Int, of examples: LanguageExamples, _ capacity: PassCapacity)
  {
    removeAll()
    while next < rows.endIndex, sequenceCount < capacity.sequences,
      sequenceCount == 0 || tokenCount + examples.tokens(of: rows[next]).count <= capacity.tokens
    {
      append(rows[next], of: examples)
      next += 1
    }
  }
}

/// The most that one pass through a network holds. A batch is walked in as many passes as it needs and their gradients
/// are added up, so that the memory of activations does not grow with the batch.
struct PassCapacity: Hashable {
  var tokens: Int
  var sequences: Int

  /// Enough rows to run the matrix products at full speed, and few enough that what a pass leaves for the way back is
  /// a fraction of the weights.
  static let usualTokens = 512

  /// For batches of that many of these examples: the usual tokens, at least the longest example, and no more than the
  /// largest batch could have.
  init(_ examples: LanguageExamples, batchRows: Int) {
    let longest = examples.longest
    tokens = max(longest, min(Self.usualTokens, batchRows * longest))
    sequences = max(1, min(batchRows, tokens))
  }

  init(tokens: Int, sequences: Int) {
    self.tokens = tokens
    self.sequences = sequences
  }
}
