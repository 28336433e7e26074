import Kernels

/// The squared norm of each example's own gradient, tensor by tensor, from what a pass has at hand anyway: the gradients
/// themselves are never made.
///
/// An example is a sequence of tokens. Of a product y = x · Wᵀ its gradient is Σₜ dyₜ xₜᵀ, whose squared norm is
/// Σₛₜ (xₛ · xₜ)(dyₛ · dyₜ). For a long sequence and a small W the tensor of one sequence is the smaller thing; then it is
/// made in scratch, one at a time, and never larger than the x and dy of its sequence.
///
/// Source: Li et al., "Large Language Models Can Be Strong Differentially Private Learners", arXiv:2110.05679, section 4;
/// Bu et al., "Scalable and Efficient Training of Large Convolutional Neural Networks with Differential Privacy",
/// arXiv:2205.10683, on choosing between the two.
final class GhostNorms {
  /// Of each sequence, in the order of the batch.
  private(set) var squares: [Double] = []
  private var sequences: [Range<Int>] = []
  private var scratch = Workspace()
  private var ones = Workspace()
  private var places: [Int32: Int32] = [:]
  private var local: [Int32] = []

  /// Forgets the norms before those of another batch.
  func begin(_ sequences: [Range<Int>]) {
    self.sequences = sequences
    squares = [Double](repeating: 0, count: sequences.count)
  }

  /// A weight `[n, m]` of y = x · Wᵀ, of which x are m columns and dy n columns of wider rows.
  func addProduct(
    x: Region, columns m: Int, stride xStride: Int, dy: Region, columns n: Int, stride dyStride: Int,
    _ context: ComputeContext
  ) {
    for (i, tokens) in sequences.enumerated() where !tokens.isEmpty {
      let count = tokens.count
      let (x, dy) = (x.from(tokens.lowerBound * xStride), dy.from(tokens.lowerBound * dyStride))
      if count * (m + n) > m * n {
        let gradient = scratch.reserve(m * n)
        var product = gradient.mutableSpan
        Matmul.multiply(
          &product, ldc: n, .tn, x.span, lda: xStride, dy.span, ldb: dyStride, m: m, n: n, k: count,
          workspace: &context.workspace, threads: context.threads, on: context.kernels)
        squares[i] += Reductions.sumOfSquares(gradient.span, on: context.kernels)
      } else {
        let grams = scratch.reserve(2 * count * count + 1)
        let parts = (grams.part(0..<count * count), grams.part(count * count..<2 * count * count))
        gram(parts.0, x, columns: m, stride: xStride, count, context)
        gram(parts.1, dy, columns: n, stride: dyStride, count, context)
        let result = grams.from(2 * count * count)
        var dot = result.mutableSpan
        Matmul.multiply(
          &dot, .nn, parts.0.span, parts.1.span, m: 1, n: 1, k: count * count, workspace: &context.workspace,
          threads: context.threads, on: context.kernels)
        // Rounding can take a zero below zero.
        squares[i] += max(0, Double(result[0]))
      }
    }
  }

  /// All products of two rows, `[count, count]`.
  private func gram(
    _ result: Region, _ rows: Region, columns: Int, stride: Int, _ count: Int, _ context: ComputeContext
  ) {
    var product = result.mutableSpan
    Matmul.multiply(
      &product, ldc: count, .nt, rows.span, lda: stride, rows.span, ldb: stride, m: count, n: count, k: columns,
      workspace: &context.workspace, threads: context.threads, on: context.kernels)
  }

  /// A bias, of which dy are n columns: |Σₜ dyₜ|².
  func addBias(dy: Region, columns n: Int, _ context: ComputeContext) {
    for (i, tokens) in sequences.enumerated() where !tokens.isEmpty {
      let one = ones.reserve(tokens.count)
      one.update(repeating: 1)
      let sum = scratch.reserve(n)
      var target = sum.mutableSpan
      Matmul.multiply(
        &target, .nn, one.span, dy.part(tokens.lowerBound * n..<tokens.upperBound * n).span, m: 1, n: n,
        k: tokens.count, workspace: &context.workspace, threads: context.threads, on: context.kernels)
      squares[i] += Reductions.sumOfSquares(sum.span, on: context.kernels)
    }
  }

  /// A head with a bias, of one row for each sequence: |dy|² (|x|² + 1).
  func addHead(x: Region, columns m: Int, dy: Region, _ context: ComputeContext) {
    let n = dy.count / max(1, sequences.count)
    for i in sequences.indices {
      let input = Reductions.sumOfSquares(x.part(i * m..<(i + 1) * m).span, on: context.kernels)
      let output = Reductions.sumOfSquares(dy.part(i * n..<(i + 1) * n).span, on: context.kernels)
      squares[i] += output * (input + 1)
    }
  }

  /// Gain and bias of a layer norm of that width.
  func addNorm(x: Region, mean: Region, scale: Region, dy: Region, width: Int, _ context: ComputeContext) {
    for (i, tokens) in sequences.enumerated() where !tokens.isEmpty {
      let gradients = scratch.reserve(2 * width)
      gradients.update(repeating: 0)
      var gain = gradients.part(0..<width).mutableSpan
      var bias = gradients.part(width..<2 * width).mutableSpan
      let elements = tokens.lowerBound * width..<tokens.upperBound * width
      LayerNorm.backward(
        dGain: &gain, dBias: &bias, x: x.part(elements).span, mean: mean.part(tokens).span, r: scale.part(tokens).span,
        dy: dy.part(elements).span, threads: context.threads, on: context.kernels)
      squares[i] += Reductions.sumOfSquares(gradients.span, on: context.kernels)
    }
  }

  /// A table of that width whose rows were looked up: the gradient of a row is the sum of dy over the tokens that it was
  /// looked up for.
  func addEmbedding(ids: [Int32], dy: Region, width: Int, _ context: ComputeContext) {
    for (i, tokens) in sequences.enumerated() where !tokens.isEmpty {
      places.removeAll(keepingCapacity: true)
      local.removeAll(keepingCapacity: true)
      for id in ids[tokens] {
        let next = Int32(places.count)
        let place = places[id] ?? next
        if place == next { places[id] = place }
        local.append(place)
      }
      let rows = scratch.reserve(places.count * width)
      rows.update(repeating: 0)
      var table = rows.mutableSpan
      let local = local
      Embedding.scatterAdd(
        dTable: &table, ids: local.span, dy: dy.part(tokens.lowerBound * width..<tokens.upperBound * width).span,
        columns: width, threads: context.threads, on: context.kernels)
      squares[i] += Reductions.sumOfSquares(rows.span, on: context.kernels)
    }
  }
}
