/// The rectified linear unit, element by element: y = max(x, 0). NaN stays NaN, so that a broken model is noticed.
public enum ReLU {
  public static func forward(_ y: inout MutableSpan<Float>, x: Span<Float>, on kernels: KernelTable = .best) {
    precondition(y.count == x.count)
    kernels.relu(x.count, x.pointer, y.pointer())
  }

  /// dx = dy where x > 0, else 0 (the subgradient at 0 is taken as 0, as PyTorch does).
  public static func backward(
    _ dx: inout MutableSpan<Float>, x: Span<Float>, dy: Span<Float>, on kernels: KernelTable = .best
  ) {
    precondition(dx.count == x.count && dy.count == x.count)
    kernels.reluBackward(x.count, x.pointer, dy.pointer, dx.pointer())
  }
}
