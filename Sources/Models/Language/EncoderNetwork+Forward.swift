import Kernels
import Schemas

extension EncoderNetwork {
  var buffers: EncoderBuffers { arena.buffers }

  /// The output of the last layer, pooled to a vector for each sequence: `[sequences, width]`, valid until the next pass.
  ///
  /// - Parameter dropoutSeed: Of this pass; `nil` drops nothing.
  @discardableResult
  func encode(_ batch: PackedBatch, dropoutSeed: UInt64? = nil) -> Region {
    precondition(batch.tokenCount <= capacity.tokens && batch.sequenceCount <= capacity.sequences)
    embed(batch)
    for index in layers.indices { forward(index, batch, dropoutSeed) }
    return pool(batch)
  }

  private func embed(_ batch: PackedBatch) {
    let (tokens, width) = (batch.tokenCount, shape.width)
    let sum = buffers.embeddingSum.rows(tokens, width)
    var target = sum.mutableSpan
    Embedding.gather(
      &target, table: tokenEmbedding.values.span, ids: batch.ids.span, columns: width, threads: context.threads,
      on: context.kernels)
    Embedding.gather(
      &target, table: positionEmbedding.values.span, ids: batch.positions.span, columns: width, accumulate: true,
      threads: context.threads, on: context.kernels)
    if let typeEmbedding {
      let types = types
      Embedding.gather(
        &target, table: typeEmbedding.values.span, ids: types.span.extracting(first: tokens), columns: width,
        accumulate: true, threads: context.threads, on: context.kernels)
    }
    normalise(
      sum, to: buffers.hidden[0], buffers.embeddingMean, buffers.embeddingScale, embeddingNorm, tokens: tokens)
  }

  /// Layer `index` from its input in `hidden[index]` to its output in `hidden[index + 1]`.
  func forward(_ index: Int, _ batch: PackedBatch, _ dropoutSeed: UInt64?) {
    let (layer, memory, tokens) = (layers[index], buffers.layers[index], batch.tokenCount)
    let width = shape.width
    let input = buffers.hidden[index]

    layer.projection.forward(memory.projected, input, rows: tokens, scratch(.projection, index, dropoutSeed), context)
    let projected = memory.projected.rows(tokens, 3 * width)
    var attended = memory.attended.rows(tokens, width).mutableSpan
    var logSums = memory.logSums.rows(tokens, shape.heads).mutableSpan
    attention.forward(
      &attended, logSums: &logSums, q: projected.span, qStride: 3 * width, k: projected.from(width).span,
      v: projected.from(2 * width).span, kvStride: 3 * width, starts: batch.starts.span, workspace: &context.workspace,
      threads: context.threads, on: context.kernels)
    layer.output.forward(
      memory.attentionSum, memory.attended, rows: tokens, scratch(.output, index, dropoutSeed), context)
    add(input, to: memory.attentionSum, count: tokens * width)
    normalise(
      memory.attentionSum, to: memory.attentionOutput, memory.attentionMean, memory.attentionScale, layer.attentionNorm,
      tokens: tokens)

    layer.up.forward(memory.before, memory.attentionOutput, rows: tokens, scratch(.up, index, dropoutSeed), context)
    activate(memory.before, to: memory.after, tokens: tokens)
    layer.down.forward(memory.outputSum, memory.after, rows: tokens, scratch(.down, index, dropoutSeed), context)
    add(memory.attentionOutput, to: memory.outputSum, count: tokens * width)
    normalise(
      memory.outputSum, to: buffers.hidden[index + 1], memory.outputMean, memory.outputScale, layer.outputNorm,
      tokens: tokens)
  }

  func scratch(_ product: EncoderPlan.Product, _ index: Int, _ dropoutSeed: UInt64?) -> AdaptedLinear.Scratch {
    let number = UInt64(EncoderPlan.Product.allCases.count * index + product.rawValue)
    return AdaptedLinear.Scratch(
      u: buffers.layers[index].u[product.rawValue], du: buffers.du, dropped: buffers.dropped,
      dropoutSeed: dropoutSeed.map {
        var generator = SplitMix64(state: $0 ^ (number &+ 1) &* 0xD1B5_4A32_D192_ED03)
        return generator.next()
      })
  }

  func add(_ x: Region, to y: Region, count: Int) {
    var sum = y.part(0..<count).mutableSpan
    AddScaled.add(&sum, x.part(0..<count).span, threads: context.threads, on: context.kernels)
  }

  private func normalise(_ x: Region, to y: Region, _ mean: Region, _ scale: Region, _ norm: Norm, tokens: Int) {
    var output = y.rows(tokens, shape.width).mutableSpan
    var mean = mean.part(0..<tokens).mutableSpan
    var scale = scale.part(0..<tokens).mutableSpan
    LayerNorm.forward(
      &output, mean: &mean, r: &scale, x: x.rows(tokens, shape.width).span, gain: norm.gain.values.span,
      bias: norm.bias.values.span, epsilon: Float(shape.normEpsilon), threads: context.threads, on: context.kernels)
  }

  private func activate(_ x: Region, to y: Region, tokens: Int) {
    let input = x.rows(tokens, shape.intermediate).span
    var output = y.rows(tokens, shape.intermediate).mutableSpan
    switch shape.activation {
    case .gelu: GELU.exactForward(&output, x: input, threads: context.threads, on: context.kernels)
    case .geluTanh: GELU.forward(&output, x: input, threads: context.threads, on: context.kernels)
    case .relu: ReLU.forward(&output, x: input, on: context.kernels)
    }
  }

  private func pool(_ batch: PackedBatch) -> Region {
    let width = shape.width
    let pooled = buffers.pooled.rows(batch.sequenceCount, width)
    let hidden = buffers.hidden[shape.layers]
    pooled.update(repeating: 0)
    for sequence in 0..<batch.sequenceCount {
      let tokens = pooledTokens(batch, sequence)
      var target = pooled.part(sequence * width..<(sequence + 1) * width).mutableSpan
      for token in tokens {
        AddScaled.add(
          &target, hidden.part(token * width..<(token + 1) * width).span, scale: 1 / Float(tokens.count),
          threads: context.threads, on: context.kernels)
      }
    }
    return pooled
  }

  /// The tokens whose mean is the sequence's vector.
  func pooledTokens(_ batch: PackedBatch, _ sequence: Int) -> Range<Int> {
    let tokens = batch.tokens(of: sequence)
    return pooling == .mean ? tokens : tokens.prefix(1)
  }
}
