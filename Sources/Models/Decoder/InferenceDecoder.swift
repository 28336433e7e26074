import Kernels
import Schemas
import Tensors

/// In which numbers a generating model keeps its matrices.
public enum InferencePrecision: String, Sendable, Hashable, CaseIterable {
  /// Blocks of 32 whole numbers of 8 bits with a scale each, as llama.cpp's Q8_0: a token costs one pass over all
  /// weights, so that a quarter of the bytes is four times as fast. Blocks that a file already has are taken as they are.
  case eightBits
  case fp32
}

/// A decoder made for generation: the tokens so far stay in a cache of keys and values, and only new ones are computed.
///
/// The layers are those of `DecoderNetwork`; here they see few rows at a time and keep nothing for a way back.
final class InferenceDecoder {
  /// Rows that are computed together.
  private static let rows = 64

  /// A frozen matrix, or several with the same input as one.
  private enum Matrix {
    case eightBits(QuantisedMatrix)
    case floats(PackedMatrix)
  }

  private struct Layer {
    let attentionNorm: Region
    let projection: Matrix
    let projectionBias: Region?
    let output: Matrix
    let feedForwardNorm: Region
    let gateAndUp: Matrix
    let down: Matrix
  }

  private struct Buffers {
    let x: Region
    let normalised: Region
    let scale: Region
    let projected: Region
    /// Of one token and key head: `[group, capacity]`.
    let scores: Region
    let probabilities: Region
    let attended: Region
    let branch: Region
    let gateAndUp: Region
    let gated: Region
    let logits: Region
  }

  let shape: DecoderShape
  /// Of prompt and answer together, in tokens.
  let longestText: Int
  let cache: KeyValueCache
  private let layers: [Layer]
  private let finalNorm: Region
  private let head: Matrix
  /// `nil` where the head's own blocks are the embedding.
  private let embedding: Region?
  private let rotary: Rotary
  private let context: ComputeContext
  private let constants = ConstantMemory()
  private let arena: Arena<Buffers>

  /// - Parameters:
  ///   - blocks: The weight's own blocks where a file has them, and no adapter has changed them.
  ///   - tokens: The longest text, prompt included.
  init(
    _ shape: DecoderShape, weights: some WeightSource,
    blocks: (WeightName) throws(ModelError) -> (blocks: [UInt8], type: TensorType)?, precision: InferencePrecision,
    tokens: Int, context: ComputeContext
  ) throws(ModelError) {
    self.shape = shape
    longestText = tokens
    self.context = context
    let cache = KeyValueCache(shape, tokens: tokens)
    self.cache = cache
    let constants = constants
    func matrix(_ names: [WeightName], inputs: Int) throws(ModelError) -> Matrix {
      guard precision == .eightBits, inputs % QuantisedMatrix.block == 0 else {
        var weight: [Float] = []
        for name in names { weight += try weights.tensor(name) }
        return .floats(
          PackedMatrix(
            weight.span, outputs: weight.count / inputs, inputs: inputs, directions: .forward, on: context.kernels))
      }
      var stored: [UInt8] = []
      var types: Set<TensorType?> = []
      for name in names {
        let found = try blocks(name)
        types.insert(found?.type)
        stored += found?.blocks ?? []
      }
      if types == [.q8_0] {
        let outputs = stored.count / (inputs / QuantisedMatrix.block * TensorType.q8_0.blockByteCount)
        return .eightBits(QuantisedMatrix(q8: stored.span, outputs: outputs, inputs: inputs))
      }
      var weight: [Float] = []
      for name in names { weight += try weights.tensor(name) }
      return .eightBits(QuantisedMatrix(weight.span, outputs: weight.count / inputs, inputs: inputs))
    }
    var layers: [Layer] = []
    for index in 0..<shape.layers {
      var bias: [Float] = []
      if shape.attentionBias {
        for name in [LayerWeight.queryBias, .keyBias, .valueBias] { bias += try weights.tensor(.layer(index, name)) }
      }
      let projection = try matrix(
        [.layer(index, .query), .layer(index, .key), .layer(index, .value)], inputs: shape.width)
      let gains = (
        constants.keep(try weights.tensor(.layer(index, .attentionNormGain))),
        constants.keep(try weights.tensor(.layer(index, .feedForwardNormGain)))
      )
      layers.append(
        Layer(
          attentionNorm: gains.0, projection: projection, projectionBias: bias.isEmpty ? nil : constants.keep(bias),
          output: try matrix([.layer(index, .output)], inputs: shape.queryWidth), feedForwardNorm: gains.1,
          gateAndUp: try matrix([.layer(index, .gate), .layer(index, .up)], inputs: shape.width),
          down: try matrix([.layer(index, .down)], inputs: shape.intermediate)))
    }
    self.layers = layers
    finalNorm = constants.keep(try weights.tensor(.finalNorm))
    let head = try matrix([shape.tiedHead ? .tokenEmbedding : .head], inputs: shape.width)
    self.head = head
    if case .eightBits = head, shape.tiedHead {
      embedding = nil
    } else {
      embedding = constants.keep(try weights.tensor(.tokenEmbedding))
    }
    rotary = Rotary(width: shape.headWidth, positions: cache.capacity, base: shape.ropeBase)
    let projected = shape.queryWidth + 2 * shape.keyValueWidth
    let group = shape.heads / shape.keyValueHeads
    arena = Arena { arena in
      let rows = Self.rows
      return Buffers(
        x: arena.take(rows * shape.width), normalised: arena.take(rows * shape.width), scale: arena.take(rows),
        projected: arena.take(rows * projected), scores: arena.take(group * cache.capacity),
        probabilities: arena.take(group * cache.capacity), attended: arena.take(rows * shape.queryWidth),
        branch: arena.take(rows * shape.width), gateAndUp: arena.take(rows * 2 * shape.intermediate),
        gated: arena.take(rows * shape.intermediate), logits: arena.take(shape.vocabulary))
    }
  }

