import Kernels
import Schemas
import Tensors

/// A decoder of the Llama family with frozen weights and low-rank adapters, and the memory of one pass.
///
///     x = embedding[tokens]
///     in each layer   h = RMSNorm(x),  x += output(attention(rotary(query(h)), rotary(key(h)), value(h)))
///                     g = RMSNorm(x),  x += down(silu(gate(g)) · up(g))
///     logits = head(RMSNorm(x))
///
/// Frozen weights are packed once; all memory is taken at the beginning, and after the first pass nothing allocates.
/// Sequences lie one behind the other without padding. Logits, 49,152 a token in a small model, are computed for the
/// tokens that carry a label alone, some rows at a time. The backward pass ends at the lowest adapter.
///
/// Sources: Touvron et al., "LLaMA", arXiv:2302.13971, section 2.2; Ainslie et al., "GQA", arXiv:2305.13245; Su et al.,
/// "RoFormer", arXiv:2104.09864.
final class DecoderNetwork: LanguageNetwork {
  let training: LanguageTraining
  let shape: DecoderShape
  let context: ComputeContext
  let capacity: PassCapacity
  let keeping: Keeping
  let trained: TrainedMemory
  private let layers: [DecoderLayer]
  /// Where the first layer's way back ends; `nil` if nothing is trained.
  private let lowest: DecoderPlan.Product?
  /// `nil` where the head's own rows are the embedding.
  private let embedding: Region?
  private let finalNorm: Region
  private let head: PackedMatrix
  private let rotary: Rotary
  private let attention: Attention
  private let arena: Arena<DecoderBuffers>
  private let constants: ConstantMemory
  private var labelled = LabelledRows()

  /// - Parameters:
  ///   - parameters: The trained vector.
  ///   - weights: The base model's, read once.
  init(
    _ parameters: Parameters, _ training: LanguageTraining, weights: some WeightSource, capacity: PassCapacity,
    keeping: Keeping, context: ComputeContext
  ) throws(ModelError) {
    guard case .decoder(let shape) = training.shape else { preconditionFailure("a decoder's training has its shape") }
    self.training = training
    self.shape = shape
    self.context = context
    self.capacity = capacity
    self.keeping = keeping
    let plan = DecoderPlan(training, shape)
    lowest = plan.lowest
    let trained = TrainedMemory(plan.memory)
    try trained.load(parameters) { _ in nil }
    self.trained = trained
    let constants = ConstantMemory()
    // The largest matrix first, while nothing lies beside the copy that it is packed from.
    head = PackedMatrix(
      frozen: try weights.tensor(shape.tiedHead ? .tokenEmbedding : .head), outputs: shape.vocabulary,
      inputs: shape.width, training, context)
    embedding = shape.tiedHead ? nil : constants.keep(try weights.tensor(.tokenEmbedding))
    let builder = DecoderBuilder(
      training: training, shape: shape, plan: plan, trained: trained, weights: weights, context: context,
      constants: constants, inputs: training.initialAdapterInputs())
    var layers: [DecoderLayer] = []
    for index in 0..<shape.layers { layers.append(try builder.layer(index)) }
    self.layers = layers
    finalNorm = constants.keep(try weights.tensor(.finalNorm))
    self.constants = constants
    rotary = Rotary(width: shape.headWidth, positions: min(shape.positions, capacity.tokens), base: shape.ropeBase)
    attention = Attention(
      heads: shape.heads, keyValueHeads: shape.keyValueHeads, width: shape.headWidth, causal: true)
    arena = Arena { DecoderBuffers(training, shape, capacity, keeping: keeping, &$0) }
  }

  /// The trained vector as it is now.
  func parameters() -> Parameters {
    do { return try trained.parameters { _ throws(ModelError) in nil } } catch {
      preconditionFailure("no base model is read: \(error)")
    }
  }

  /// Bytes of weights, gradients, moments and activations.
  static func byteCount(
    _ training: LanguageTraining, _ shape: DecoderShape, _ capacity: PassCapacity, keeping: Keeping
  ) -> Int {
    let projections = 2 * shape.queryWidth + 2 * shape.keyValueWidth
    let matrices = shape.layers * shape.width * (projections + 3 * shape.intermediate)
    let tables = (shape.tiedHead ? 1 : 2) * shape.vocabulary * shape.width
    return 4 * (matrices + tables) + DecoderPlan(training, shape).memory.byteCount
      + Arena.byteCount { DecoderBuffers(training, shape, capacity, keeping: keeping, &$0) }
  }

