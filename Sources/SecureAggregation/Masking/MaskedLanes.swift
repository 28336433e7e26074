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

  /// Adds or subtracts the three streams of one mask.
  mutating func apply(_ mask: MaskKeys, subtract: Bool) throws(AveragingError) {
    let negative: UInt32 = subtract ? .max : 0
    if shape.count > 0 {
      switch shape.bits {
      case ...8: try Self.add(UInt8.self, mask.vector, to: &vector, negative: negative)
      case ...16: try Self.add(UInt16.self, mask.vector, to: &vector, negative: negative)
      default: try Self.add(UInt32.self, mask.vector, to: &vector, negative: negative)
      }
    }
    if shape.tailLanes > 0 { try Self.add(UInt32.self, mask.tail, to: &tail, negative: negative) }
    if shape.statisticLanes > 0 {
      try Self.add(UInt64.self, mask.statistics, to: &statistics, negative: subtract ? .max : 0)
    }
  }

  /// The low B bits of every vector lane, coordinate k at bits kB to kB + B - 1, least significant first; then the tail
  /// and the statistics, little-endian.
  func packed() -> [UInt8] {
    let bits = UInt64(shape.bits)
    let mask = UInt64(1) << bits - 1
    return [UInt8](unsafeUninitializedCapacity: shape.byteCount) { output, written in
      var held: UInt64 = 0
      var filled: UInt64 = 0
      var position = 0
      for lane in vector {
        held |= (UInt64(lane) & mask) << filled
        filled += bits
        if filled >= 32 {
          for _ in 0..<4 {
            output[position] = UInt8(truncatingIfNeeded: held)
            held >>= 8
            position += 1
          }
          filled -= 32
        }
      }
      while position < shape.vectorByteCount {
        output[position] = UInt8(truncatingIfNeeded: held)
        held >>= 8
        position += 1
      }
      for lane in tail {
        for byte in 0..<4 as Range<UInt32> {
          output[position + Int(byte)] = UInt8(truncatingIfNeeded: lane >> (8 * byte))
        }
        position += 4
      }
      for lane in statistics {
        for byte in 0..<8 as Range<UInt64> {
          output[position + Int(byte)] = UInt8(truncatingIfNeeded: lane >> (8 * byte))
        }
        position += 8
      }
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
          let bit = k * bits
          let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: bit >> 3, as: UInt64.self))
          lanes[k] &+= UInt32(truncatingIfNeeded: word >> UInt64(bit & 7) & mask)
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

  /// Adds a keystream, read as little-endian lanes of `Lane`, or subtracts it when `negative` is all ones.
  ///
  /// x - k is x + (k ^ ~0) + 1, so that both directions are one loop.
  private static func add<Lane: FixedWidthInteger & UnsignedInteger, Sum: FixedWidthInteger & UnsignedInteger>(
    _: Lane.Type, _ key: Secret, to sums: inout [Sum], negative: Sum
  ) throws(AveragingError) {
    let stream = try Keystream(key)
    let width = MemoryLayout<Lane>.size
    let lanesInPiece = Keystream.pieceSize / width
    let carry = negative & 1
    var failure: AveragingError?
    withUnsafeTemporaryAllocation(byteCount: Keystream.pieceSize, alignment: 64) { piece in
      sums.withUnsafeMutableBufferPointer { sums in
        var start = 0
        while start < sums.count {
          let count = min(lanesInPiece, sums.count - start)
          do throws(AveragingError) {
            try stream.read(into: UnsafeMutableRawBufferPointer(rebasing: piece[..<(count * width)]))
          } catch {
            failure = error
            break
          }
          let lanes = piece.bindMemory(to: Lane.self)
          for k in 0..<count {
            sums[start + k] &+= (Sum(truncatingIfNeeded: Lane(littleEndian: lanes[k])) ^ negative) &+ carry
          }
          start += count
        }
      }
      OPENSSL_cleanse(piece.baseAddress, piece.count)
    }
    if let failure { throw failure }
  }
}
