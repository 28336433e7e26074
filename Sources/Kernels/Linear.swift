/// A dense layer: y[i, :] = W · x[i, :] + b, with W stored `[outputs, inputs]` as PyTorch's `nn.Linear` does.
public enum Linear {
  /// - Parameters: `y` is `[rows, outputs]`, `x` `[rows, inputs]`, `weight` `[outputs, inputs]`, `bias` `[outputs]`.
  public static func forward(
    _ y: inout MutableSpan<Float>, x: Span<Float>, weight: Span<Float>, bias: Span<Float>, rows: Int,
    workspace: inout Workspace, threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    let outputs = bias.count
    let inputs = outputs == 0 ? 0 : weight.count / outputs
    Matmul.multiply(
      &y, .nt, x, weight, m: rows, n: outputs, k: inputs, workspace: &workspace, threads: threads, on: kernels)
    kernels.addBias(rows, outputs, bias.pointer, y.pointer())
  }

  /// The parameters' gradients: dW (+)= dyᵀ · x and db (+)= Σ_i dy[i, :].
  ///
  /// - Parameter accumulate: Add to `dWeight` and `dBias`, for a batch that is walked in pieces.
  public static func backward(
    dWeight: inout MutableSpan<Float>, dBias: inout MutableSpan<Float>, x: Span<Float>, dy: Span<Float>, rows: Int,
    accumulate: Bool = false, workspace: inout Workspace, threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    let outputs = dBias.count
    let inputs = outputs == 0 ? 0 : dWeight.count / outputs
    precondition(dy.count == rows * outputs)
    Matmul.multiply(
      &dWeight, .tn, dy, x, m: outputs, n: inputs, k: rows, accumulate: accumulate, workspace: &workspace,
      threads: threads, on: kernels)
    kernels.columnSums(rows, outputs, dy.pointer, dBias.pointer(), accumulate)
  }

  /// The input's gradient: dx = dy · W. A network's first layer does without.
  public static func backward(
    dx: inout MutableSpan<Float>, weight: Span<Float>, dy: Span<Float>, rows: Int, workspace: inout Workspace,
    threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    let inputs = rows == 0 ? 0 : dx.count / rows
    let outputs = rows == 0 ? 0 : dy.count / rows
    guard rows > 0 else { return }
    Matmul.multiply(
      &dx, .nn, dy, weight, m: rows, n: inputs, k: outputs, workspace: &workspace, threads: threads, on: kernels)
  }
}
