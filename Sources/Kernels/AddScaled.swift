/// y += scale · x, element by element: residual connections, and gradients that are added up.
public enum AddScaled {
  public static func add(
    _ y: inout MutableSpan<Float>, _ x: Span<Float>, scale: Float = 1, threads: ThreadPool = .shared,
    on kernels: KernelTable = .best
  ) {
    precondition(y.count == x.count)
    let (xp, yp) = (x.pointer, y.pointer())
    threads.elementwise(x.count) { kernels.addScaled($1, xp + $0, scale, yp + $0) }
  }
}
