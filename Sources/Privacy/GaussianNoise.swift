#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Gaussian noise on a grid: what a sum of clipped vectors gets before anyone sees it.
///
/// The sum is rounded to a grid first and gets noise that is rounded to the same grid, so that what comes out is a number
/// of grid steps whose low digits say nothing about the sum. Since the sum lies on the grid, rounding the noise is the
/// same as rounding the noised sum, and so costs no privacy beyond that of the Gaussian mechanism.
///
/// Source: on why floating-point noise alone leaks, Mironov, "On Significance of the Least Significant Bits for
/// Differential Privacy", 2012.
public struct GaussianNoise {
  private var words: RandomWords
  private var kept: Double?

  public init(_ source: any SecretRandomness) { words = RandomWords(source) }

  /// A standard normal number, by Box and Muller's transform of two uniform ones.
  mutating func normal() -> Double {
    if let kept {
      self.kept = nil
      return kept
    }
    let radius = (-2 * log(words.unit())).squareRoot()
    let angle = 2 * Double.pi * words.unit()
    kept = radius * sin(angle)
    return radius * cos(angle)
  }

  /// A whole number of deviation σ around zero: the normal one that is nearest.
  mutating func integer(deviation: Double) -> Double { (normal() * deviation).rounded(.toNearestOrEven) }

  /// Rounds each value to a multiple of `grid`, and adds noise of that deviation on the grid.
  public mutating func add(to values: UnsafeMutableBufferPointer<Float>, deviation: Double, grid: Double) {
    precondition(grid > 0 && deviation >= 0)
    let steps = deviation / grid
    for i in values.indices {
      let on = (Double(values[i]) / grid).rounded(.toNearestOrEven)
      values[i] = Float((on + integer(deviation: steps)) * grid)
    }
  }
}
