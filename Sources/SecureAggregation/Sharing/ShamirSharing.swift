/// Shamir's secret sharing, one polynomial over GF(2^8) for each byte; the secret is the value at 0.
///
/// Source: Shamir, "How to share a secret", Communications of the ACM 22 (1979). A participant's point is 1 + its rank.
enum ShamirSharing {
  /// A share of every byte of the secret for each point.
  ///
  /// - Parameter coefficients: Uniform bytes, (threshold - 1) * secret.count of them; that of degree k for byte j is at
  ///   secret.count * (k - 1) + j.
  static func split(_ secret: [UInt8], threshold: Int, points: [UInt8], coefficients: [UInt8]) -> [[UInt8]] {
    precondition(secret.count.isMultiple(of: 8), "secrets are whole words")
    precondition(coefficients.count == (threshold - 1) * secret.count, "a coefficient for each degree and byte")
    precondition(!points.contains(0), "the point 0 is the secret itself")
    let width = secret.count / 8
    let polynomial = words(secret) + words(coefficients)
    return points.map { point in
      var value = Array(polynomial[(threshold - 1) * width..<threshold * width])
      for degree in Swift.stride(from: threshold - 2, through: 0, by: -1) {
        for k in 0..<width {
          value[k] = GaloisField.multiply(value[k], by: point) ^ polynomial[degree * width + k]
        }
      }
      return bytes(value)
    }
  }

  /// The value at `target` of the polynomials through the given shares; target 0 is the secret.
  static func interpolate(_ shares: [Share], at target: UInt8 = 0) -> [UInt8] {
    let weights = lagrange(shares.map(\.point), at: target)
    var value = [UInt64](repeating: 0, count: (shares.first?.bytes.count ?? 0) / 8)
    for (share, weight) in zip(shares, weights) {
      for (k, word) in words(share.bytes).enumerated() { value[k] ^= GaloisField.multiply(word, by: weight) }
    }
    return bytes(value)
  }

  /// A share and where it was taken. Whole words long.
  struct Share: Sendable {
    var point: UInt8
    var bytes: [UInt8]
  }

  /// The weight of each point in the value at `target`: the product over the others of (target - x_m) / (x_j - x_m).
  private static func lagrange(_ points: [UInt8], at target: UInt8) -> [UInt8] {
    points.map { own in
      var numerator: UInt8 = 1
      var denominator: UInt8 = 1
      for other in points where other != own {
        numerator = GaloisField.multiply(numerator, target ^ other)
        denominator = GaloisField.multiply(denominator, own ^ other)
      }
      return GaloisField.multiply(numerator, GaloisField.invert(denominator))
    }
  }

  private static func words(_ bytes: [UInt8]) -> [UInt64] {
    Swift.stride(from: 0, to: bytes.count, by: 8).map { start in
      (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
    }
  }

  private static func bytes(_ words: [UInt64]) -> [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
  }
}
