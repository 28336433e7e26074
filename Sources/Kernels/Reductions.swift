/// Sums over all elements.
public enum Reductions {
  /// Σ x², for the norm of a gradient: blocks of 1024 elements in single precision, everything else in double.
  public static func sumOfSquares(_ x: Span<Float>, on kernels: KernelTable = .best) -> Double {
    kernels.sumOfSquares(x.count, x.pointer)
  }
}
