import Kernels
import Schemas
import Tensors

/// A dense network with the memory of one pass: parameters, activations, gradients.
///
/// Layer l maps its input a[l] to z[l] = W[l] · a[l] + b[l] and a[l + 1] = activation(z[l]); the last z are the logits, of
/// one output for a binary label. All memory is taken at the beginning, and a pass allocates nothing. More rows than
/// `capacity` are walked in pieces whose gradients add up, so that memory does not grow with the table.
struct DenseNetwork: ~Copyable {
  typealias Region = UnsafeMutableBufferPointer<Float>
  typealias Input = UnsafeBufferPointer<Float>

  struct Layer {
    let weight: Range<Int>
    let bias: Range<Int>
    /// z and a of a pass; the last layer has no activation and its a is not used.
    let before: Region
    let after: Region
  }

  let shape: NetworkShape
  let kernels: KernelTable
  /// Rows of one pass.
  let capacity: Int
  let parameters: Region
  /// Empty unless the network was made for training.
  let gradient: Region
  let layers: [Layer]
  /// The parameters' parts as the optimiser sees them: biases do not decay.
  let parts: [OptimizerState.Part]
  private let probabilities: Region
  private let losses: Region
  /// `[rows, widest layer]` each: the gradient of the layer at hand, and that of the one below while it is made.
  private let upper: Region
  private let lower: Region
  private let memory: Workspace
  private var scratch = Workspace()

  /// - Parameter training: Whether to make room for gradients.
  init(_ parameters: Parameters, shape: NetworkShape, capacity: Int, training: Bool, on kernels: KernelTable = .best) {
    precondition(capacity > 0 && parameters.layout == shape.layout)
    self.shape = shape
    self.kernels = kernels
    self.capacity = capacity
    let widest = shape.widths.dropFirst().max()!
    let outputs = shape.widths.dropFirst()
    let hidden = shape.hidden

    let sizes =
      [parameters.values.count, training ? parameters.values.count : 0]
      + outputs.map { $0 * capacity } + hidden.map { $0 * capacity }
      + [shape.outputs * capacity, capacity, training ? widest * capacity : 0, training ? widest * capacity : 0]
    var memory = Workspace()
    var regions = Self.carve(sizes, from: &memory)[...]
    self.memory = memory

    self.parameters = regions.removeFirst()
    gradient = regions.removeFirst()
    let before = regions.prefix(outputs.count)
    let after = regions.dropFirst(outputs.count).prefix(hidden.count) + [Region(start: nil, count: 0)]
    layers = zip(before, after).enumerated().map { index, regions in
      Layer(
        weight: parameters.layout.range(of: "layers.\(index).weight")!,
        bias: parameters.layout.range(of: "layers.\(index).bias")!, before: regions.0, after: regions.1)
    }
    parts = layers.flatMap { [($0.weight, true), ($0.bias, false)] }
    regions = regions.dropFirst(outputs.count + hidden.count)
    probabilities = regions.removeFirst()
    losses = regions.removeFirst()
    upper = regions.removeFirst()
    lower = regions.removeFirst()
    _ = self.parameters.update(fromContentsOf: parameters.values)
  }

  /// Consecutive regions of those sizes, each at the beginning of a cache line.
  private static func carve(_ sizes: [Int], from memory: inout Workspace) -> [Region] {
    let line = 16
    let padded = sizes.map { ($0 + line - 1) / line * line }
    let whole = memory.reserve(padded.reduce(0, +))
    var start = 0
    return zip(sizes, padded).map { size, step in
      defer { start += step }
      return Region(rebasing: whole[start..<start + size])
    }
  }
}

extension DenseNetwork {
  /// A copy of the parameters as they are now.
  var parameterValues: [Float] { Array(parameters) }

  /// The logits `[rows, outputs]`, which stay valid until the next pass.
  ///
  /// - Parameter features: `[rows, inputs]`, at most `capacity` rows.
  @discardableResult
  mutating func forward(_ features: Input, rows: Int) -> Input {
    precondition(rows <= capacity && features.count == rows * shape.inputs)
    var input = features
    for layer in layers.dropLast() { input = activate(layer, affine(layer, input, rows)) }
    return Input(affine(layers.last!, input, rows))
  }

  /// z = W · x + b
  private mutating func affine(_ layer: Layer, _ x: Input, _ rows: Int) -> Region {
    let z = layer.before.part(0..<rows * layer.bias.count)
    var output = z.mutableSpan
    Linear.forward(
      &output, x: x.span, weight: parameters.part(layer.weight).span, bias: parameters.part(layer.bias).span,
      rows: rows, workspace: &scratch, on: kernels)
    return z
  }

  private func activate(_ layer: Layer, _ z: Region) -> Input {
    let a = layer.after.part(0..<z.count)
    var output = a.mutableSpan
    switch shape.activation {
    case .relu: ReLU.forward(&output, x: z.span, on: kernels)
    case .gelu: GELU.forward(&output, x: z.span, on: kernels)
    }
    return Input(a)
  }

  /// What the last `forward` predicts: the probability of class 1 `[rows]`, or of each class `[rows, outputs]`.
  func predictions(rows: Int) -> Input {
    let logits = logits(rows: rows)
    let p = probabilities.part(0..<logits.count)
    var span = p.mutableSpan
    if shape.outputs == 1 {
      BinaryCrossEntropy.probabilities(&span, logits: logits.span, on: kernels)
    } else {
      SoftmaxCrossEntropy.probabilities(&span, logits: logits.span, rows: rows, on: kernels)
    }
    return Input(p)
  }

