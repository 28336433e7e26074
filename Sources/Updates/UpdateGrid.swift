/// The public grid of one round: every participant rounds its rotated update to integers times `step`, and the sums of
/// those integers are taken mod 2^`bits`.
///
/// After a random rotation a coordinate of the sum is close to normal with variance ‖sum‖²/D, whatever the updates were.
/// The grid spans ±8.125 of those deviations as the last round's norm predicts them (6.5, with a quarter of headroom):
/// single values may wrap around it, the centred lift of the sum is still right. Unbiased rounding then leaves a mean
/// squared error of at most `targetError` of the mean's square when 4^B·u²·targetError ≥ 44·n: each of n roundings adds
/// step²/6 on average, step = 16.25·σ/2^B, and u is the part of the greatest possible weight that the last survivors had.
///
/// Without a norm to go by (first round of a run or an epoch, the round after an alarm, a last norm of 0 or none) and for
/// small vectors, the grid spans n·C in 24 bits, which cannot wrap.
public struct UpdateGrid: Sendable, Hashable, Codable {
  /// What the last closed round published, from which the next sum's size is predicted.
  public struct LastRound: Sendable, Hashable, Codable {
    /// ‖mean‖₂ as the round's close states it.
    public var meanNorm: Double
    public var totalWeight: UInt64
    public var survivors: Int
    /// The plan's bound on one participant's weight in that round.
    public var maximumWeight: UInt32

    public init(meanNorm: Double, totalWeight: UInt64, survivors: Int, maximumWeight: UInt32) {
      self.meanNorm = meanNorm
      self.totalWeight = totalWeight
      self.survivors = survivors
      self.maximumWeight = maximumWeight
    }
  }

  /// B, the width of a lane, 8 to 32.
  public let bits: Int
  /// s, the distance between grid points in units of the update.
  public let step: Double
  /// The largest sum that the grid is meant to hold, in units of the update.
  public let range: Double
  /// Whether the sum's occupancy is watched: exactly when it could wrap.
  public let monitored: Bool

  /// Vectors up to this long use the grid that cannot wrap: the bytes saved would be few, and blocks are too small for
  /// their coordinates to be close to normal.
  public static let smallDimension = 65_536

  /// The grid of a round, the same for everyone who knows the roster, the plan and the last close.
  ///
  /// - Parameters:
  ///   - participants: n, the roster's count, 1 to 32,768.
  ///   - dimension: d, the number of parameters, at least 1.
  ///   - clipNorm: C, positive and finite.
  ///   - targetError: The mean squared error allowed, as part of the mean's square; above 0.
  ///   - last: The last close of this run in this epoch, nil in a first round or after an alarm.
  public init(participants: Int, dimension: Int, clipNorm: Double, targetError: Double, last: LastRound?) {
    precondition((1...32_768).contains(participants) && dimension >= 1 && clipNorm > 0 && clipNorm.isFinite)
    let n = Double(participants)
    guard dimension > Self.smallDimension, let last,
      let grid = Self.predicted(n: n, dimension: dimension, clipNorm: clipNorm, targetError: targetError, last: last)
    else {
      // n values of at most C = (2^23 − 2^15)/n steps, each rounded by less than one: below 2^23 with room to spare.
      self.init(bits: 24, step: n * clipNorm / (0x1p23 - 0x1p15), range: n * clipNorm, monitored: false)
      return
    }
    self = grid
  }

  /// The grid on which updates that came without masks are added: it spans what all of them can come to, and its step is
  /// 2⁻³¹ of that, so that rounding to it is nothing beside what compression left out.
  public init(addingClear participants: Int, clipNorm: Double) {
    precondition((1...32_768).contains(participants) && clipNorm > 0 && clipNorm.isFinite)
    let range = Double(participants) * clipNorm * ClearUpdate.stretch
    self.init(bits: 32, step: range / (0x1p31 - 0x1p16), range: range, monitored: false)
  }

  private init(bits: Int, step: Double, range: Double, monitored: Bool) {
    self.bits = bits
    self.step = step
    self.range = range
    self.monitored = monitored
  }

  /// Nil when the last round says nothing usable.
  private static func predicted(
    n: Double, dimension: Int, clipNorm: Double, targetError: Double, last: LastRound
  ) -> UpdateGrid? {
    guard last.meanNorm > 0, last.meanNorm.isFinite, last.totalWeight > 0, last.survivors > 0, last.maximumWeight > 0
    else { return nil }
    let sigma = n * last.meanNorm / Double(Rotation(dimension: dimension).paddedCount).squareRoot()
    let range = min(6.5 * 1.25 * sigma, n * clipNorm)
    let share = Double(last.totalWeight) / (Double(last.survivors) * Double(last.maximumWeight))
    var bits = 8
    while bits < 32, Double(sign: .plus, exponent: 2 * bits, significand: 1) * (share * share) * targetError < 44 * n {
      bits += 1
    }
    let step = 2 * range / Double(sign: .plus, exponent: bits, significand: 1)
    // A norm that collapsed so far predicts nothing either, and integers past 2^52 would no longer be exact.
    guard clipNorm / step < 0x1p52 else { return nil }
    return UpdateGrid(bits: bits, step: step, range: range, monitored: true)
  }
}