  private var buffers: DecoderBuffers { arena.buffers }
  private func stream(_ layer: Int, _ rows: Int) -> Region { buffers.stream[layer].rows(rows, shape.width) }
  private var projectedWidth: Int { shape.queryWidth + 2 * shape.keyValueWidth }
}

// MARK: - Forward

extension DecoderNetwork {
  /// Up to the last layer's output `[tokens, width]`, which stays valid until the next pass.
  private func forward(_ batch: PackedBatch, dropoutSeed: UInt64?) -> Region {
    precondition(batch.tokenCount <= capacity.tokens)
    let rows = batch.tokenCount
    var x = stream(0, rows).mutableSpan
    if let embedding {
      Embedding.gather(
        &x, table: embedding.span, ids: batch.ids.span, columns: shape.width, threads: context.threads,
        on: context.kernels)
    } else {
      Embedding.gather(&x, table: head, ids: batch.ids.span, threads: context.threads)
    }
    for index in layers.indices {
      forwardToGates(index, batch, dropoutSeed)
      forwardDown(index, rows, dropoutSeed)
    }
    return stream(layers.count, rows)
  }

  /// Everything of a layer that its backward pass needs.
  private func forwardToGates(_ index: Int, _ batch: PackedBatch, _ dropoutSeed: UInt64?) {
    let rows = batch.tokenCount
    let layer = layers[index]
    let kept = buffers.layers[index]
    let x = stream(index, rows)
    let h = buffers.normalised.rows(rows, shape.width)

    normalise(h, scale: kept.inputScale, x, layer.attentionNorm)
    layer.projection.forward(kept.projected, h, rows: rows, scratch(index, .projection, dropoutSeed), context)
    turn(kept.projected, batch)
    let (q, k, v) = parts(kept.projected, rows)
    var attended = kept.attended.rows(rows, shape.queryWidth).mutableSpan
    var logSums = kept.logSums.rows(rows, shape.heads).mutableSpan
    attention.forward(
      &attended, logSums: &logSums, q: q.span, qStride: projectedWidth, k: k.span, v: v.span, kvStride: projectedWidth,
      starts: batch.starts.span, workspace: &context.workspace, threads: context.threads, on: context.kernels)
    layer.output.forward(buffers.branch, kept.attended, rows: rows, scratch(index, .output, dropoutSeed), context)
    add(buffers.branch, to: x, into: kept.middle, rows)

    normalise(h, scale: kept.middleScale, kept.middle.rows(rows, shape.width), layer.feedForwardNorm)
    layer.gate.forward(kept.gate, h, rows: rows, scratch(index, .gate, dropoutSeed), context)
    layer.up.forward(kept.up, h, rows: rows, scratch(index, .up, dropoutSeed), context)
  }

  private func forwardDown(_ index: Int, _ rows: Int, _ dropoutSeed: UInt64?) {
    let kept = buffers.layers[index]
    gate(kept, rows)
    layers[index].down.forward(buffers.branch, buffers.gated, rows: rows, scratch(index, .down, dropoutSeed), context)
    add(buffers.branch, to: kept.middle.rows(rows, shape.width), into: stream(index + 1, rows), rows)
  }

  private func scratch(_ layer: Int, _ product: DecoderPlan.Product, _ dropoutSeed: UInt64?) -> AdaptedLinear.Scratch {
    AdaptedLinear.Scratch(
      u: buffers.layers[layer].u[product.rawValue], du: buffers.du, dropped: buffers.dropped,
      dropoutSeed: dropoutSeed.map {
        // Another one for every product, from a generator that the pass starts.
        var generator = SplitMix64(state: $0 &+ UInt64(layer * DecoderPlan.Product.allCases.count + product.rawValue))
        return generator.next()
      })
  }

  private func normalise(_ y: Region, scale: Region, _ x: Region, _ gain: Region) {
    var y = y.mutableSpan
    var scale = scale.part(0..<x.count / gain.count).mutableSpan
    RMSNorm.forward(
      &y, r: &scale, x: x.span, gain: gain.span, epsilon: Float(shape.normEpsilon), threads: context.threads,
      on: context.kernels)
  }

  /// Queries, keys and values as columns of what one product gave.
  private func parts(_ projected: Region, _ rows: Int) -> (q: Region, k: Region, v: Region) {
    let whole = projected.rows(rows, projectedWidth)
    return (whole, whole.from(shape.queryWidth), whole.from(shape.queryWidth + shape.keyValueWidth))
  }

