import Kernels
import Schemas
import Tensors
import Testing

@testable import Models

@Suite("Inference decoder")
struct InferenceDecoderTests {
  /// Of whole blocks of 32, with grouped queries.
  static let shape = DecoderShape(
    layers: 2, width: 32, heads: 4, keyValueHeads: 2, headWidth: 16, intermediate: 96, vocabulary: 50, positions: 128)
  static let tokens = (0..<83).map { Int32(($0 * $0 * 3 + $0) % 50) }

  static func decoder(
    _ shape: DecoderShape, _ weights: some WeightSource, _ precision: InferencePrecision,
    level: KernelLevel = .highest, threads: Int = 2
  ) throws -> InferenceDecoder {
    try InferenceDecoder(
      shape, weights: weights, blocks: { _ in nil }, precision: precision, tokens: 100,
      context: ComputeContext(kernels: .at(level: level), threads: ThreadPool(count: threads)))
  }

  /// What the network that trains says of each token's successor.
  static func expected(
    _ shape: DecoderShape, _ weights: some WeightSource, _ tokens: [Int32], training: LanguageTraining? = nil,
    parameters: Parameters? = nil
  ) throws -> [[Double]] {
    let training =
      training
      ?? LanguageTraining(shape: .decoder(shape), method: .adapters, task: .generation, maximumTokens: 100)
    let network = try DecoderNetwork(
      parameters ?? Parameters(layout: training.layout), training, weights: weights,
      capacity: PassCapacity(tokens: 100, sequences: 1), keeping: .nothing, context: ComputeContext())
    let logits = network.logits(DecoderNetworkTests.batch(DecoderNetworkTests.examples([(tokens, 1)])))
    return tokens.indices.map { logits[$0 * shape.vocabulary..<($0 + 1) * shape.vocabulary].map(Double.init) }
  }

  @Test(
    "A prompt in one pass and tokens one by one say what the trained network says", arguments: KernelLevel.available)
  func agrees(level: KernelLevel) throws {
    var shape = DecoderNetworkTests.shape
    shape.attentionBias = true
    shape.positions = 128
    let tokens = Self.tokens.map { $0 % Int32(shape.vocabulary) }
    let weights = FormulaWeights(shape)
    let expected = try Self.expected(shape, weights, tokens)
    let decoder = try Self.decoder(shape, weights, .fp32, level: level)
    // A prompt longer than a pass, then one token after the other, over the border of a vector.
    for end in 70...tokens.count {
      let logits = decoder.read(end == 70 ? tokens[..<70] : tokens[end - 1..<end])
      #expect(worstError(Array(logits), expected[end - 1]) < 1e-4)
    }
    decoder.cache.removeAll()
    #expect(worstError(Array(decoder.read(tokens[..<3])), expected[2]) < 1e-4)
  }

  @Test("Eight bits a weight stay close to the weights, with a tied head and one of its own", arguments: [true, false])
  func eightBits(tied: Bool) throws {
    var shape = Self.shape
    shape.tiedHead = tied
    let weights = FormulaWeights(shape)
    try expectClose(try Self.decoder(shape, weights, .eightBits), to: try Self.expected(shape, weights, Self.tokens))
  }

  @Test("Blocks of 8 bits that a file has are taken instead of its numbers")
  func blocks() throws {
    /// The norms alone; every matrix is zero.
    struct Norms: WeightSource {
      let weights: FormulaWeights
      func tensor(_ name: WeightName) throws(ModelError) -> [Float] {
        let values = try weights.tensor(name)
        return values.count > InferenceDecoderTests.shape.width ? values.map { _ in 0 } : values
      }
    }
    let weights = FormulaWeights(Self.shape)
    let decoder = try InferenceDecoder(
      Self.shape, weights: Norms(weights: weights),
      blocks: { (name) throws(ModelError) in
        Quantisation.quantise(try weights.tensor(name), as: .q8_0).map { ($0, .q8_0) }
      }, precision: .eightBits, tokens: 100, context: ComputeContext())
    try expectClose(decoder, to: try Self.expected(Self.shape, weights, Self.tokens))
  }

  /// Rounding to 8 bits is off by 1/254 of a block's largest at most, of weights and of activations alike.
  private func expectClose(_ decoder: InferenceDecoder, to expected: [[Double]]) throws {
    _ = decoder.read(Self.tokens.dropLast())
    let logits = Array(decoder.read(Self.tokens.suffix(1)))
    let whole = expected.last!.reduce(0) { $0 + $1 * $1 }
    let difference = zip(logits, expected.last!).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
    #expect((difference / whole).squareRoot() < 0.03)
    #expect(difference > 0)
  }

  @Test("Adapters merged into the weights say what adapters beside them say", arguments: [false, true])
  func adapters(trainA: Bool) throws {
    let training = DecoderNetworkTests.training(Self.shape, [.query, .output, .gate, .down], rank: 3, trainA: trainA)
    let parameters = DecoderNetworkTests.lively(training)
    let weights = FormulaWeights(Self.shape)
    let beside = try Self.expected(Self.shape, weights, Self.tokens, training: training, parameters: parameters)
    let merged = MergedWeights(weights, training, parameters)
    let decoder = try Self.decoder(Self.shape, merged, .fp32)
    #expect(worstError(Array(decoder.read(Self.tokens)), beside.last!) < 1e-3)
    #expect(
      worstError(Array(decoder.read([1])), try Self.expected(Self.shape, weights, Self.tokens + [1]).last!) > 1e-2)
    #expect(merged.isChanged(.layer(1, .gate)) && !merged.isChanged(.layer(1, .up)) && !merged.isChanged(.head))
  }

  @Test("One thread and several give the same bytes", arguments: InferencePrecision.allCases)
  func threads(precision: InferencePrecision) throws {
    let shape = DecoderShape(
      layers: 1, width: 256, heads: 8, keyValueHeads: 2, headWidth: 32, intermediate: 512, vocabulary: 2048,
      positions: 128)
    func bits(_ threads: Int) throws -> [UInt32] {
      let decoder = try Self.decoder(shape, FormulaWeights(shape), precision, threads: threads)
      _ = decoder.read(Self.tokens)
      return decoder.read([7]).map(\.bitPattern)
    }
    let one = try bits(1)
    #expect(try bits(2) == one && bits(3) == one)
  }
}
