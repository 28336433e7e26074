/// The Gaussian error linear unit, element by element: y = x · Φ(x), Φ being the standard normal distribution.
///
/// `forward` and `backward` are its tanh form, y = 0.5 x (1 + tanh u), u = √(2/π) · (x + 0.044715 x³), PyTorch's
/// `gelu(approximate="tanh")`; `exactForward` and `exactBackward` are Φ itself, PyTorch's default and BERT's `gelu`.
///
/// Source: Hendrycks and Gimpel, "Gaussian Error Linear Units (GELUs)", arXiv:1606.08415, section 2.
public enum GELU {
  public static func forward(
    _ y: inout MutableSpan<Float>, x: Span<Float>, threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    precondition(y.count == x.count)
    let (xp, yp) = (x.pointer, y.pointer())
    threads.elementwise(x.count) { kernels.gelu($1, xp + $0, yp + $0) }
  }

  /// dx = dy · y'(x), from x itself.
  public static func backward(
    _ dx: inout MutableSpan<Float>, x: Span<Float>, dy: Span<Float>, threads: ThreadPool = .shared,
    on kernels: KernelTable = .best
  ) {
    precondition(dx.count == x.count && dy.count == x.count)
    let (xp, dyp, dxp) = (x.pointer, dy.pointer, dx.pointer())
    threads.elementwise(x.count) { kernels.geluBackward($1, xp + $0, dyp + $0, dxp + $0) }
  }

  /// The exact form, to 2e-7 · |x|.
  public static func exactForward(
    _ y: inout MutableSpan<Float>, x: Span<Float>, threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    precondition(y.count == x.count)
    let (xp, yp) = (x.pointer, y.pointer())
    threads.elementwise(x.count) { kernels.geluExact($1, xp + $0, yp + $0) }
  }

  /// dx = dy · (Φ(x) + x Φ'(x)).
  public static func exactBackward(
    _ dx: inout MutableSpan<Float>, x: Span<Float>, dy: Span<Float>, threads: ThreadPool = .shared,
    on kernels: KernelTable = .best
  ) {
    precondition(dx.count == x.count && dy.count == x.count)
    let (xp, dyp, dxp) = (x.pointer, dy.pointer, dx.pointer())
    threads.elementwise(x.count) { kernels.geluExactBackward($1, xp + $0, dyp + $0, dxp + $0) }
  }
}

extension ThreadPool {
  /// Work on `count` independent elements: the body gets where its part starts and how long it is.
  func elementwise(_ count: Int, _ body: (_ start: Int, _ count: Int) -> Void) {
    // About 20 operations an element. Parts start at whole cache lines and vectors, so that no element is computed in a
    // tail of one division and in a vector of another.
    let chunks = chunks(of: count, unit: 1024, operations: 20 * count)
    run(chunks.count) { (chunk: Int) in body(chunks[chunk].lowerBound, chunks[chunk].count) }
  }
}