  /// The cross-entropy of each row `[rows]` after `forward`, in nats.
  func losses(_ labels: UnsafeBufferPointer<Int32>) -> Input {
    let logits = logits(rows: labels.count)
    let loss = losses.part(0..<labels.count)
    var span = loss.mutableSpan
    if shape.outputs == 1 {
      BinaryCrossEntropy.forward(losses: &span, logits: logits.span, labels: labels.span, on: kernels)
    } else {
      var p = probabilities.part(0..<logits.count).mutableSpan
      SoftmaxCrossEntropy.forward(
        probabilities: &p, losses: &span, logits: logits.span, labels: labels.span, on: kernels)
    }
    return Input(loss)
  }

  /// `gradient` (+)= the gradient of scale · Σ loss in all parameters, after `forward` and `losses` of the same rows.
  mutating func backward(_ features: Input, _ labels: UnsafeBufferPointer<Int32>, scale: Float, accumulate: Bool) {
    backward(features, labels, scale: scale, .gradient(accumulate: accumulate))
  }

  /// The squared norm of the gradient of each row's loss `[rows]`, after `forward` and `losses` of the same rows: without
  /// making any of them, since the gradient of a layer for one row is dz · xᵀ, of norm |dz| |x|, and dz of the bias.
  mutating func squaredGradientNorms(_ features: Input, _ labels: UnsafeBufferPointer<Int32>, _ squares: inout [Double])
  {
    squares.replaceSubrange(0..., with: repeatElement(0, count: labels.count))
    squares.withUnsafeMutableBufferPointer { backward(features, labels, scale: 1, .norms($0)) }
  }

  /// `gradient` (+)= Σ factor · the gradient of a row's loss.
  mutating func backward(_ features: Input, _ labels: UnsafeBufferPointer<Int32>, factors: [Float], accumulate: Bool) {
    backward(features, labels, scale: 1, factors: factors, .gradient(accumulate: accumulate))
  }

  /// What a way back is gone for.
  private enum Purpose {
    case gradient(accumulate: Bool)
    case norms(UnsafeMutableBufferPointer<Double>)
  }

  private mutating func backward(
    _ features: Input, _ labels: UnsafeBufferPointer<Int32>, scale: Float, factors: [Float]? = nil, _ purpose: Purpose
  ) {
    let rows = labels.count
    precondition(features.count == rows * shape.inputs)
    let logits = logits(rows: rows)
    var dLogits = upper.part(0..<logits.count).mutableSpan
    if shape.outputs == 1 {
      BinaryCrossEntropy.backward(
        dLogits: &dLogits, logits: logits.span, labels: labels.span, scale: scale, on: kernels)
    } else {
      SoftmaxCrossEntropy.backward(
        dLogits: &dLogits, probabilities: probabilities.part(0..<logits.count).span, labels: labels.span, scale: scale,
        on: kernels)
    }
    if let factors {
      for i in 0..<logits.count { upper[i] *= factors[i / shape.outputs] }
    }
    for index in layers.indices.reversed() {
      let layer = layers[index]
      let dz = upper.part(0..<rows * layer.bias.count)
      let input = index == 0 ? features : Input(layers[index - 1].after.part(0..<rows * layers[index - 1].bias.count))
      switch purpose {
      case .gradient(let accumulate):
        var dWeight = gradient.part(layer.weight).mutableSpan
        var dBias = gradient.part(layer.bias).mutableSpan
        Linear.backward(
          dWeight: &dWeight, dBias: &dBias, x: input.span, dy: dz.span, rows: rows, accumulate: accumulate,
          workspace: &scratch, on: kernels)
      case .norms(let squares):
        for i in 0..<rows {
          squares[i] += squaredNorm(Input(dz), row: i, rows) * (squaredNorm(input, row: i, rows) + 1)
        }
      }
      guard index > 0 else { return }
      let da = lower.part(0..<input.count)
      var dInput = da.mutableSpan
      Linear.backward(
        dx: &dInput, weight: parameters.part(layer.weight).span, dy: dz.span, rows: rows, workspace: &scratch,
        on: kernels)
      var dBelow = upper.part(0..<input.count).mutableSpan
      let z = layers[index - 1].before.part(0..<input.count)
      switch shape.activation {
      case .relu: ReLU.backward(&dBelow, x: z.span, dy: da.span, on: kernels)
      case .gelu: GELU.backward(&dBelow, x: z.span, dy: da.span, on: kernels)
      }
    }
  }

  /// Of one row of `[rows, columns]`.
  private func squaredNorm(_ values: Input, row: Int, _ rows: Int) -> Double {
    let columns = values.count / rows
    return Reductions.sumOfSquares(
      Input(rebasing: values[row * columns..<(row + 1) * columns]).span, on: kernels)
  }

  private func logits(rows: Int) -> Region { layers.last!.before.part(0..<rows * shape.outputs) }
}

extension UnsafeMutableBufferPointer<Float> {
  func part(_ range: Range<Int>) -> Self { Self(rebasing: self[range]) }

  /// NaN and infinities stay in a sum of squares, and what overflows one is neither a model nor a gradient.
  func allFinite(on kernels: KernelTable) -> Bool { Reductions.sumOfSquares(span, on: kernels).isFinite }
}
