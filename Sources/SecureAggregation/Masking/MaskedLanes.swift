import COpenSSL

/// The lanes of one upload, or of the sum of many: what masks are added to and what is packed.
///
/// Vector lanes are kept in 32 bits whatever B is and cut to B bits once, when packed or read: 2^B divides 2^32. All
/// loops that run over a whole vector are in this file.
///
/// Memory is that of one vector, however many uploads are added.
struct MaskedLanes {
  let shape: VectorShape
  private(set) var vector: [UInt32]
  private(set) var tail: [UInt32]
  private(set) var statistics: [UInt64]

  /// Zero in every lane.
  init(_ shape: VectorShape) {
    self.shape = shape
    vector = [UInt32](repeating: 0, count: shape.count)
    tail = [UInt32](repeating: 0, count: shape.tailLanes)
    statistics = [UInt64](repeating: 0, count: shape.statisticLanes)
  }

  init(_ input: MaskedInput, shape: VectorShape) {
    self.shape = shape
    vector = input.vector
    tail = input.tail
    statistics = input.statistics
  }

  /// A mask and the direction in which it is applied.
  typealias Application = (mask: MaskKeys, subtract: Bool)

  /// Adds or subtracts the three streams of each mask.
  mutating func apply(_ masks: [Application]) throws(AveragingError) {
    // Lane by lane the order of additions does not matter, and so many contexts are as much memory as their keystreams.
    for start in stride(from: 0, to: masks.count, by: Self.masksAtOnce) {
      try applyTogether(masks[start..<min(start + Self.masksAtOnce, masks.count)])
    }
  }

  private static let masksAtOnce = 128

  private mutating func applyTogether(_ masks: ArraySlice<Application>) throws(AveragingError) {
    let vectorKey: (MaskKeys) -> Secret = { $0.vector }
    switch shape.bits {
    case ...8: try Self.add(UInt8.self, masks, vectorKey, to: &vector)
    case ...16: try Self.add(UInt16.self, masks, vectorKey, to: &vector)
    default: try Self.add(UInt32.self, masks, vectorKey, to: &vector)
    }
    try Self.add(UInt32.self, masks, { $0.tail }, to: &tail)
    try Self.add(UInt64.self, masks, { $0.statistics }, to: &statistics)
  }

  /// The low B bits of every vector lane, coordinate k at bits kB to kB + B - 1, least significant first; then the tail
  /// and the statistics, little-endian.
  func packed() -> [UInt8] {
    let bits = UInt64(shape.bits)
    let mask = UInt64(1) << bits - 1
    return [UInt8](unsafeUninitializedCapacity: shape.byteCount) { output, written in
      let bytes = UnsafeMutableRawBufferPointer(output)
      var position = 0
      func append(_ value: some FixedWidthInteger) {
        bytes.storeBytes(of: value.littleEndian, toByteOffset: position, as: type(of: value))
        position += value.bitWidth / 8
      }
      var held: UInt64 = 0
      var filled: UInt64 = 0
      for lane in vector {
        held |= (UInt64(lane) & mask) << filled
        filled += bits
        if filled >= 32 {
          append(UInt32(truncatingIfNeeded: held))
          held >>= 32
          filled -= 32
        }
      }
      while position < shape.vectorByteCount {
        append(UInt8(truncatingIfNeeded: held))
        held >>= 8
      }
      for lane in tail { append(lane) }
      for lane in statistics { append(lane) }
      written = position
    }
  }

