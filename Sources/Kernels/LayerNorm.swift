/// Layer normalisation, row by row: r[i] = 1 / √(variance(x[i, :]) + ε),
/// y[i, j] = (x[i, j] - mean[i]) · r[i] · gain[j] + bias[j].
///
/// Source: Ba, Kiros and Hinton, "Layer Normalization", arXiv:1607.06450, eq. 3 and 4.
public enum LayerNorm {
  /// - Parameters: `y` and `x` are `[rows, columns]`, `mean` and `r` `[rows]` (kept for `backward`), `gain` and `bias`
  ///   `[columns]`.
  public static func forward(
    _ y: inout MutableSpan<Float>, mean: inout MutableSpan<Float>, r: inout MutableSpan<Float>, x: Span<Float>,
    gain: Span<Float>, bias: Span<Float>, epsilon: Float, threads: ThreadPool = .shared,
    on kernels: KernelTable = .best
  ) {
    let (rows, columns) = (r.count, gain.count)
    precondition(columns > 0 && bias.count == columns && mean.count == rows)
    precondition(x.count == rows * columns && y.count == x.count)
    let inputs = (x: x.pointer, gain: gain.pointer, bias: bias.pointer)
    let outputs = (y: y.pointer(), mean: mean.pointer(), r: r.pointer())
    threads.rows(rows, columns) { i, count in
      kernels.layerNorm(
        count, columns, inputs.x + i * columns, inputs.gain, inputs.bias, epsilon, outputs.y + i * columns,
        outputs.mean + i, outputs.r + i)
    }
  }

  /// The input's gradient: with n = (x - mean) · r and g = dy · gain, dx (+)= r · (g - mean(g) - n · mean(g · n)).
  public static func backward(
    dx: inout MutableSpan<Float>, x: Span<Float>, gain: Span<Float>, mean: Span<Float>, r: Span<Float>,
    dy: Span<Float>, accumulate: Bool = false, threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    let (rows, columns) = (r.count, gain.count)
    precondition(columns > 0 && mean.count == rows)
    precondition(x.count == rows * columns && dy.count == x.count && dx.count == x.count)
    let inputs = (x: x.pointer, gain: gain.pointer, dy: dy.pointer, mean: mean.pointer, r: r.pointer)
    let dxPointer = dx.pointer()
    threads.rows(rows, columns) { i, count in
      kernels.normBackward(
        count, columns, inputs.x + i * columns, inputs.gain, inputs.dy + i * columns, inputs.mean + i, inputs.r + i,
        dxPointer + i * columns, accumulate)
    }
  }

  /// Adds the parameters' gradients: dGain[j] += Σ_i dy[i, j] · n[i, j] and dBias[j] += Σ_i dy[i, j].
  public static func backward(
    dGain: inout MutableSpan<Float>, dBias: inout MutableSpan<Float>, x: Span<Float>, mean: Span<Float>,
    r: Span<Float>, dy: Span<Float>, threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    let (rows, columns) = (r.count, dGain.count)
    precondition(dBias.count == columns && mean.count == rows && x.count == rows * columns && dy.count == x.count)
    let inputs = (x: x.pointer, dy: dy.pointer, mean: mean.pointer, r: r.pointer)
    let outputs = (gain: dGain.pointer(), bias: dBias.pointer())
    threads.columns(rows, columns) { j, count in
      kernels.normGainGradient(
        rows, count, columns, inputs.x + j, inputs.dy + j, inputs.mean, inputs.r, outputs.gain + j, outputs.bias + j)
    }
  }
}

extension ThreadPool {
  /// Work on independent rows: the body gets its first one and their number.
  func rows(_ rows: Int, _ columns: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
    let chunks = chunks(of: rows, unit: 1, operations: 10 * rows * columns)
    run(chunks.count) { (chunk: Int) in body(chunks[chunk].lowerBound, chunks[chunk].count) }
  }

  /// Work on independent columns, in whole cache lines.
  func columns(_ rows: Int, _ columns: Int, _ body: (_ first: Int, _ count: Int) -> Void) {
    let chunks = chunks(of: columns, unit: 32, operations: 10 * rows * columns)
    run(chunks.count) { (chunk: Int) in body(chunks[chunk].lowerBound, chunks[chunk].count) }
  }
}
