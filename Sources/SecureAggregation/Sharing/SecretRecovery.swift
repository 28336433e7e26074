/// Reconstructs one secret from revealed shares of which some may be wrong.
///
/// Only what its owner committed to before the round is accepted, so that a wrong share can stop a secret from being
/// found and never change it. Up to twelve shares, every subset of the threshold's size is tried; above that, wrong
/// shares are located by Berlekamp-Welch, byte by byte.
enum SecretRecovery {
  struct Recovered {
    var secret: [UInt8]
    /// Points whose shares lie off the polynomial; empty unless threshold + colluders shares lie on it, because fewer
    /// could be a story that the colluders made up.
    var wrong: [UInt8]
  }

  static let exhaustiveLimit = 12

  /// - Parameter accept: Whether a candidate is what the owner committed to.
  /// - Returns: nil when no acceptable secret can be found.
  static func recover(
    _ shares: [ShamirSharing.Share], threshold: Int, colluders: Int,
    accept: ([UInt8]) throws(AveragingError) -> Bool
  ) throws(AveragingError) -> Recovered? {
    guard shares.count >= threshold else { return nil }
    let chosen: [ShamirSharing.Share]?
    if try accept(ShamirSharing.interpolate(Array(shares[..<threshold]))) {
      chosen = Array(shares[..<threshold])
    } else if shares.count <= exhaustiveLimit {
      chosen = try subset(shares, threshold, accept)
    } else {
      chosen = try located(shares, threshold, accept)
    }
    guard let chosen else { return nil }
    let off = shares.filter { share in
      !chosen.contains { $0.point == share.point } && ShamirSharing.interpolate(chosen, at: share.point) != share.bytes
    }
    let named = shares.count - off.count >= threshold + colluders
    return Recovered(secret: ShamirSharing.interpolate(chosen), wrong: named ? off.map(\.point) : [])
  }

  /// The first subset of the threshold's size that gives an acceptable secret, in lexicographic order.
  private static func subset(
    _ shares: [ShamirSharing.Share], _ threshold: Int, _ accept: ([UInt8]) throws(AveragingError) -> Bool
  ) throws(AveragingError) -> [ShamirSharing.Share]? {
    var places = Array(0..<threshold)
    while true {
      let candidate = places.map { shares[$0] }
      if try accept(ShamirSharing.interpolate(candidate)) { return candidate }
      guard let k = places.indices.last(where: { places[$0] < shares.count - threshold + $0 }) else { return nil }
      places[k] += 1
      for later in (k + 1)..<max(k + 1, threshold) { places[later] = places[later - 1] + 1 }
    }
  }

  /// Drops the holders that each byte in turn shows to be wrong, until what is left is acceptable.
  private static func located(
    _ shares: [ShamirSharing.Share], _ threshold: Int, _ accept: ([UInt8]) throws(AveragingError) -> Bool
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
      if try accept(ShamirSharing.interpolate(candidate)) { return candidate }
    }
    return nil
  }
}
