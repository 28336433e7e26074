import Testing

@testable import SecureAggregation

@Suite("Shares over GF(2^8)")
struct SharingTests {
  /// Polynomial multiplication and long division by 0x11B, bit by bit.
  static func oracle(_ a: Int, _ b: Int) -> UInt8 {
    var product = 0
    for bit in 0..<8 where b >> bit & 1 == 1 { product ^= a << bit }
    for bit in stride(from: 14, through: 8, by: -1) where product >> bit & 1 == 1 { product ^= 0x11B << (bit - 8) }
    return UInt8(product)
  }

  @Test("All 65,536 products are those of long division, one by one and eight at a time")
  func products() {
    var wrong = 0
    for a in 0..<256 {
      for b in 0..<256 {
        let product = GaloisField.multiply(UInt8(a), UInt8(b))
        if product != Self.oracle(a, b) { wrong += 1 }
        let word = GaloisField.multiply(UInt64(a) &* 0x0101_0101_0101_0101, by: UInt8(b))
        if word != UInt64(product) &* 0x0101_0101_0101_0101 { wrong += 1 }
      }
    }
    #expect(wrong == 0)
    let mixed = GaloisField.multiply(0x0102_8053_CAFF_0057 as UInt64, by: 0x83)
    for byte in 0..<8 {
      let own = 0x0102_8053_CAFF_0057 >> (8 * byte) & 0xFF
      #expect(UInt8(truncatingIfNeeded: mixed >> UInt64(8 * byte)) == Self.oracle(own, 0x83))
    }
    #expect(GaloisField.multiply(0x57, 0x83) == 0xC1)  // FIPS 197, section 4.2
  }

  @Test("All 255 inverses give one, and zero stays zero")
  func inverses() {
    for a in 1...255 { #expect(GaloisField.multiply(UInt8(a), GaloisField.invert(UInt8(a))) == 1) }
    #expect(GaloisField.invert(0) == 0)
  }

  @Test("A share is the polynomial's value, by hand")
  func byHand() {
    // 0x53 + 0xCA x at x = 1 and 2: 0x53 ^ 0xCA = 0x99; 2 * 0xCA = 0x8F, ^ 0x53 = 0xDC.
    let secret = [UInt8](repeating: 0x53, count: 8)
    let shares = ShamirSharing.split(
      secret, threshold: 2, points: [1, 2], coefficients: [UInt8](repeating: 0xCA, count: 8))
    #expect(shares == [[UInt8](repeating: 0x99, count: 8), [UInt8](repeating: 0xDC, count: 8)])
  }

  static func subsets(_ count: Int, of size: Int) -> [[Int]] {
    (0..<1 << count).filter { $0.nonzeroBitCount == size }.map { bits in (0..<count).filter { bits >> $0 & 1 == 1 } }
  }

  @Test("Every subset of the threshold's size gives the secret back, for up to 8 holders", arguments: 2...8)
  func subsets(holders: Int) {
    var generator = SeededGenerator(UInt64(holders))
    for threshold in 1...holders {
      let secret = generator.bytes(64)
      let shares = ShamirSharing.split(
        secret, threshold: threshold, points: (1...holders).map { UInt8($0) },
        coefficients: generator.bytes(64 * (threshold - 1)))
      for subset in Self.subsets(holders, of: threshold) {
        let chosen = subset.map { ShamirSharing.Share(point: UInt8($0 + 1), bytes: shares[$0]) }
        #expect(ShamirSharing.Interpolation(from: chosen.map(\.point), to: 0).value(chosen) == secret)
      }
    }
  }

  @Test("One share of a threshold of two tells nothing: each value of it is one coefficient, whatever the secret")
  func perfectSecrecy() {
    for secret in [0x00, 0x01, 0x7F, 0xFF] as [UInt8] {
      var seen = Set<UInt8>()
      for coefficient in 0...255 {
        let shares = ShamirSharing.split(
          [UInt8](repeating: secret, count: 8), threshold: 2, points: [7],
          coefficients: [UInt8](repeating: UInt8(coefficient), count: 8))
        seen.insert(shares[0][0])
      }
      #expect(seen.count == 256)
    }
  }

  private func deal(_ holders: Int, _ threshold: Int, seed: UInt64) -> (secret: [UInt8], shares: [ShamirSharing.Share])
  {
    var generator = SeededGenerator(seed)
    let secret = generator.bytes(32)
    let shares = ShamirSharing.split(
      secret, threshold: threshold, points: (1...holders).map { UInt8($0) },
      coefficients: generator.bytes(32 * (threshold - 1)))
    return (secret, shares.enumerated().map { ShamirSharing.Share(point: UInt8($0 + 1), bytes: $1) })
  }

  @Test(
    "Wrong shares are got around, by subsets up to twelve and by Berlekamp-Welch above", arguments: [9, 12, 13, 31])
  func wrongShares(holders: Int) throws {
    let threshold = holders / 2 + 1
    let (secret, honest) = deal(holders, threshold, seed: UInt64(holders))
    let correctable = (holders - threshold) / 2
    for wrong in 0...correctable {
      var shares = honest
      // The first `wrong` holders lie, each in other bytes, so that no single byte shows all of them.
      for k in 0..<wrong { for byte in 0..<4 { shares[k].bytes[(8 * k + byte) % 32] ^= UInt8(k + 1) } }
      var recovery = SecretRecovery(threshold: threshold, colluders: correctable)
      let recovered = try recovery.recover(shares) { $0 == secret }
      #expect(recovered?.secret == secret)
      let enough = holders - wrong >= threshold + correctable
      #expect(recovered?.wrong == (enough ? (0..<wrong).map { UInt8($0 + 1) } : []))
    }
  }

  @Test("Up to twelve shares, any threshold of good ones is found, but nobody is named on too few")
  func manyWrongShares() throws {
    let (secret, honest) = deal(7, 4, seed: 5)
    var shares = honest
    for k in [0, 2, 5] { shares[k].bytes[9] ^= 0x40 }
    var recovery = SecretRecovery(threshold: 4, colluders: 1)
    let recovered = try recovery.recover(shares) { $0 == secret }
    #expect(recovered?.secret == secret)
    #expect(recovered?.wrong == [])
  }

  @Test("Too few or too many wrong shares give nothing, and never another secret")
  func unrecoverable() throws {
    let (secret, honest) = deal(15, 8, seed: 6)
    var recovery = SecretRecovery(threshold: 8, colluders: 1)
    #expect(try recovery.recover(Array(honest[..<7])) { $0 == secret } == nil)
    var shares = honest
    for k in 0..<9 { shares[k].bytes[k] ^= 1 }
    #expect(try recovery.recover(shares) { $0 == secret } == nil)
  }
}

extension SecretRecovery.Recovered: Equatable {
  public static func == (a: Self, b: Self) -> Bool { a.secret == b.secret && a.wrong == b.wrong }
}
