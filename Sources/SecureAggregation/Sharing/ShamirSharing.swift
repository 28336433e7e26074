/// Shamir's secret sharing, one polynomial over GF(2^8) for each byte; the secret is the value at 0.
///
/// Source: Shamir, "How to share a secret", Communications of the ACM 22 (1979). A participant's point is 1 + its rank.
package enum ShamirSharing {
  /// A share of every byte of the secret for each point.
  ///
  /// - Parameter coefficients: Uniform bytes, (threshold - 1) * secret.count of them; that of degree k for byte j is at
  ///   secret.count * (k - 1) + j.
  package static func split(_ secret: [UInt8], threshold: Int, points: [UInt8], coefficients: [UInt8]) -> [[UInt8]] {
    precondition(secret.count.isMultiple(of: 8), "secrets are whole words")
    precondition(coefficients.count == (threshold - 1) * secret.count, "a coefficient for each degree and byte")
    precondition(!points.contains(0), "the point 0 is the secret itself")
    let width = secret.count / 8
    var polynomial: [UInt64] = []
    polynomial.reserveCapacity(threshold * width)
    polynomial.append(contentsOf: secret.words)
    polynomial.append(contentsOf: coefficients.words)
    defer { Primitives.cleanse(&polynomial) }
    return points.map { point in
      var value = Array(polynomial[(threshold - 1) * width..<threshold * width])
      defer { Primitives.cleanse(&value) }
      for degree in Swift.stride(from: threshold - 2, through: 0, by: -1) {
        for k in 0..<width {
          value[k] = GaloisField.multiply(value[k], by: point) ^ polynomial[degree * width + k]
        }
      }
      return bytes(value)
    }
  }

  /// A share and where it was taken. Whole words long.
  struct Share: Sendable {
    var point: UInt8
    var bytes: [UInt8]
  }

  /// The way from the values at some points to the value at another, the same for every secret that the same holders
  /// have shares of.
  struct Interpolation {
    private let weights: [UInt8]

    /// - Parameter target: 0 for the secret, or the point of another share.
    init(from points: [UInt8], to target: UInt8) {
      weights = points.map { own in
        // The product over the others of (target - x_m) / (x_j - x_m).
        var numerator: UInt8 = 1
        var denominator: UInt8 = 1
        for other in points where other != own {
          numerator = GaloisField.multiply(numerator, target ^ other)
          denominator = GaloisField.multiply(denominator, own ^ other)
        }
        return GaloisField.multiply(numerator, GaloisField.invert(denominator))
      }
    }

    /// The value at the target of the polynomials through the given shares, which lie at the points in their order.
    func value(_ shares: [Share]) -> [UInt8] {
      precondition(shares.count == weights.count, "a share for each point")
      var value = [UInt64](repeating: 0, count: (shares.first?.bytes.count ?? 0) / 8)
      for (share, weight) in zip(shares, weights) {
        for (k, word) in share.bytes.words.enumerated() { value[k] ^= GaloisField.multiply(word, by: weight) }
      }
      return bytes(value)
    }
  }

  fileprivate static func bytes(_ words: [UInt64]) -> [UInt8] {
    words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
  }
}

extension [UInt8] {
  /// Eight bytes at a time, little-endian, made as they are asked for.
  fileprivate var words: some Sequence<UInt64> {
    stride(from: 0, to: count, by: 8).lazy.map { start in
      (0..<8).reduce(0) { $0 | UInt64(self[start + $1]) << UInt64(8 * $1) }
    }
  }
}
