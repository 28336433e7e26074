import Transforms

/// What leaves a participant, before masking, and what the sum of it means.
///
///     delta → clipped, weighted → rotated → rounded to the grid → lanes mod 2^B        encode, at each participant
///     Σ lanes mod 2^B → lifted → · step · wMax / Σw → rotated back → weighted mean     decode, at the coordinator
///
/// All randomness arrives as bytes: the signs are the round's and public, the coins are the participant's own.
public enum UpdateEncoding {
  /// Encodes one update as D lanes, each below 2^`grid.bits`.
  ///
  /// - Parameters:
  ///   - delta: Trained minus given parameters, `rotation.dimension` of them.
  ///   - weight: w, usually min(examples, wMax); 1 to `maximumWeight`.
  ///   - clipNorm: C; an update with a larger L2 norm is scaled down to it.
  ///   - coins: 4 bytes for each of the D coordinates, uniformly random and known to nobody else.
  public static func encode(
    delta: [Float], weight: UInt32, maximumWeight: UInt32, clipNorm: Double, rotation: Rotation, signs: RotationSigns,
    grid: UpdateGrid, coins: [UInt8]
  ) throws(UpdateError) -> [UInt32] {
    guard delta.count == rotation.dimension else {
      throw .wrongLength(expected: rotation.dimension, found: delta.count)
    }
    let factor = try Clipping.factor(for: delta, weight: weight, maximumWeight: maximumWeight, clipNorm: clipNorm)
    let rotated = rotation.forward(delta, factor: factor, signs: signs)
    return [UInt32](ofLargePages: rotated.count) { lanes in
      Rounding.stochastic(&lanes, x: rotated.span, step: grid.step, bits: grid.bits, coins: coins.span)
    }
  }

  /// The weighted mean that a sum of encoded updates stands for.
  ///
  /// The arithmetic runs in double precision in one fixed order, so that whoever holds the sum gets the same bytes.
  ///
  /// - Parameters:
  ///   - sum: The D lanes of the sum mod 2^`grid.bits`.
  ///   - totalWeight: Σw as the masked tail carried it.
  ///   - survivors: |U2|, how many updates are in the sum.
  /// - Returns: The mean in d elements, and its L2 norm, which sets the next round's grid.
  /// - Throws: `.impossibleTotalWeight` when Σw lies outside [survivors, survivors · wMax]; `.occupancyAlarm` when the
  ///   share of coordinates beyond 0.8 of a monitored grid's range is not below 10⁻⁶ (a single one when d < 10⁶).
  public static func decode(
    sum: [UInt32], totalWeight: UInt64, survivors: Int, maximumWeight: UInt32, rotation: Rotation, signs: RotationSigns,
    grid: UpdateGrid
  ) throws(UpdateError) -> (mean: [Float], norm: Double) {
    guard sum.count == rotation.paddedCount else {
      throw .wrongLength(expected: rotation.paddedCount, found: sum.count)
    }
    guard survivors > 0, totalWeight >= UInt64(survivors),
      totalWeight <= UInt64(survivors) * UInt64(maximumWeight)
    else {
      throw .impossibleTotalWeight(total: totalWeight, survivors: max(survivors, 0), maximumWeight: maximumWeight)
    }
    var beyond = 0
    let lifted = [Double](ofLargePages: sum.count) { lifted in
      beyond = Rounding.lift(
        &lifted, lanes: sum.span, bits: grid.bits, step: grid.step, numerator: Double(maximumWeight),
        denominator: Double(totalWeight))
    }
    if grid.monitored {
      let alarm = rotation.dimension < 1_000_000 ? beyond > 0 : Double(beyond) >= 1e-6 * Double(sum.count)
      guard !alarm else { throw .occupancyAlarm(beyond: beyond, of: sum.count) }
    }
    let exact = rotation.inverse(lifted, signs: signs)
    let mean = [Float](ofLargePages: exact.count) { mean in Norms.narrow(&mean, x: exact.span) }
    return (mean, Norms.squared(mean.span).squareRoot())
  }
}
