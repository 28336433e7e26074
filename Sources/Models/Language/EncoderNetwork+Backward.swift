import Kernels
import Schemas

extension EncoderNetwork {
  func addGradient(
    _ batch: PackedBatch, of examples: LanguageExamples, scale: Float, dropoutSeed: UInt64
  ) -> Double {
    let (loss, seed) = forward(batch, of: examples, dropoutSeed: dropoutSeed)
    backward(batch, scale: scale, seed)
    return loss
  }

  /// The way there changes nothing that it reads, so that after one encoding it is gone twice.
  func addClippedGradient(
    _ batch: PackedBatch, of examples: LanguageExamples, privately: PrivateTraining, dropoutSeed: UInt64
  ) -> Double {
    let (loss, seed) = forward(batch, of: examples, dropoutSeed: dropoutSeed)
    clip(batch, of: examples, privately: privately) { backward(batch, scale: 1, seed) }
    return loss
  }

  /// - Returns: Σ loss, and the seed if anything drops out.
  private func forward(
    _ batch: PackedBatch, of examples: LanguageExamples, dropoutSeed: UInt64
  ) -> (loss: Double, seed: UInt64?) {
    let seed = (training.adapters?.dropout ?? 0) > 0 ? dropoutSeed : nil
    encode(batch, dropoutSeed: seed)
    return (losses(batch, of: examples).reduce(0) { $0 + Double($1) }, seed)
  }

  private func backward(_ batch: PackedBatch, scale: Float, _ dropoutSeed: UInt64?) {
    backwardHead(batch, scale: scale)
    guard keeping != .nothing else { return }
    backwardPooling(batch)
    for index in layers.indices.reversed() {
      if keeping == .inputs { forward(index, batch, dropoutSeed) }
      backward(index, batch, dropoutSeed, downTo: index == 0 ? lowest : .input)
    }
    if training.method == .full { backwardEmbeddings(batch) }
  }

  /// The parts of a layer in the order in which its gradients are computed.
  private enum Part: Int, Comparable {
    case down, up, output, projection, input

    static func < (left: Part, right: Part) -> Bool { left.rawValue < right.rawValue }
  }

  /// The part of the first layer below which nothing trains: its own input's gradient is not needed.
  private var lowest: Part {
    guard let targets = training.adapters?.targets else { return .input }
    if !Set([.query, .key, .value]).isDisjoint(with: targets) { return .projection }
    return targets.contains(.output) ? .output : targets.contains(.up) ? .up : .down
  }

  /// The gradient of the last layer's output, in `dOutput`.
  private func backwardPooling(_ batch: PackedBatch) {
    let (count, width) = (batch.sequenceCount, shape.width)
    var dPooled = buffers.dPooled.rows(count, width).mutableSpan
    Linear.backward(
      dx: &dPooled, weight: head.weight.values.span, dy: buffers.dLogits.rows(count, training.task.outputs).span,
      rows: count, workspace: &context.workspace, threads: context.threads, on: context.kernels)
    let gradient = buffers.dOutput.rows(batch.tokenCount, width)
    gradient.update(repeating: 0)
    for sequence in 0..<count {
      let tokens = pooledTokens(batch, sequence)
      let source = buffers.dPooled.part(sequence * width..<(sequence + 1) * width)
      for token in tokens {
        var target = gradient.part(token * width..<(token + 1) * width).mutableSpan
        AddScaled.add(
          &target, source.span, scale: 1 / Float(tokens.count), threads: context.threads, on: context.kernels)
      }
    }
  }

