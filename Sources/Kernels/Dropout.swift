/// Dropout, element by element: y = x / (1 - p) with probability 1 - p, else 0.
///
/// Element i is kept or not by the i-th number of a generator with the given seed, so that nothing is stored, the gradient
/// is the same call on dy, and the result does not depend on threads.
///
/// Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting" (2014), scaled while
/// training instead of afterwards.
public enum Dropout {
  /// - Parameters:
  ///   - probability: Of an element to become 0; at least 0 and less than 1.
  ///   - seed: Another one for every layer and step.
  public static func apply(
    _ y: inout MutableSpan<Float>, x: Span<Float>, probability: Float, seed: UInt64, threads: ThreadPool = .shared,
    on kernels: KernelTable = .best
  ) {
    precondition(y.count == x.count && (0..<1).contains(probability))
    let (xp, yp) = (x.pointer, y.pointer())
    let threshold = UInt32(Double(probability) * 0x1p32)
    threads.elementwise(x.count) {
      kernels.dropout($1, xp + $0, seed, UInt64($0), threshold, 1 / (1 - probability), yp + $0)
    }
  }
}
