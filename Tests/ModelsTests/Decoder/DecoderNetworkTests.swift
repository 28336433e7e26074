import Kernels
import Schemas
import Tensors
import Testing

@testable import Models

extension FormulaWeights: WeightSource {
  func tensor(_ name: WeightName) throws(ModelError) -> [Float] { all[name]! }
}

@Suite("Decoder network")
struct DecoderNetworkTests {
  /// Grouped queries, three sequences, and dimensions that no vector width divides.
  static let shape = DecoderShape(
    layers: 2, width: 7, heads: 4, keyValueHeads: 2, headWidth: 2, intermediate: 9, vocabulary: 11, positions: 32,
    attentionBias: false, tiedHead: false)

  static func training(
    _ shape: DecoderShape, _ targets: [AdapterTarget], rank: Int = 2, trainA: Bool = false, dropout: Double = 0
  ) -> LanguageTraining {
    LanguageTraining(
      shape: .decoder(shape), method: .adapters,
      adapters: AdapterRecipe(rank: rank, alpha: 3, targets: targets, dropout: dropout, trainA: trainA),
      task: .generation, maximumTokens: 16, seed: 5)
  }

  static func shape(_ training: LanguageTraining) -> DecoderShape {
    guard case .decoder(let shape) = training.shape else { fatalError("no decoder") }
    return shape
  }

  /// Without a zero matrix, so that every gradient is alive.
  static func lively(_ training: LanguageTraining) -> Parameters {
    var generator = SplitMix64(state: 99)
    return Parameters(
      layout: training.layout,
      values: (0..<training.layout.count).map { _ in Float(generator.next() >> 40) / Float(1 << 24) - 0.5 })
  }

  /// The shortest possible, one of a single answer token, and a long one.
  static let sequences: [(tokens: [Int32], first: Int)] = [
    ([3, 8], 1), ([1, 2, 3, 4], 3), ([10, 0, 7, 7, 9, 4], 2),
  ]

  static func examples(_ sequences: [(tokens: [Int32], first: Int)] = sequences) -> LanguageExamples {
    LanguageExamples(sequences.map(\.tokens), answers: .continuations(sequences.map { Int32($0.first) }))
  }

  static func batch(_ examples: LanguageExamples) -> PackedBatch {
    var batch = PackedBatch(tokens: examples.tokenCount, sequences: examples.count)
    for row in 0..<examples.count { batch.append(row, of: examples) }
    return batch
  }

  static func network(
    _ training: LanguageTraining, _ parameters: Parameters, keeping: Keeping = .everything,
    level: KernelLevel = .highest, threads: ThreadPool = .shared
  ) throws -> DecoderNetwork {
    try DecoderNetwork(
      parameters, training, weights: FormulaWeights(shape(training)), capacity: PassCapacity(tokens: 40, sequences: 8),
      keeping: keeping, context: ComputeContext(kernels: .at(level: level), threads: threads))
  }

  @Test(
    "Logits are those of Hugging Face's Llama and Qwen2", arguments: DecoderGolden.file.logits, KernelLevel.available)
  func logits(golden: DecoderGolden.Logits, level: KernelLevel) throws {
    let training = LanguageTraining(
      shape: .decoder(golden.config.shape), method: .adapters, task: .generation, maximumTokens: 16)
    let network = try Self.network(training, Parameters(layout: training.layout), keeping: .nothing, level: level)
    let logits = network.logits(Self.batch(Self.examples([(golden.tokens, 1)])))
    #expect(worstError(logits, golden.logits.flatMap { $0 }) < 1e-5)
    // And so are those of the reference that the gradients are compared with.
    let reference = ReferenceDecoder(golden.config.shape).logits(golden.tokens).flatMap { $0 }
    #expect(worstError(reference.map { Float($0) }, golden.logits.flatMap { $0 }) < 1e-6)
  }

  @Test(
    "The adapters' gradients are those of finite differences",
    arguments: AdapterTarget.allCases.map { [$0] } + [[.query, .value], AdapterTarget.allCases], [false, true])
  func gradients(targets: [AdapterTarget], trainA: Bool) throws {
    try expectGradients(Self.training(Self.shape, targets, trainA: trainA))
  }

  @Test("In bf16 the matrices are the nearest numbers of 8 significant bits", arguments: [false, true])
  func precision(tied: Bool) throws {
    struct Rounded: WeightSource {
      let all: [WeightName: [Float]]
      func tensor(_ name: WeightName) throws(ModelError) -> [Float] { all[name]! }
    }
    var shape = Self.shape
    shape.tiedHead = tied
    var training = Self.training(shape, [.query])
    let weights = FormulaWeights(shape).all
    let rounded = Dictionary(
      uniqueKeysWithValues: LanguageShape.decoder(shape).weights.map { name, dimensions in
        let isProduct = dimensions.count == 2 && (tied || name != .tokenEmbedding)
        return (
          name,
          isProduct
            ? weights[name]!.map { ($0 / ($0.ulp * 0x1p16)).rounded(.toNearestOrEven) * ($0.ulp * 0x1p16) }
            : weights[name]!
        )
      })
    func logits(_ source: some WeightSource) throws -> [Float] {
      // At the baseline, where activations are not rounded as well.
      let network = try DecoderNetwork(
        Self.lively(training), training, weights: source, capacity: PassCapacity(tokens: 40, sequences: 8),
        keeping: .everything, context: ComputeContext(kernels: .at(level: .baseline)))
      return network.logits(Self.batch(Self.examples()))
    }
    let (exact, expected) = (try logits(FormulaWeights(shape)), try logits(Rounded(all: rounded)))
    training.precision = .bf16
    #expect(try logits(FormulaWeights(shape)) == expected)
    #expect(expected != exact && worstError(expected, exact.map(Double.init)) < 0.1)
  }