  /// From the gradient of the layer's output in `dOutput` to that of its input in the same place, as far as it is needed.
  private func backward(_ index: Int, _ batch: PackedBatch, _ dropoutSeed: UInt64?, downTo lowest: Part) {
    let (layer, memory, tokens) = (layers[index], buffers.layers[index], batch.tokenCount)
    let width = shape.width

    backward(
      layer.outputNorm, dx: buffers.dSum, dy: buffers.dOutput, x: memory.outputSum, memory.outputMean,
      memory.outputScale, tokens: tokens)
    layer.down.backward(
      dx: lowest > .down ? buffers.dWide : nil, dy: buffers.dSum, x: memory.after, rows: tokens,
      scratch(.down, index, dropoutSeed), context)
    guard lowest > .down else { return }

    backwardActivation(memory.before, tokens: tokens)
    layer.up.backward(
      dx: lowest > .up ? buffers.dSum : nil, accumulate: true, dy: buffers.dWide, x: memory.attentionOutput,
      rows: tokens, scratch(.up, index, dropoutSeed), context)
    guard lowest > .up else { return }

    backward(
      layer.attentionNorm, dx: buffers.dOutput, dy: buffers.dSum, x: memory.attentionSum, memory.attentionMean,
      memory.attentionScale, tokens: tokens)
    layer.output.backward(
      dx: lowest > .output ? buffers.dAttended : nil, dy: buffers.dOutput, x: memory.attended, rows: tokens,
      scratch(.output, index, dropoutSeed), context)
    guard lowest > .output else { return }

    let projected = memory.projected.rows(tokens, 3 * width)
    let gradient = buffers.dWide.rows(tokens, 3 * width)
    var dQuery = gradient.mutableSpan
    var dKey = gradient.from(width).mutableSpan
    var dValue = gradient.from(2 * width).mutableSpan
    attention.backward(
      dq: &dQuery, dk: &dKey, dv: &dValue, dO: buffers.dAttended.rows(tokens, width).span,
      o: memory.attended.rows(tokens, width).span, logSums: memory.logSums.rows(tokens, shape.heads).span,
      q: projected.span, qStride: 3 * width, k: projected.from(width).span, v: projected.from(2 * width).span,
      kvStride: 3 * width, starts: batch.starts.span, workspace: &context.workspace, threads: context.threads,
      on: context.kernels)
    layer.projection.backward(
      dx: lowest > .projection ? buffers.dOutput : nil, accumulate: true, dy: buffers.dWide, x: buffers.hidden[index],
      rows: tokens, scratch(.projection, index, dropoutSeed), context)
  }

  private func backward(
    _ norm: Norm, dx: Region, dy: Region, x: Region, _ mean: Region, _ scale: Region, tokens: Int
  ) {
    if let ghosts = context.ghosts, norm.gain.gradient != nil {
      ghosts.addNorm(x: x, mean: mean, scale: scale, dy: dy, width: shape.width, context)
    }
    let (x, dy) = (x.rows(tokens, shape.width).span, dy.rows(tokens, shape.width).span)
    let (mean, scale) = (mean.part(0..<tokens).span, scale.part(0..<tokens).span)
    if context.ghosts == nil, let gain = norm.gain.gradient, let bias = norm.bias.gradient {
      var dGain = gain.mutableSpan
      var dBias = bias.mutableSpan
      LayerNorm.backward(
        dGain: &dGain, dBias: &dBias, x: x, mean: mean, r: scale, dy: dy, threads: context.threads,
        on: context.kernels)
    }
    var gradient = dx.rows(tokens, shape.width).mutableSpan
    LayerNorm.backward(
      dx: &gradient, x: x, gain: norm.gain.values.span, mean: mean, r: scale, dy: dy, threads: context.threads,
      on: context.kernels)
  }

  private func backwardActivation(_ x: Region, tokens: Int) {
    let input = x.rows(tokens, shape.intermediate).span
    let gradient = buffers.dWide.rows(tokens, shape.intermediate)
    var dx = gradient.mutableSpan
    switch shape.activation {
    case .gelu: GELU.exactBackward(&dx, x: input, dy: gradient.span, threads: context.threads, on: context.kernels)
    case .geluTanh: GELU.backward(&dx, x: input, dy: gradient.span, threads: context.threads, on: context.kernels)
    case .relu: ReLU.backward(&dx, x: input, dy: gradient.span, on: context.kernels)
    }
  }

  private func backwardEmbeddings(_ batch: PackedBatch) {
    let (tokens, width) = (batch.tokenCount, shape.width)
    backward(
      embeddingNorm, dx: buffers.dSum, dy: buffers.dOutput, x: buffers.embeddingSum, buffers.embeddingMean,
      buffers.embeddingScale, tokens: tokens)
    let gradient = buffers.dSum.rows(tokens, width)
    func scatter(_ table: Learned?, _ ids: [Int32]) {
      guard let rows = table?.gradient else { return }
      if let ghosts = context.ghosts {
        return ghosts.addEmbedding(ids: ids, dy: gradient, width: width, context)
      }
      var target = rows.mutableSpan
      Embedding.scatterAdd(
        dTable: &target, ids: ids.span.extracting(first: tokens), dy: gradient.span, columns: width,
        threads: context.threads, on: context.kernels)
    }
    scatter(tokenEmbedding, batch.ids)
    scatter(positionEmbedding, batch.positions)
    scatter(typeEmbedding, types)
  }
}
