import Transforms

/// Bounds what one participant can contribute, and weights it.
public enum Clipping {
  /// ‖delta‖₂, summed in double precision from the first element to the last.
  ///
  /// - Throws: `.notFinite` with the first element that is NaN or infinite.
  public static func norm(of delta: [Float]) throws(UpdateError) -> Double {
    let squared = Norms.squared(delta.span)
    guard squared.isFinite else { throw .notFinite(index: delta.firstIndex { !$0.isFinite } ?? 0) }
    return squared.squareRoot()
  }

  /// f = min(1, C/‖delta‖) · w/wMax in double precision: the update that leaves is fl32(delta · f), of norm at most C.
  ///
  /// - Throws: `.notFinite`, `.zeroWeight`, `.excessiveWeight` or `.unusableClipNorm`: a broken update must not reach
  ///   everyone's model, and under the mask nobody could see it.
  ///
  /// Source: McMahan et al., "Learning Differentially Private Recurrent Language Models", arXiv:1710.06963, section 2.
  public static func factor(
    for delta: [Float], weight: UInt32, maximumWeight: UInt32, clipNorm: Double
  ) throws(UpdateError) -> Double {
    guard clipNorm > 0, clipNorm.isFinite else { throw .unusableClipNorm(clipNorm) }
    guard weight > 0 else { throw .zeroWeight }
    guard weight <= maximumWeight else { throw .excessiveWeight(weight: weight, maximum: maximumWeight) }
    return min(1, clipNorm / (try norm(of: delta))) * Double(weight) / Double(maximumWeight)
  }
}
