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

  /// x = fl32(delta · f) with f = min(1, C/‖delta‖) · w/wMax in double precision, so that ‖x‖ ≤ C.
  ///
  /// - Throws: `.notFinite`, `.zeroWeight`, `.excessiveWeight` or `.unusableClipNorm`: a broken update must not reach
  ///   everyone's model, and under the mask nobody could see it.
  ///
  /// Source: McMahan et al., "Learning Differentially Private Recurrent Language Models", arXiv:1710.06963, section 2.
  public static func scaled(
    _ delta: [Float], weight: UInt32, maximumWeight: UInt32, clipNorm: Double
  ) throws(UpdateError) -> [Float] {
    guard clipNorm > 0, clipNorm.isFinite else { throw .unusableClipNorm(clipNorm) }
    guard weight > 0 else { throw .zeroWeight }
    guard weight <= maximumWeight else { throw .excessiveWeight(weight: weight, maximum: maximumWeight) }
    let factor = min(1, clipNorm / (try norm(of: delta))) * Double(weight) / Double(maximumWeight)
    var scaled = delta
    var span = scaled.mutableSpan
    Norms.scale(&span, by: factor)
    return scaled
  }
}
