import SecureAggregation

/// One operation on secret bytes whose time must not tell which bytes they are, or, as a control, one whose time does.
struct Subject {
  struct Input {
    var secret: [UInt8]
    var other: [UInt8]
  }

  let name: String
  /// Leaks on purpose: a measurement that does not notice it could notice nothing.
  var isControl = false
  let input: (_ second: Bool, _ generator: inout SystemRandomNumberGenerator) -> Input
  let run: (Input) -> UInt64

  static func random(_ count: Int, _ generator: inout SystemRandomNumberGenerator) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  /// Zeros in the first class, random bytes in the second; the other operand is random in both.
  static func zeroOrRandom(_ second: Bool, _ generator: inout SystemRandomNumberGenerator) -> Input {
    Input(
      secret: second ? random(256, &generator) : [UInt8](repeating: 0, count: 256), other: random(256, &generator))
  }

  /// Two tags that differ in their first byte in one class, in their last in the other.
  static func differing(_ second: Bool, _ generator: inout SystemRandomNumberGenerator) -> Input {
    let tag = random(32, &generator)
    var other = tag
    other[second ? 31 : 0] ^= 1
    return Input(secret: tag, other: other)
  }

  static var all: [Subject] {
    [
      Subject(name: "GF(2^8) product", input: zeroOrRandom) { input in
        var sum: UInt8 = 0
        for k in 0..<256 { sum ^= GaloisField.multiply(input.secret[k], input.other[k]) }
        return UInt64(sum)
      },
      Subject(name: "GF(2^8) product of eight bytes by a secret", input: zeroOrRandom) { input in
        var sum: UInt64 = 0
        for k in 0..<256 {
          sum ^= GaloisField.multiply(UInt64(input.other[k]) &* 0x0101_0101_0101_0101, by: input.secret[k])
        }
        return sum
      },
      Subject(name: "GF(2^8) product of eight secret bytes", input: zeroOrRandom) { input in
        var sum: UInt64 = 0
        for k in 0..<256 {
          sum ^= GaloisField.multiply(UInt64(input.secret[k]) &* 0x0101_0101_0101_0101, by: input.other[k])
        }
        return sum
      },
      Subject(name: "GF(2^8) inverse", input: zeroOrRandom) { input in
        var sum: UInt8 = 0
        for k in 0..<256 { sum ^= GaloisField.invert(input.secret[k]) }
        return UInt64(sum)
      },
      Subject(name: "Shamir: 64 bytes split among ten", input: zeroOrRandom) { input in
        let shares = ShamirSharing.split(
          Array(input.secret[..<64]), threshold: 4, points: Array(1...10), coefficients: Array(input.secret[64...]))
        return UInt64(shares[9][63])
      },
      Subject(name: "comparison of tags", input: differing) { input in
        Primitives.constantTimeEquals(input.secret, input.other) ? 1 : 0
      },
      Subject(name: "comparison of secrets", input: differing) { input in
        Secret(input.secret) == Secret(input.other) ? 1 : 0
      },
      Subject(
        name: "AES-256-GCM: a box with a wrong tag",
        input: { second, generator in
          var sealed = random(80, &generator)
          let key = random(32, &generator)
          if let right = try? Primitives.aesGCMSeal(Array(sealed[..<64]), key: Secret(key), authenticating: []) {
            sealed = right
            sealed[second ? 79 : 64] ^= 1
          }
          return Input(secret: key, other: sealed)
        }
      ) { input in
        (try? Primitives.aesGCMOpen(input.other, key: Secret(input.secret), authenticating: [])) == nil ? 1 : 0
      },
      Subject(name: "comparison that stops at the first difference", isControl: true, input: differing) { input in
        var k = 0
        while k < 32, input.secret[k] == input.other[k] { k += 1 }
        return UInt64(k)
      },
      Subject(name: "product that skips zero bits", isControl: true, input: zeroOrRandom) { input in
        var sum: UInt8 = 0
        for k in 0..<256 {
          var bits = input.secret[k]
          var power = input.other[k]
          while bits != 0 {
            if bits & 1 == 1 { sum ^= power }
            power = power << 1 ^ (power & 0x80 == 0 ? 0 : 0x1B)
            bits >>= 1
          }
        }
        return UInt64(sum)
      },
    ]
  }
}