  private func turn(_ projected: Region, _ batch: PackedBatch, inverse: Bool = false) {
    // Queries and keys lie side by side and turn alike.
    var heads = projected.rows(batch.tokenCount, projectedWidth).mutableSpan
    rotary.turn(
      &heads, heads: shape.heads + shape.keyValueHeads, stride: projectedWidth, at: batch.positions.span,
      inverse: inverse, threads: context.threads, on: context.kernels)
  }

  /// silu(gate) · up
  private func gate(_ kept: DecoderBuffers.Layer, _ rows: Int) {
    var y = buffers.gated.rows(rows, shape.intermediate).mutableSpan
    SwiGLU.forward(
      &y, gate: kept.gate.rows(rows, shape.intermediate).span, up: kept.up.rows(rows, shape.intermediate).span,
      threads: context.threads, on: context.kernels)
  }

  private func add(_ branch: Region, to x: Region, into sum: Region, _ rows: Int) {
    _ = sum.update(fromContentsOf: x)
    var sum = sum.rows(rows, shape.width).mutableSpan
    AddScaled.add(&sum, branch.rows(rows, shape.width).span, threads: context.threads, on: context.kernels)
  }
}

// MARK: - Backward

extension DecoderNetwork {
  /// Adds the gradients of a layer's adapters, from that of its output in `buffers.dStream`, which becomes that of its
  /// input. The first layer ends where nothing below is trained.
  private func backward(_ index: Int, _ batch: PackedBatch, _ dropoutSeed: UInt64?) {
    let rows = batch.tokenCount
    let layer = layers[index]
    let kept = buffers.layers[index]
    let dStream = buffers.dStream.rows(rows, shape.width)
    let h = buffers.normalised.rows(rows, shape.width)
    let dh = buffers.dNormalised.rows(rows, shape.width)
    let middle = kept.middle.rows(rows, shape.width)
    /// Whether this product is the last of the backward pass, and no gradient is wanted below it.
    func ends(at product: DecoderPlan.Product) -> Bool { index == 0 && product == lowest }

    if layer.down.keepsInput { gate(kept, rows) }
    layer.down.backward(
      dx: ends(at: .down) ? nil : buffers.dGated, dy: dStream, x: buffers.gated, rows: rows,
      scratch(index, .down, dropoutSeed),
      context)
    if ends(at: .down) { return }

    let gate = kept.gate.rows(rows, shape.intermediate)
    let up = kept.up.rows(rows, shape.intermediate)
    var dGate = gate.mutableSpan
    var dUp = up.mutableSpan
    SwiGLU.backward(
      dGate: &dGate, dUp: &dUp, gate: gate.span, up: up.span, dy: buffers.dGated.rows(rows, shape.intermediate).span,
      threads: context.threads, on: context.kernels)
    if layer.gate.keepsInput || layer.up.keepsInput {
      normalise(h, scale: kept.middleScale, middle, layer.feedForwardNorm)
    }
    layer.up.backward(
      dx: ends(at: .up) || ends(at: .gate) ? nil : dh, dy: up, x: h, rows: rows, scratch(index, .up, dropoutSeed),
      context)
    if ends(at: .up) { return }
    layer.gate.backward(
      dx: ends(at: .gate) ? nil : dh, accumulate: true, dy: gate, x: h, rows: rows, scratch(index, .gate, dropoutSeed),
      context)
    if ends(at: .gate) { return }
    addNormGradient(dStream, middle, scale: kept.middleScale, dh, layer.feedForwardNorm)

    layer.output.backward(
      dx: ends(at: .output) ? nil : buffers.dAttended, dy: dStream, x: kept.attended, rows: rows,
      scratch(index, .output, dropoutSeed),
      context)
    if ends(at: .output) { return }
    attendBackward(kept, batch)
    turn(buffers.dProjected, batch, inverse: true)
    if layer.projection.keepsInput {
      normalise(h, scale: kept.inputScale, stream(index, rows), layer.attentionNorm)
    }
    layer.projection.backward(
      dx: ends(at: .projection) ? nil : dh, dy: buffers.dProjected, x: h, rows: rows,
      scratch(index, .projection, dropoutSeed), context)
    if ends(at: .projection) { return }
    addNormGradient(dStream, stream(index, rows), scale: kept.inputScale, dh, layer.attentionNorm)
  }

