import Kernels
import Schemas

/// A dense layer of a language model, y = x · Wᵀ + b, with W frozen and packed, or trained; and low-rank adapters on any
/// of its columns: y[:, columns] += scale · (drop(x) · Aᵀ) · Bᵀ.
///
/// Layers that read the same x are one: queries, keys and values share a product, each adapter having its own columns. A
/// is stored `[rank, inputs]` and B as its transpose `[rank, outputs]`, so that no product of a step transposes one; the
/// matrices A of all adapters of a layer lie side by side and are one product too.
struct AdaptedLinear {
  enum Weight {
    case frozen(PackedMatrix)
    /// `[outputs, inputs]`
    case trained(Learned)
  }

  struct Adapter {
    /// Of y.
    let columns: Range<Int>
    /// Of u = scale · drop(x) · Aᵀ.
    let ranks: Range<Int>
    /// `[rank, columns]`, the transpose of B.
    let b: Learned
  }

  struct Adapters {
    /// `[ranks of all, inputs]`
    let a: Learned
    let parts: [Adapter]
    let scale: Float
    let dropout: Float

    var rank: Int { parts.last?.ranks.upperBound ?? 0 }
    var trainsA: Bool { a.gradient != nil }
  }

  let inputs: Int
  let outputs: Int
  let weight: Weight
  let bias: Learned?
  let adapters: Adapters?

  /// Whether `backward` reads the x of the forward pass: W or A is trained.
  var keepsInput: Bool {
    if case .trained = weight { return true }
    return adapters?.trainsA ?? false
  }

  /// Whether anything here is trained.
  var isTrained: Bool { keepsInput || adapters != nil }

  /// What one call needs beside x and y.
  struct Scratch {
    /// `[rows, rank]`; u of the forward pass, kept for `backward`.
    let u: Region
    /// `[rows, rank]`
    let du: Region
    /// `[rows, inputs]`; only if the adapters drop out.
    let dropped: Region
    /// Of this layer in this step; another one for every pass over the batch. `nil` drops nothing.
    let dropoutSeed: UInt64?
  }
}

extension AdaptedLinear {
  /// - Parameters:
  ///   - y: `[rows, outputs]`; replaced.
  ///   - x: `[rows, inputs]`.
  func forward(_ y: Region, _ x: Region, rows: Int, _ scratch: Scratch, _ context: ComputeContext) {
    var output = y.rows(rows, outputs).mutableSpan
    let input = x.rows(rows, inputs)
    switch weight {
    case .frozen(let matrix):
      Matmul.multiply(
        &output, input.span, by: matrix, .forward, rows: rows, bias: bias?.values.span, workspace: &context.workspace,
        threads: context.threads)
    case .trained(let weight):
      Linear.forward(
        &output, x: input.span, weight: weight.values.span, bias: bias!.values.span, rows: rows,
        workspace: &context.workspace, threads: context.threads, on: context.kernels)
    }
    guard let adapters, rows > 0 else { return }
    let rank = adapters.rank
    var u = scratch.u.rows(rows, rank).mutableSpan
    Matmul.multiply(
      &u, .nt, dropped(input, scratch, context).span, adapters.a.values.span, m: rows, n: rank, k: inputs,
      workspace: &context.workspace, threads: context.threads, on: context.kernels)
    scale(scratch.u.rows(rows, rank), by: adapters.scale)
    for part in adapters.parts {
      var columns = y.part(part.columns.lowerBound..<rows * outputs).mutableSpan
      Matmul.multiply(
        &columns, ldc: outputs, .nn, scratch.u.part(part.ranks.lowerBound..<rows * rank).span, lda: rank,
        part.b.values.span, ldb: part.columns.count, m: rows, n: part.columns.count, k: part.ranks.count,
        accumulate: true, workspace: &context.workspace, threads: context.threads, on: context.kernels)
    }
  }