  /// Reads more tokens behind those in the cache, at least one, and gives the logits of what follows the last, valid
  /// until the next call.
  func read(_ tokens: some Collection<Int32>) -> Region {
    precondition(!tokens.isEmpty && cache.count + tokens.count <= cache.capacity)
    var rest = Array(tokens)[...]
    while !rest.isEmpty {
      let part = Array(rest.prefix(Self.rows))
      rest = rest.dropFirst(part.count)
      run(part)
      if rest.isEmpty { computeLogits(row: part.count - 1) }
      cache.advance(part.count)
    }
    return arena.buffers.logits
  }
}

// MARK: - The layers

extension InferenceDecoder {
  private func run(_ tokens: [Int32]) {
    let rows = tokens.count
    let buffers = arena.buffers
    let x = buffers.x.rows(rows, shape.width)
    embed(tokens, x)
    let positions = (0..<rows).map { Int32(cache.count + $0) }
    for (index, layer) in layers.enumerated() {
      normalise(x, layer.attentionNorm, rows)
      let width = shape.queryWidth + 2 * shape.keyValueWidth
      let projected = buffers.projected.rows(rows, width)
      multiply(layer.projection, buffers.normalised, into: projected, rows, bias: layer.projectionBias)
      var heads = projected.mutableSpan
      rotary.turn(
        &heads, heads: shape.heads + shape.keyValueHeads, stride: width, at: positions.span, threads: context.threads,
        on: context.kernels)
      for row in 0..<rows {
        let token = projected.part(row * width..<(row + 1) * width)
        cache.put(
          index, at: cache.count + row,
          key: token.part(shape.queryWidth..<shape.queryWidth + shape.keyValueWidth),
          value: token.from(shape.queryWidth + shape.keyValueWidth))
        attend(index, token, position: cache.count + row, into: buffers.attended.from(row * shape.queryWidth))
      }
      multiply(layer.output, buffers.attended, into: buffers.branch, rows)
      add(buffers.branch, to: x)

      normalise(x, layer.feedForwardNorm, rows)
      multiply(layer.gateAndUp, buffers.normalised, into: buffers.gateAndUp, rows)
      for row in 0..<rows {
        let both = buffers.gateAndUp.from(row * 2 * shape.intermediate)
        var gated = buffers.gated.from(row * shape.intermediate).rows(1, shape.intermediate).mutableSpan
        SwiGLU.forward(
          &gated, gate: both.rows(1, shape.intermediate).span,
          up: both.from(shape.intermediate).rows(1, shape.intermediate).span, threads: context.threads,
          on: context.kernels)
      }
      multiply(layer.down, buffers.gated, into: buffers.branch, rows)
      add(buffers.branch, to: x)
    }
  }

