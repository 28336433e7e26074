/// Byte-level byte-pair encoding: a piece of text begins as single bytes, and the neighbours of the lowest rank are
/// merged, the leftmost first, until no pair has a rank.
///
/// Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", arXiv:1508.07909, over bytes
/// as in GPT-2.
///
/// There is no cache of words: every token that merging its own bytes gives back, which is nearly all of them, is found
/// by one look-up of the whole piece. So encoding needs no lock and no memory that grows.
struct BytePairs: Sendable {
  struct Merge {
    var left: Int32
    var right: Int32
    var result: Int32
  }

  /// Pieces that are one token.
  private var whole: ByteTable
  /// The id of each single byte; -1 where the vocabulary has none.
  private var symbols: [Int32]
  private var merges: PairTable
  /// For bytes outside the vocabulary; without it they vanish.
  private let unknown: Int32?
  private let fusesUnknown: Bool

  /// - Parameters:
  ///   - merges: In the order of their ranks.
  ///   - ignoresMerges: A piece that is a token becomes that token, also where merging would not lead there.
  init(
    vocabulary: [(token: [UInt8], id: Int32)], merges: [Merge], ignoresMerges: Bool, unknown: Int32?, fusesUnknown: Bool
  ) {
    self.unknown = unknown
    self.fusesUnknown = fusesUnknown
    symbols = Array(repeating: -1, count: 256)
    self.merges = PairTable(capacity: merges.count)
    for (rank, merge) in merges.enumerated() {
      self.merges.insert(merge.left, merge.right, .init(rank: Int32(rank), result: merge.result))
    }
    for (token, id) in vocabulary where token.count == 1 { symbols[Int(token[0])] = id }
    whole = ByteTable(capacity: vocabulary.count)
    var room = Workspace()
    var merged: [Int32] = []
    for (token, id) in vocabulary where !token.isEmpty {
      if !ignoresMerges {
        merged.removeAll(keepingCapacity: true)
        merge(token.span, 0, token.count, into: &merged, &room)
        guard merged == [id] else { continue }
      }
      whole.insert(token, id: id)
    }
  }

  /// Memory that one call of `Tokenizer.encode` reuses for all pieces.
  struct Workspace {
    fileprivate var symbols: [Int32] = []
    fileprivate var merges: [PairTable.Value] = []
    fileprivate var next: [Int32] = []
    fileprivate var previous: [Int32] = []
    fileprivate var heap: [UInt64] = []
  }

  @inline(__always)
  func encode(_ text: Span<UInt8>, _ start: Int, _ end: Int, into ids: inout [Int32], _ room: inout Workspace) {
    if let id = whole.id(text, start, end) {
      ids.append(id)
    } else {
      merge(text, start, end, into: &ids, &room)
    }
  }

  private func merge(
    _ text: Span<UInt8>, _ start: Int, _ end: Int, into ids: inout [Int32], _ room: inout Workspace
  ) {
    room.symbols.removeAll(keepingCapacity: true)
    var lastWasUnknown = false
    for place in start..<end {
      let symbol = symbols[Int(text[place])]
      if symbol >= 0 {
        room.symbols.append(symbol)
      } else if let unknown, !(fusesUnknown && lastWasUnknown) {
        room.symbols.append(unknown)
      }
      lastWasUnknown = symbol < 0
    }
    // Measured on English without spaces: searching the ranks is 1.6 times as fast as the heap at 64 symbols, and as
    // fast at 256.
    if room.symbols.count <= Self.scanLimit { mergeByScanning(&room) } else { mergeByHeap(&room) }
    ids += room.symbols
  }

  private static let scanLimit = 192

  private func mergeByScanning(_ room: inout Workspace) {
    var count = room.symbols.count
    guard count > 1 else { return }
    room.merges.removeAll(keepingCapacity: true)
    for i in 0..<(count - 1) { room.merges.append(merges[room.symbols[i], room.symbols[i + 1]]) }
    while true {
      var best = 0
      var rank = Int32.max
      for i in 0..<(count - 1) where room.merges[i].rank < rank {
        rank = room.merges[i].rank
        best = i
      }
      guard rank < .max else { break }
      room.symbols[best] = room.merges[best].result
      room.symbols.remove(at: best + 1)
      room.merges.remove(at: best)
      count -= 1
      if best > 0 { room.merges[best - 1] = merges[room.symbols[best - 1], room.symbols[best]] }
      if best < count - 1 { room.merges[best] = merges[room.symbols[best], room.symbols[best + 1]] }
    }
  }

  /// The same for long pieces: a heap of rank and place, over a list of the symbols that are left.
  private func mergeByHeap(_ room: inout Workspace) {
    let count = room.symbols.count
    room.next = (1...Int32(count)).map { $0 < count ? $0 : -1 }
    room.previous = (0..<Int32(count)).map { $0 - 1 }
    room.heap.removeAll(keepingCapacity: true)
    for place in 0..<(count - 1) { push(place, &room) }
    while let entry = pop(&room.heap) {
      let place = Int(entry & 0xFFFF_FFFF)
      let next = Int(room.next[place])
      guard room.symbols[place] >= 0, next >= 0 else { continue }
      let merge = merges[room.symbols[place], room.symbols[next]]
      guard merge.rank < .max, UInt64(merge.rank) == entry >> 32 else { continue }  // the pair has changed since
      room.symbols[place] = merge.result
      room.symbols[next] = -1
      room.next[place] = room.next[next]
      if room.next[place] >= 0 {
        room.previous[Int(room.next[place])] = Int32(place)
        push(place, &room)
      }
      if room.previous[place] >= 0 { push(Int(room.previous[place]), &room) }
    }
    room.symbols.removeAll { $0 < 0 }
  }

  /// Enters the pair that begins at a place, if it has a rank.
  private func push(_ place: Int, _ room: inout Workspace) {
    let merge = merges[room.symbols[place], room.symbols[Int(room.next[place])]]
    guard merge.rank < .max else { return }
    room.heap.append(UInt64(merge.rank) << 32 | UInt64(place))
    var child = room.heap.count - 1
    while child > 0, room.heap[child] < room.heap[(child - 1) / 2] {
      room.heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private func pop(_ heap: inout [UInt64]) -> UInt64? {
    guard let last = heap.popLast() else { return nil }
    guard let top = heap.first else { return last }
    heap[0] = last
    var parent = 0
    while 2 * parent + 1 < heap.count {
      var child = 2 * parent + 1
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < heap[parent] else { break }
      heap.swapAt(child, parent)
      parent = child
    }
    return top
  }
}

/// A map from pairs of ids to a rank and an id, by open addressing.
struct PairTable: Sendable {
  struct Value {
    /// `Int32.max` for a pair that is not merged.
    var rank: Int32
    var result: Int32
  }

  private var keys: [UInt64]
  private var values: [Value]

  init(capacity: Int) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    keys = Array(repeating: .max, count: size)
    values = Array(repeating: Value(rank: .max, result: -1), count: size)
  }

  /// The last value counts for a pair that is inserted twice. At most as many pairs as the capacity.
  mutating func insert(_ left: Int32, _ right: Int32, _ value: Value) {
    let place = place(of: Self.key(left, right))
    keys[place] = Self.key(left, right)
    values[place] = value
  }

  subscript(left: Int32, right: Int32) -> Value {
    @inline(__always) get { values[place(of: Self.key(left, right))] }
  }

  @inline(__always)
  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  @inline(__always)
  private func place(of key: UInt64) -> Int {
    var place = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & (keys.count - 1)
    while keys[place] != key, keys[place] != .max { place = (place + 1) & (keys.count - 1) }
    return place
  }
}
