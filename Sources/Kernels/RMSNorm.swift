/// Root-mean-square normalisation, row by row: r[i] = 1 / √(mean(x[i, :]²) + ε), y[i, j] = x[i, j] · r[i] · gain[j].
///
/// Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", arXiv:1910.07467, eq. 4.
public enum RMSNorm {
  /// - Parameters: `y` and `x` are `[rows, columns]`, `r` is `[rows]` (kept for `backward`), `gain` is `[columns]`.
  public static func forward(
    _ y: inout MutableSpan<Float>, r: inout MutableSpan<Float>, x: Span<Float>, gain: Span<Float>, epsilon: Float,
    threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    let (rows, columns) = (r.count, gain.count)
    precondition(columns > 0 && x.count == rows * columns && y.count == x.count)
    let (xp, gainPointer, yp, rp) = (x.pointer, gain.pointer, y.pointer(), r.pointer())
    threads.rows(rows, columns) { i, count in
      kernels.rmsNorm(count, columns, xp + i * columns, gainPointer, epsilon, yp + i * columns, rp + i)
    }
  }

  /// The input's gradient: with n = x · r and g = dy · gain, dx (+)= r · (g - n · mean(g · n)).
  public static func backward(
    dx: inout MutableSpan<Float>, x: Span<Float>, gain: Span<Float>, r: Span<Float>, dy: Span<Float>,
    accumulate: Bool = false, threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    let (rows, columns) = (r.count, gain.count)
    precondition(columns > 0 && x.count == rows * columns && dy.count == x.count && dx.count == x.count)
    let inputs = (x: x.pointer, gain: gain.pointer, dy: dy.pointer, r: r.pointer)
    let dxPointer = dx.pointer()
    threads.rows(rows, columns) { i, count in
      kernels.normBackward(
        count, columns, inputs.x + i * columns, inputs.gain, inputs.dy + i * columns, nil, inputs.r + i,
        dxPointer + i * columns, accumulate)
    }
  }

  /// Adds the parameter's gradient: dGain[j] += Σ_i dy[i, j] · n[i, j].
  public static func backward(
    dGain: inout MutableSpan<Float>, x: Span<Float>, r: Span<Float>, dy: Span<Float>, threads: ThreadPool = .shared,
    on kernels: KernelTable = .best
  ) {
    let (rows, columns) = (r.count, dGain.count)
    precondition(x.count == rows * columns && dy.count == x.count)
    let inputs = (x: x.pointer, dy: dy.pointer, r: r.pointer)
    let dGainPointer = dGain.pointer()
    threads.columns(rows, columns) { j, count in
      kernels.normGainGradient(
        rows, count, columns, inputs.x + j, inputs.dy + j, nil, inputs.r, dGainPointer + j, nil)
    }
  }
}