  private func attendBackward(_ kept: DecoderBuffers.Layer, _ batch: PackedBatch) {
    let rows = batch.tokenCount
    let (q, k, v) = parts(kept.projected, rows)
    let gradients = parts(buffers.dProjected, rows)
    var dq = gradients.q.mutableSpan
    var dk = gradients.k.mutableSpan
    var dv = gradients.v.mutableSpan
    attention.backward(
      dq: &dq, dk: &dk, dv: &dv, dO: buffers.dAttended.rows(rows, shape.queryWidth).span,
      o: kept.attended.rows(rows, shape.queryWidth).span, logSums: kept.logSums.rows(rows, shape.heads).span, q: q.span,
      qStride: projectedWidth, k: k.span, v: v.span, kvStride: projectedWidth, starts: batch.starts.span,
      workspace: &context.workspace, threads: context.threads, on: context.kernels)
  }

  /// dx += the norm's input gradient.
  private func addNormGradient(_ dx: Region, _ x: Region, scale: Region, _ dy: Region, _ gain: Region) {
    var dx = dx.mutableSpan
    RMSNorm.backward(
      dx: &dx, x: x.span, gain: gain.span, r: scale.part(0..<x.count / gain.count).span, dy: dy.span, accumulate: true,
      threads: context.threads, on: context.kernels)
  }
}

// MARK: - Loss

extension DecoderNetwork {
  func addGradient(
    _ batch: PackedBatch, of examples: LanguageExamples, scale: Float, dropoutSeed: UInt64
  ) -> Double {
    precondition(keeping != .nothing)
    let x = forward(batch, dropoutSeed: dropoutSeed)
    let loss = losses(x, batch, of: examples, gradientScale: scale)
    guard lowest != nil else { return loss }
    scaleExamples(batch)
    for index in layers.indices.reversed() {
      // The last layer's activations are still there.
      if keeping == .inputs, index < layers.count - 1 {
        forwardToGates(index, batch, dropoutSeed)
        if layers[index].down.adapters != nil { forwardDown(index, batch.tokenCount, dropoutSeed) }
      }
      backward(index, batch, dropoutSeed)
    }
    return loss
  }

  /// Goes there twice as well, since the way back overwrites what it reads.
  func addClippedGradient(
    _ batch: PackedBatch, of examples: LanguageExamples, privately: PrivateTraining, dropoutSeed: UInt64
  ) -> Double {
    var loss = 0.0
    clip(batch, of: examples, privately: privately) {
      loss = addGradient(batch, of: examples, scale: 1, dropoutSeed: dropoutSeed)
    }
    return loss
  }

  /// The gradient of each example's loss, by what that loss counts.
  private func scaleExamples(_ batch: PackedBatch) {
    guard let scales = context.exampleScales else { return }
    for (sequence, scale) in scales.enumerated() {
      let tokens = batch.tokens(of: sequence)
      for i in tokens.lowerBound * shape.width..<tokens.upperBound * shape.width { buffers.dStream[i] *= scale }
    }
  }

  /// The logits of each token's successor `[tokens, vocabulary]`; for few tokens.
  func logits(_ batch: PackedBatch) -> [Float] {
    let x = forward(batch, dropoutSeed: nil)
    var result: [Float] = []
    for row in 0..<Int32(batch.tokenCount) {
      withUnsafePointer(to: row) { result += logits(x, .init(start: $0, count: 1)) }
    }
    return result
  }

  /// The summed cross-entropy of the answers' tokens, in nats.
  func loss(_ batch: PackedBatch, of examples: LanguageExamples) -> Double {
    losses(forward(batch, dropoutSeed: nil), batch, of: examples, gradientScale: nil)
  }

  /// Calls the body for each token of each answer, in order, with its cross-entropy and whether no other token was held
  /// for more probable.
  func forEachAnswerToken(
    _ batch: PackedBatch, of examples: LanguageExamples, _ body: (_ loss: Double, _ isMostProbable: Bool) -> Void
  ) {
    let x = forward(batch, dropoutSeed: nil)
    labelled.gather(batch, of: examples)
    var best: [Bool] = []
    labelled.forEachPart(of: DecoderBuffers.Head.rows) { rows, labels in
      let logits = logits(x, rows)
      best.removeAll(keepingCapacity: true)
      for (i, label) in labels.enumerated() {
        let row = logits.rows(i + 1, shape.vocabulary).from(i * shape.vocabulary)
        best.append(row[Int(label)] >= row.max()!)
      }
      for (loss, isBest) in zip(losses(logits, labels, scale: 1), best) { body(Double(loss), isBest) }
    }
  }