  @Test("So they are with biases and a single key head, whose head is tied", arguments: KernelLevel.available)
  func biases(level: KernelLevel) throws {
    var shape = Self.shape
    shape.attentionBias = true
    shape.tiedHead = true
    shape.keyValueHeads = 1
    try expectGradients(Self.training(shape, AdapterTarget.allCases, rank: 3, trainA: true), level: level)
  }

  private func expectGradients(_ training: LanguageTraining, level: KernelLevel = .highest) throws {
    let parameters = Self.lively(training)
    let network = try Self.network(training, parameters, level: level)
    let examples = Self.examples()
    let loss = network.addGradient(Self.batch(examples), of: examples, scale: 0.25, dropoutSeed: 0)
    let frozen = ReferenceDecoder(Self.shape(training))
    func expected(_ values: [Double]) -> Double {
      let reference = frozen.adapted(training, values)
      return Self.sequences.reduce(0) { $0 + reference.loss($1.tokens, from: $1.first) }
    }
    let values = parameters.values.map(Double.init)
    #expect(abs(loss - expected(values)) < 1e-5 * loss)
    #expect(abs(network.loss(Self.batch(examples), of: examples) - loss) < 1e-6 * loss)

    // Each tensor along two random directions, by central differences.
    let gradient = network.trained.gradients().values
    var generator = SplitMix64(state: 4)
    for entry in training.layout.entries {
      for _ in 0..<2 {
        let direction = (0..<entry.count).map { _ in Double(generator.next() >> 40) / Double(1 << 23) - 1 }
        var (ahead, behind) = (values, values)
        for (i, d) in direction.enumerated() {
          ahead[entry.offset + i] += 1e-4 * d
          behind[entry.offset + i] -= 1e-4 * d
        }
        let slope = 0.25 * (expected(ahead) - expected(behind)) / 2e-4
        let found = zip(gradient[entry.offset..<entry.offset + entry.count], direction).reduce(0) {
          $0 + Double($1.0) * $1.1
        }
        #expect(abs(found - slope) < 1e-4 * (1 + abs(slope)), "\(entry.name)")
        #expect(abs(slope) > 1e-4, "\(entry.name) has no gradient to compare")
      }
    }
  }

  @Test("Gradients add up over passes, and a pass of several sequences is the sum of its sequences")
  func passes() throws {
    let training = Self.training(Self.shape, [.query, .down], trainA: true)
    let parameters = Self.lively(training)
    let whole = try Self.network(training, parameters)
    let examples = Self.examples()
    _ = whole.addGradient(Self.batch(examples), of: examples, scale: 1, dropoutSeed: 0)
    let parts = try Self.network(training, parameters)
    for row in 0..<examples.count {
      var batch = PackedBatch(tokens: 16, sequences: 1)
      batch.append(row, of: examples)
      _ = parts.addGradient(batch, of: examples, scale: 1, dropoutSeed: 0)
    }
    #expect(
      worstError(parts.trained.gradients().values, whole.trained.gradients().values.map(Double.init)) < 1e-5)
  }

  @Test("Layers that are computed again on the way back give the same bytes", arguments: [0.0, 0.4])
  func checkpointing(dropout: Double) throws {
    let training = Self.training(Self.shape, AdapterTarget.allCases, trainA: true, dropout: dropout)
    let parameters = Self.lively(training)
    let examples = Self.examples()
    func bits(_ keeping: Keeping) throws -> [UInt32] {
      let network = try Self.network(training, parameters, keeping: keeping)
      let loss = network.addGradient(Self.batch(examples), of: examples, scale: 1, dropoutSeed: 7)
      return [UInt32(truncatingIfNeeded: loss.bitPattern)] + network.trained.gradients().values.map(\.bitPattern)
    }
    #expect(try bits(.everything) == bits(.inputs))
  }

  @Test("One thread and several give the same bytes")
  func threads() throws {
    let shape = DecoderShape(
      layers: 2, width: 96, heads: 6, keyValueHeads: 3, headWidth: 16, intermediate: 256, vocabulary: 3000,
      positions: 256)
    let training = Self.training(shape, AdapterTarget.allCases, rank: 4, trainA: true)
    let parameters = Self.lively(training)
    let tokens = (0..<300).map { Int32(($0 * $0 * 7 + 11) % 3000) }
    let examples = Self.examples([(Array(tokens[..<200]), 20), (Array(tokens[200...]), 1)])
    func bits(_ threads: Int) throws -> [UInt32] {
      let network = try DecoderNetwork(
        parameters, training, weights: FormulaWeights(shape), capacity: PassCapacity(tokens: 300, sequences: 2),
        keeping: .everything, context: ComputeContext(threads: ThreadPool(count: threads)))
      _ = network.addGradient(Self.batch(examples), of: examples, scale: 1, dropoutSeed: 0)
      return network.trained.gradients().values.map(\.bitPattern)
    }
    let one = try bits(1)
    #expect(try bits(2) == one && bits(3) == one)
  }
}
