/// Reconstructs secrets from revealed shares of which some may be wrong.
///
/// Only what its owner committed to before the round is accepted, so that a wrong share can stop a secret from being
/// found and never change it. Up to twelve shares, every subset of the threshold's size is tried; above that, wrong
/// shares are located by Berlekamp-Welch, byte by byte.
///
/// One value serves all the secrets of a round: mostly the same holders answer for each, and the weights of their points
/// are computed once.
struct SecretRecovery {
  struct Recovered {
    var secret: [UInt8]
    /// Points whose shares lie off the polynomial; empty unless threshold + colluders shares lie on it, because fewer
    /// could be a story that the colluders made up.
    var wrong: [UInt8]
  }

  static let exhaustiveLimit = 12

  let threshold: Int
  let colluders: Int
  private var interpolations: [Way: ShamirSharing.Interpolation] = [:]

  private struct Way: Hashable {
    var points: [UInt8]
    var target: UInt8
  }

  init(threshold: Int, colluders: Int) {
    self.threshold = threshold
    self.colluders = colluders
  }

  /// - Parameter accept: Whether a candidate is what the owner committed to.
  /// - Returns: nil when no acceptable secret can be found.
  mutating func recover(
    _ shares: [ShamirSharing.Share], accept: ([UInt8]) throws(AveragingError) -> Bool
  ) throws(AveragingError) -> Recovered? {
    guard shares.count >= threshold else { return nil }
    let first = Array(shares[..<threshold])
    let chosen: [ShamirSharing.Share]?
    if try accept(interpolate(first)) {
      chosen = first
    } else if shares.count <= Self.exhaustiveLimit {
      chosen = try subset(shares, accept)
    } else {
      chosen = try located(shares, accept)
    }
    guard let chosen else { return nil }
    let points = Set(chosen.map(\.point))
    var off: [UInt8] = []
    for share in shares where !points.contains(share.point) {
      if interpolate(chosen, at: share.point) != share.bytes { off.append(share.point) }
    }
    let named = shares.count - off.count >= threshold + colluders
    return Recovered(secret: interpolate(chosen), wrong: named ? off : [])
  }

  private mutating func interpolate(_ shares: [ShamirSharing.Share], at target: UInt8 = 0) -> [UInt8] {
    let way = Way(points: shares.map(\.point), target: target)
    if let known = interpolations[way] { return known.value(shares) }
    let made = ShamirSharing.Interpolation(from: way.points, to: target)
    interpolations[way] = made
    return made.value(shares)
  }

  /// The first subset of the threshold's size that gives an acceptable secret, in lexicographic order.
  private mutating func subset(
    _ shares: [ShamirSharing.Share], _ accept: ([UInt8]) throws(AveragingError) -> Bool
  ) throws(AveragingError) -> [ShamirSharing.Share]? {
    var places = Array(0..<threshold)
    while true {
      let candidate = places.map { shares[$0] }
      if try accept(interpolate(candidate)) { return candidate }
      guard let k = places.indices.last(where: { places[$0] < shares.count - threshold + $0 }) else { return nil }
      places[k] += 1
      for later in (k + 1)..<max(k + 1, threshold) { places[later] = places[later - 1] + 1 }
    }
  }

  /// Drops the holders that each byte in turn shows to be wrong, until what is left is acceptable.
  private mutating func located(
    _ shares: [ShamirSharing.Share], _ accept: ([UInt8]) throws(AveragingError) -> Bool
  ) throws(AveragingError) -> [ShamirSharing.Share]? {
    var good = shares
    for byte in 0..<(shares.first?.bytes.count ?? 0) {
      guard
        let wrong = BerlekampWelch.errors(
          points: good.map(\.point), values: good.map { $0.bytes[byte] }, threshold: threshold)
      else { return nil }
      guard !wrong.isEmpty else { continue }
      for index in wrong.reversed() { good.remove(at: index) }
      guard good.count >= threshold else { return nil }
      let candidate = Array(good[..<threshold])
      if try accept(interpolate(candidate)) { return candidate }
    }
    return nil
  }
}