  /// Adds the gradients of what is trained, and gives that of x.
  ///
  /// - Parameters:
  ///   - dx: `[rows, inputs]`, or `nil` where nothing below trains; added to if `accumulate`.
  ///   - dy: `[rows, outputs]`.
  ///   - x: What `forward` was given; read only if `keepsInput`.
  func backward(
    dx: Region?, accumulate: Bool = false, dy: Region, x: Region, rows: Int, _ scratch: Scratch,
    _ context: ComputeContext
  ) {
    guard rows > 0 else { return }
    let output = dy.rows(rows, outputs)
    let input = keepsInput ? x.rows(rows, inputs) : Region(start: nil, count: 0)
    if let ghosts = context.ghosts {
      if case .trained = weight {
        ghosts.addProduct(
          x: input, columns: inputs, stride: inputs, dy: output, columns: outputs, stride: outputs, context)
        ghosts.addBias(dy: output, columns: outputs, context)
      }
    } else if case .trained(let weight) = weight, let gradient = weight.gradient, let biasGradient = bias?.gradient {
      var dWeight = gradient.mutableSpan
      var dBias = biasGradient.mutableSpan
      Linear.backward(
        dWeight: &dWeight, dBias: &dBias, x: input.span, dy: output.span, rows: rows, accumulate: true,
        workspace: &context.workspace, threads: context.threads, on: context.kernels)
    }
    if let dx {
      var gradient = dx.rows(rows, inputs).mutableSpan
      switch weight {
      case .frozen(let matrix):
        Matmul.multiply(
          &gradient, output.span, by: matrix, .backward, rows: rows, accumulate: accumulate,
          workspace: &context.workspace, threads: context.threads)
      case .trained(let weight):
        Matmul.multiply(
          &gradient, .nn, output.span, weight.values.span, m: rows, n: inputs, k: outputs, accumulate: accumulate,
          workspace: &context.workspace, threads: context.threads, on: context.kernels)
      }
    }
    if let adapters { backward(adapters, dx: dx, dy: output, x: input, rows: rows, scratch, context) }
  }

  private func backward(
    _ adapters: Adapters, dx: Region?, dy: Region, x: Region, rows: Int, _ scratch: Scratch, _ context: ComputeContext
  ) {
    let rank = adapters.rank
    let needsDu = adapters.trainsA || dx != nil
    for part in adapters.parts {
      let columns = dy.from(part.columns.lowerBound)
      if let ghosts = context.ghosts {
        ghosts.addProduct(
          x: scratch.u.part(part.ranks.lowerBound..<rows * rank), columns: part.ranks.count, stride: rank, dy: columns,
          columns: part.columns.count, stride: outputs, context)
      } else if let gradient = part.b.gradient {
        var dB = gradient.mutableSpan
        Matmul.multiply(
          &dB, ldc: part.columns.count, .tn, scratch.u.part(part.ranks.lowerBound..<rows * rank).span, lda: rank,
          columns.span, ldb: outputs, m: part.ranks.count, n: part.columns.count, k: rows, accumulate: true,
          workspace: &context.workspace, threads: context.threads, on: context.kernels)
      }
      guard needsDu else { continue }
      var du = scratch.du.part(part.ranks.lowerBound..<rows * rank).mutableSpan
      Matmul.multiply(
        &du, ldc: rank, .nt, columns.span, lda: outputs, part.b.values.span, ldb: part.columns.count, m: rows,
        n: part.ranks.count, k: part.columns.count, workspace: &context.workspace, threads: context.threads,
        on: context.kernels)
    }
    guard needsDu else { return }
    let du = scratch.du.rows(rows, rank)
    scale(du, by: adapters.scale)
    if let ghosts = context.ghosts, adapters.trainsA {
      ghosts.addProduct(
        x: dropped(x, scratch, context), columns: inputs, stride: inputs, dy: du, columns: rank, stride: rank, context)
    } else if let gradient = adapters.a.gradient {
      var dA = gradient.mutableSpan
      Matmul.multiply(
        &dA, .tn, du.span, dropped(x, scratch, context).span, m: rank, n: inputs, k: rows, accumulate: true,
        workspace: &context.workspace, threads: context.threads, on: context.kernels)
    }
    guard let dx else { return }
    let drops = scratch.dropoutSeed != nil && adapters.dropout > 0
    let share = drops ? scratch.dropped.rows(rows, inputs) : dx.rows(rows, inputs)
    var target = share.mutableSpan
    Matmul.multiply(
      &target, .nn, du.span, adapters.a.values.span, m: rows, n: inputs, k: rank, accumulate: !drops,
      workspace: &context.workspace, threads: context.threads, on: context.kernels)
    if drops {
      var sum = dx.rows(rows, inputs).mutableSpan
      AddScaled.add(&sum, dropped(share, scratch, context).span, threads: context.threads, on: context.kernels)
    }
  }

  /// What the adapters see of x, in `scratch.dropped` where something is dropped; the same mask in every call of a step.
  private func dropped(_ x: Region, _ scratch: Scratch, _ context: ComputeContext) -> Region {
    guard let adapters, adapters.dropout > 0, let seed = scratch.dropoutSeed else { return x }
    let target = scratch.dropped.part(0..<x.count)
    var span = target.mutableSpan
    Dropout.apply(
      &span, x: x.span, probability: adapters.dropout, seed: seed, threads: context.threads, on: context.kernels)
    return target
  }

  private func scale(_ u: Region, by scale: Float) {
    guard scale != 1 else { return }
    for i in u.indices { u[i] *= scale }
  }
}
