import Testing

@testable import SecureAggregation

/// The masking arithmetic written a second time, from the specification and nothing else: labels as literal bytes, one
/// lane at a time, plain integers.
enum MaskingOracle {
  static func info(_ label: String, _ ranks: Int...) -> [UInt8] {
    [UInt8(label.utf8.count)] + Array(label.utf8) + ranks.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
  }

  /// `count` lanes of a keystream: 1, 2, 4 or 8 bytes each, little-endian.
  static func lanes(_ key: [UInt8], width: Int, count: Int) throws -> [UInt64] {
    let stream = try Primitives.keystream(key: key, count: width * count)
    return (0..<count).map { lane in (0..<width).reduce(0) { $0 | UInt64(stream[lane * width + $1]) << UInt64(8 * $1) }
    }
  }

  /// y = x + PRG(k_i) + sum over j > i of PRG(k_ij) - sum over j < i of PRG(k_ij), mod `modulus` (0 is 2^64).
  static func masked(
    _ x: [UInt64], rank: Int, sharers: [Int], seeds: [[UInt8]], transcript: [UInt8], suffix: String, width: Int,
    modulus: UInt64
  ) throws -> [UInt64] {
    func derive(_ key: [UInt8], _ info: [UInt8], salt: [UInt8] = []) -> [UInt8] {
      Primitives.hkdf(salt: salt, key: key, info: info, count: 32)
    }
    func maskKey(_ rank: Int) -> Secret {
      Secret(derive(derive(seeds[rank], info("fsa1/seed/mu")), info("fsa1/mask-x25519")))
    }
    let own = derive(
      derive(seeds[rank], info("fsa1/seed/b")), info("fsa1/self" + suffix, rank), salt: transcript)
    var y = zip(x, try lanes(own, width: width, count: x.count)).map { $0 &+ $1 }
    for other in sharers where other != rank {
      let product = try #require(
        try Primitives.x25519(maskKey(rank), try Primitives.x25519PublicKey(maskKey(other))))
      let key = derive(product.bytes, info("fsa1/pair" + suffix, min(rank, other), max(rank, other)), salt: transcript)
      let stream = try lanes(key, width: width, count: x.count)
      for k in y.indices { y[k] = rank < other ? y[k] &+ stream[k] : y[k] &- stream[k] }
    }
    return modulus == 0 ? y : y.map { $0 % modulus }
  }
}

@Suite("Masking against an oracle written from the specification")
struct MaskingOracleTests {
  @Test("Every lane of an upload is what the formula says", arguments: [8, 9, 12, 16, 17, 20, 24, 32])
  func vector(bits: Int) throws {
    // 8,200 lanes reach over one 16 KiB piece of keystream at every lane width but one byte.
    let lanes = bits == 17 ? 8200 : 7
    var rehearsal = try Rehearsal(4, plan: Rehearsal.plan(dimension: lanes), bits: bits, seed: UInt64(bits))
    try rehearsal.gather()
    try rehearsal.share([0, 2, 3])
    let transcript = try #require(rehearsal.coordinator.transcript).bytes
    let seeds = rehearsal.members.map(\.seed.bytes)
    let width = bits <= 8 ? 1 : bits <= 16 ? 2 : 4
    for rank in [0, 2, 3] {
      let upload = try rehearsal.upload(rank)
      var unpacked = MaskedLanes(rehearsal.shape)
      unpacked.add(packed: upload.payload)
      let input = rehearsal.members[rank].input
      #expect(
        unpacked.reducedVector.map(UInt64.init)
          == (try MaskingOracle.masked(
            input.vector.map(UInt64.init), rank: rank, sharers: [0, 2, 3], seeds: seeds, transcript: transcript,
            suffix: "", width: width, modulus: 1 << UInt64(bits))))
      #expect(
        unpacked.tail.map(UInt64.init)
          == (try MaskingOracle.masked(
            input.tail.map(UInt64.init), rank: rank, sharers: [0, 2, 3], seeds: seeds, transcript: transcript,
            suffix: "-tail", width: 4, modulus: 1 << 32)))
    }
  }

  @Test("Statistic lanes are masked mod 2^64, and negative sums come back")
  func statistics() throws {
    var rehearsal = try Rehearsal(3, plan: Rehearsal.plan(kind: .moments, dimension: 4, tail: 0))
    rehearsal.members[0].input.statistics[0] = UInt64(bitPattern: -5)
    rehearsal.members[1].input.statistics[0] = UInt64(bitPattern: -7)
    rehearsal.members[2].input.statistics[0] = 2
    let sum = try rehearsal.run()
    rehearsal.expect(sum, of: [0, 1, 2])
    #expect(Int64(bitPattern: sum.statistics[0]) == -10)
    #expect(sum.totalWeight == nil && sum.vector.isEmpty && sum.tail.isEmpty)
    let upload = try #require(rehearsal.members[1].round.upload)
    var unpacked = MaskedLanes(rehearsal.shape)
    unpacked.add(packed: upload.payload)
    let transcript = try #require(rehearsal.coordinator.transcript).bytes
    #expect(
      unpacked.statistics
        == (try MaskingOracle.masked(
          rehearsal.members[1].input.statistics, rank: 1, sharers: [0, 1, 2],
          seeds: rehearsal.members.map(\.seed.bytes), transcript: transcript, suffix: "-stat", width: 8, modulus: 0)))
  }

  @Test("An evaluation round is a tail alone")
  func evaluation() throws {
    var rehearsal = try Rehearsal(4, plan: Rehearsal.plan(kind: .evaluation, dimension: 0, tail: 9))
    rehearsal.expect(try rehearsal.run(), of: [0, 1, 2, 3])
    #expect(rehearsal.members[0].round.upload?.payload.count == 36)
  }

  @Test("Masks of one-bit neighbours among keys have nothing in common")
  func neighbouringKeys() throws {
    let key = [UInt8](repeating: 3, count: 32)
    let stream = try Primitives.keystream(key: key, count: 4096)
    for bit in stride(from: 0, to: 256, by: 37) {
      var other = key
      other[bit / 8] ^= 1 << UInt8(bit % 8)
      let different = zip(stream, try Primitives.keystream(key: other, count: 4096)).reduce(0) {
        $0 + ($1.0 ^ $1.1).nonzeroBitCount
      }
      // 32,768 fair bits: 16,384 with a standard deviation of 91.
      #expect(abs(different - 16_384) < 550)
    }
  }

  @Test("Masked lanes of a constant input are uniform, and no two rounds are alike")
  func uniformity() throws {
    let bits = 8
    var counts = [Int](repeating: 0, count: 256)
    var payloads: Set<[UInt8]> = []
    for seed in 1...4 as ClosedRange<UInt64> {
      var rehearsal = try Rehearsal(
        3, plan: Rehearsal.plan(roundID: seed, dimension: 4096, model: "model \(seed)"), bits: bits, seed: seed)
      for k in 0..<3 { rehearsal.members[k].input.vector = [UInt32](repeating: 0, count: 4096) }
      try rehearsal.gather()
      try rehearsal.share([0, 1, 2])
      for k in 0..<3 {
        let payload = try rehearsal.upload(k).payload
        payloads.insert(payload)
        for byte in payload[..<4096] { counts[Int(byte)] += 1 }
      }
    }
    #expect(payloads.count == 12)
    let expected = Double(12 * 4096) / 256
    let chiSquare = counts.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
    // 255 degrees of freedom: mean 255, standard deviation 22.6.
    #expect(chiSquare > 140 && chiSquare < 400)
  }
}
