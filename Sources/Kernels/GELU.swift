/// The Gaussian error linear unit in its tanh form, element by element:
/// y = 0.5 x (1 + tanh u), u = √(2/π) · (x + 0.044715 x³). PyTorch names it `gelu(approximate="tanh")`.
///
/// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)", arXiv:1606.08415, section 2.
public enum GELU {
  public static func forward(_ y: inout MutableSpan<Float>, x: Span<Float>, on kernels: KernelTable = .best) {
    precondition(y.count == x.count)
    kernels.gelu(x.count, x.pointer, y.pointer())
  }

  /// dx = dy · y'(x), from x itself.
  public static func backward(
    _ dx: inout MutableSpan<Float>, x: Span<Float>, dy: Span<Float>, on kernels: KernelTable = .best
  ) {
    precondition(dx.count == x.count && dy.count == x.count)
    kernels.geluBackward(x.count, x.pointer, dy.pointer, dx.pointer())
  }
}
