/// A map from byte strings to ids: open addressing in one array, all keys in another.
struct ByteTable: Sendable {
  private struct Slot {
    var hash: UInt32 = 0
    /// -1 while the slot is free.
    var id: Int32 = -1
    var start: UInt32 = 0
    var length: UInt32 = 0
  }

  private var slots: [Slot]
  private var keys: [UInt8] = []
  private var count = 0
  /// In bytes; no longer text need be looked up.
  private(set) var longestKey = 0

  init(capacity: Int) {
    var size = 16
    while size < capacity * 2 { size *= 2 }
    slots = Array(repeating: Slot(), count: size)
  }

  /// FNV-1a, which can be continued byte by byte; `mixed` makes its low bits good enough for a table.
  struct Hash {
    private var state: UInt32 = 0x811C_9DC5

    @inline(__always)
    mutating func add(_ byte: UInt8) { state = (state ^ UInt32(byte)) &* 0x0100_0193 }

    var mixed: UInt32 {
      @inline(__always) get {
        let product = state &* 0x9E37_79B1
        return product ^ product >> 15
      }
    }
  }

  /// Adds a key that is not there yet, or gives it another id.
  mutating func insert(_ key: [UInt8], id: Int32) {
    if (count + 1) * 2 > slots.count { grow() }
    var hash = Hash()
    for byte in key { hash.add(byte) }
    let place = place(of: key.span, 0, key.count, hash: hash.mixed)
    if slots[place].id < 0 {
      slots[place] = Slot(hash: hash.mixed, id: id, start: UInt32(keys.count), length: UInt32(key.count))
      keys += key
      count += 1
      longestKey = max(longestKey, key.count)
    } else {
      slots[place].id = id
    }
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: Slot(), count: old.count * 2)
    for slot in old where slot.id >= 0 {
      var place = Int(slot.hash) & (slots.count - 1)
      while slots[place].id >= 0 { place = (place + 1) & (slots.count - 1) }
      slots[place] = slot
    }
  }

  func id(_ key: Span<UInt8>, _ start: Int, _ end: Int) -> Int32? {
    var hash = Hash()
    for place in start..<end { hash.add(key[place]) }
    return id(key, start, end, hash: hash.mixed)
  }

  /// The same for a key whose hash the caller has.
  @inline(__always)
  func id(_ key: Span<UInt8>, _ start: Int, _ end: Int, hash: UInt32) -> Int32? {
    let id = slots[place(of: key, start, end, hash: hash)].id
    return id < 0 ? nil : id
  }

  /// Where the key is, or the free place where it would be.
  @inline(__always)
  private func place(of key: Span<UInt8>, _ start: Int, _ end: Int, hash: UInt32) -> Int {
    var place = Int(hash) & (slots.count - 1)
    while slots[place].id >= 0 {
      let slot = slots[place]
      if slot.hash == hash, Int(slot.length) == end - start, matches(Int(slot.start), key, start, end) { return place }
      place = (place + 1) & (slots.count - 1)
    }
    return place
  }

  @inline(__always)
  private func matches(_ at: Int, _ key: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
    for offset in 0..<(end - start) where keys[at + offset] != key[start + offset] { return false }
    return true
  }
}