  /// Adds an upload, which ``VectorShape/check(_:from:)`` has passed.
  mutating func add(packed payload: [UInt8]) {
    precondition(payload.count == shape.byteCount, "only checked uploads are added")
    let bits = shape.bits
    let mask = UInt64(1) << UInt64(bits) - 1
    payload.withUnsafeBytes { bytes in
      // A lane ends within eight bytes of where it starts, so whole words are read while eight bytes remain.
      let safe = bytes.count < 8 ? 0 : min(shape.count, (bytes.count - 8) * 8 / bits + 1)
      vector.withUnsafeMutableBufferPointer { lanes in
        for k in 0..<safe {
          let bit = k &* bits
          let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: bit &>> 3, as: UInt64.self))
          lanes[k] &+= UInt32(truncatingIfNeeded: word &>> UInt64(bit & 7) & mask)
        }
        for k in safe..<shape.count {
          let bit = k * bits
          var word: UInt64 = 0
          for byte in stride(from: min(bit >> 3 + 8, bytes.count) - 1, through: bit >> 3, by: -1) {
            word = word << 8 | UInt64(bytes[byte])
          }
          lanes[k] &+= UInt32(truncatingIfNeeded: word >> UInt64(bit & 7) & mask)
        }
      }
      var position = shape.vectorByteCount
      for k in tail.indices {
        tail[k] &+= UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self))
        position += 4
      }
      for k in statistics.indices {
        statistics[k] &+= UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
        position += 8
      }
    }
  }

  /// The vector's lanes cut to B bits.
  var reducedVector: [UInt32] {
    let mask: UInt32 = shape.bits == 32 ? .max : 1 << UInt32(shape.bits) - 1
    return vector.map { $0 & mask }
  }

  /// Adds keystreams, read as little-endian lanes of `Lane`, or subtracts them.
  ///
  /// All streams pass over one tile before the next, so that sums and keystream stay in the first-level cache.
  private static func add<Lane: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & UnsignedInteger>(
    _: Lane.Type, _ masks: ArraySlice<Application>, _ key: (MaskKeys) -> Secret, to sums: inout [Sum]
  ) throws(AveragingError) {
    guard !sums.isEmpty else { return }
    var streams: [KeystreamReader] = []
    for (mask, subtract) in masks { streams.append(try KeystreamReader(Keystream(key(mask)), subtract: subtract)) }
    let width = MemoryLayout<Lane>.size
    let lanesInTile = tileBytes / width
    var failure: AveragingError?
    withUnsafeTemporaryAllocation(byteCount: tileBytes, alignment: 64) { piece in
      sums.withUnsafeMutableBufferPointer { sums in
        do throws(AveragingError) {
          for start in stride(from: 0, to: sums.count, by: lanesInTile) {
            let count = min(lanesInTile, sums.count - start)
            for stream in streams {
              try stream.keystream.read(into: UnsafeMutableRawBufferPointer(rebasing: piece[..<(count * width)]))
              accumulate(
                piece.bindMemory(to: Lane.self).baseAddress!, into: sums.baseAddress! + start, count: count,
                subtract: stream.subtract)
            }
          }
        } catch {
          failure = error
        }
      }
      OPENSSL_cleanse(piece.baseAddress, piece.count)
    }
    if let failure { throw failure }
  }

  /// Keystream for a tile of lanes at a time.
  private static let tileBytes = 8_192

  /// A stream in an array, which cannot hold a type without copies.
  private final class KeystreamReader {
    let keystream: Keystream
    let subtract: Bool

    init(_ keystream: consuming Keystream, subtract: Bool) {
      self.keystream = keystream
      self.subtract = subtract
    }
  }
}

/// sums[k] += lanes[k], or -= when told to subtract: x - k is x + (k ^ ~0) + 1, so that both directions are one loop.
///
/// Pointers and a plain count, because only then does the compiler make vectors of it.
@inline(always)
private func accumulate<Lane: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & UnsignedInteger>(
  _ lanes: UnsafePointer<Lane>, into sums: UnsafeMutablePointer<Sum>, count: Int, subtract: Bool
) {
  let negative: Sum = subtract ? .max : 0
  let carry: Sum = subtract ? 1 : 0
  var k = 0
  while k < count {
    sums[k] &+= (Sum(truncatingIfNeeded: Lane(littleEndian: lanes[k])) ^ negative) &+ carry
    k &+= 1
  }
}