  private func embed(_ tokens: [Int32], _ x: Region) {
    guard let embedding else {
      guard case .eightBits(let matrix) = head else { preconditionFailure("a head of floats comes with an embedding") }
      for (row, token) in tokens.enumerated() {
        for i in 0..<shape.width { x[row * shape.width + i] = matrix.weight(Int(token), i) }
      }
      return
    }
    var x = x.mutableSpan
    Embedding.gather(
      &x, table: embedding.span, ids: tokens.span, columns: shape.width, threads: context.threads, on: context.kernels)
  }

  /// Attention of one token over all that the cache holds up to it.
  private func attend(_ layer: Int, _ token: Region, position: Int, into attended: Region) {
    let buffers = arena.buffers
    let group = shape.heads / shape.keyValueHeads
    // Whole vectors: what lies behind the position gets the weight zero.
    let keys = min((position + 16) / 16 * 16, cache.capacity)
    let scale = 1 / Float(shape.headWidth).squareRoot()
    for i in 0..<shape.queryWidth { token[i] *= scale }
    for head in 0..<shape.keyValueHeads {
      let queries = token.from(head * group * shape.headWidth).rows(group, shape.headWidth)
      let scores = buffers.scores.rows(group, keys)
      var scoreSpan = scores.mutableSpan
      Matmul.multiply(
        &scoreSpan, ldc: keys, .nn, queries.span, lda: shape.headWidth, cache.keys(layer, head).span,
        ldb: cache.capacity, m: group, n: keys, k: shape.headWidth, workspace: &context.workspace,
        threads: context.threads, on: context.kernels)
      for row in 0..<group {
        for key in position + 1..<keys { scores[row * keys + key] = -.infinity }
      }
      let probabilities = buffers.probabilities.rows(group, keys)
      var probabilitySpan = probabilities.mutableSpan
      SoftmaxCrossEntropy.probabilities(&probabilitySpan, logits: scores.span, rows: group, on: context.kernels)
      var mixed = attended.from(head * group * shape.headWidth).rows(group, shape.headWidth).mutableSpan
      Matmul.multiply(
        &mixed, .nn, probabilities.span, cache.values(layer, head).rows(keys, shape.headWidth).span, m: group,
        n: shape.headWidth, k: keys, workspace: &context.workspace, threads: context.threads, on: context.kernels)
    }
  }

  private func computeLogits(row: Int) {
    let buffers = arena.buffers
    normalise(buffers.x.from(row * shape.width).rows(1, shape.width), finalNorm, 1)
    multiply(head, buffers.normalised, into: buffers.logits, 1)
  }

  private func normalise(_ x: Region, _ gain: Region, _ rows: Int) {
    var y = arena.buffers.normalised.rows(rows, shape.width).mutableSpan
    var scale = arena.buffers.scale.part(0..<rows).mutableSpan
    RMSNorm.forward(
      &y, r: &scale, x: x.span, gain: gain.span, epsilon: Float(shape.normEpsilon), threads: context.threads,
      on: context.kernels)
  }

  private func add(_ branch: Region, to x: Region) {
    var sum = x.mutableSpan
    AddScaled.add(&sum, branch.part(0..<x.count).span, threads: context.threads, on: context.kernels)
  }

  private func multiply(_ matrix: Matrix, _ x: Region, into y: Region, _ rows: Int, bias: Region? = nil) {
    switch matrix {
    case .floats(let matrix):
      var output = y.rows(rows, matrix.outputs).mutableSpan
      Matmul.multiply(
        &output, x.rows(rows, matrix.inputs).span, by: matrix, .forward, rows: rows, bias: bias?.span,
        workspace: &context.workspace, threads: context.threads)
    case .eightBits(let matrix):
      var output = y.rows(rows, matrix.outputs).mutableSpan
      matrix.multiply(
        &output, x: x.rows(rows, matrix.inputs).span, rows: rows, workspace: &context.workspace,
        threads: context.threads, on: context.kernels)
      guard let bias else { return }
      for row in 0..<rows { add(bias, to: y.part(row * bias.count..<(row + 1) * bias.count)) }
    }
  }
}