  /// - Parameter gradientScale: With it the gradient of scale · Σ loss in x is left in `buffers.dStream`.
  private func losses(
    _ x: Region, _ batch: PackedBatch, of examples: LanguageExamples, gradientScale: Float?
  ) -> Double {
    labelled.gather(batch, of: examples)
    let dx = buffers.dStream
    if gradientScale != nil { dx.rows(batch.tokenCount, shape.width).update(repeating: 0) }
    var sum = 0.0
    labelled.forEachPart(of: DecoderBuffers.Head.rows) { rows, labels in
      let logits = logits(x, rows)
      sum += losses(logits, labels, scale: gradientScale ?? 1).reduce(0) { $0 + Double($1) }
      if gradientScale != nil { propagate(dLogits: logits, rows, to: dx) }
    }
    return sum
  }

  /// Each row's loss; the logits become the gradient of scale · Σ loss.
  private func losses(_ logits: Region, _ labels: UnsafeBufferPointer<Int32>, scale: Float) -> Region {
    let losses = buffers.head.losses.part(0..<labels.count)
    var logits = logits.mutableSpan
    var lossSpan = losses.mutableSpan
    SoftmaxCrossEntropy.inPlace(
      logits: &logits, losses: &lossSpan, labels: labels.span, scale: scale, threads: context.threads,
      on: context.kernels)
    return losses
  }

  /// The logits `[rows, vocabulary]` of those rows of the last layer's output, valid until the next call.
  private func logits(_ x: Region, _ rows: UnsafeBufferPointer<Int32>) -> Region {
    let input = buffers.head.input.rows(rows.count, shape.width)
    var inputSpan = input.mutableSpan
    Embedding.gather(
      &inputSpan, table: x.span, ids: rows.span, columns: shape.width, threads: context.threads, on: context.kernels)
    let normalised = buffers.head.normalised.rows(rows.count, shape.width)
    normalise(normalised, scale: buffers.head.scale, input, finalNorm)
    let logits = buffers.head.logits.rows(rows.count, shape.vocabulary)
    var logitSpan = logits.mutableSpan
    Matmul.multiply(
      &logitSpan, normalised.span, by: head, .forward, rows: rows.count, workspace: &context.workspace,
      threads: context.threads)
    return logits
  }

  /// The gradient of the rows in x, written to those rows of dx.
  private func propagate(dLogits: Region, _ rows: UnsafeBufferPointer<Int32>, to dx: Region) {
    let dNormalised = buffers.head.dNormalised.rows(rows.count, shape.width)
    var dNormalisedSpan = dNormalised.mutableSpan
    Matmul.multiply(
      &dNormalisedSpan, dLogits.span, by: head, .backward, rows: rows.count, workspace: &context.workspace,
      threads: context.threads)
    let dInput = buffers.head.dInput.rows(rows.count, shape.width)
    var dInputSpan = dInput.mutableSpan
    RMSNorm.backward(
      dx: &dInputSpan, x: buffers.head.input.rows(rows.count, shape.width).span, gain: finalNorm.span,
      r: buffers.head.scale.part(0..<rows.count).span, dy: dNormalised.span, threads: context.threads,
      on: context.kernels)
    for (i, row) in rows.enumerated() {
      _ = dx.part(Int(row) * shape.width..<(Int(row) + 1) * shape.width)
        .update(fromContentsOf: dInput.part(i * shape.width..<(i + 1) * shape.width))
    }
  }
}

/// The rows of a batch whose next token carries a loss, ascending, and that token.
private struct LabelledRows {
  private var rows: [Int32] = []
  private var labels: [Int32] = []

  mutating func gather(_ batch: PackedBatch, of examples: LanguageExamples) {
    guard case .continuations(let answers) = examples.answers else { preconditionFailure("a decoder continues texts") }
    rows.removeAll(keepingCapacity: true)
    labels.removeAll(keepingCapacity: true)
    for (sequence, example) in batch.rows.enumerated() {
      let tokens = batch.tokens(of: sequence)
      for target in tokens.lowerBound + Int(answers[example])..<tokens.upperBound {
        rows.append(Int32(target - 1))
        labels.append(batch.ids[target])
      }
    }
  }

  func forEachPart(
    of size: Int, _ body: (_ rows: UnsafeBufferPointer<Int32>, _ labels: UnsafeBufferPointer<Int32>) -> Void
  ) {
    rows.withUnsafeBufferPointer { rows in
      labels.withUnsafeBufferPointer { labels in
        for start in stride(from: 0, to: rows.count, by: size) {
          let part = start..<min(start + size, rows.count)
          body(.init(rebasing: rows[part]), .init(rebasing: labels[part]))
        }
      }
    }
  }
}
