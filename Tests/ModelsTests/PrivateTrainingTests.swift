import Privacy
import Schemas
import Tensors
import Testing

@testable import Models

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A stream that tests can repeat: SplitMix64, which hides nothing.
final class SeededRandomness: SecretRandomness {
  private var generator: SplitMix64

  init(_ seed: UInt64) { generator = SplitMix64(state: seed) }

  func read(into bytes: UnsafeMutableRawBufferPointer) {
    for start in stride(from: 0, to: bytes.count, by: 8) {
      bytes.storeBytes(of: generator.next().littleEndian, toByteOffset: start, as: UInt64.self)
    }
  }
}

extension PrivateTraining {
  /// All rows in every step unless a rate is given.
  static func seeded(
    clip: Double, noise: Double, rate: Double = 1, steps: Int = 1, seed: UInt64 = 1
  ) throws -> PrivateTraining {
    PrivateTraining(
      clipNorm: clip, step: try SampledGaussian(noiseMultiplier: noise, samplingRate: rate), stepCount: steps,
      sampling: SeededRandomness(seed), noise: SeededRandomness(seed &+ 1000))
  }
}

@Suite("Private training of tables")
struct PrivateTableTests {
  @Test("A row's norm is that of the gradient that the row alone has, in every shape of network")
  func norms() {
    for shape in DenseNetworkTests.shapes {
      let rowCount = 13
      let examples = Examples.madeUp(rows: rowCount, shape: shape, seed: 4)
      let parameters = shape.livelyParameters(seed: 5)
      var network = DenseNetwork(parameters, shape: shape, capacity: rowCount, training: true)
      var squares: [Double] = []
      examples.withRows(0..<rowCount) { features, labels in
        network.forward(features, rows: rowCount)
        _ = network.losses(labels)
        network.squaredGradientNorms(features, labels, &squares)
      }
      for row in 0..<rowCount {
        examples.withRows(row..<row + 1) { features, labels in
          network.forward(features, rows: 1)
          _ = network.losses(labels)
          network.backward(features, labels, scale: 1, accumulate: false)
        }
        let expected = network.gradient.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(squares[row].squareRoot() - expected) <= 1e-5 * max(1e-3, expected), "\(shape.widths) \(row)")
      }
    }
  }

  @Test("A step follows the mean of the rows' gradients, each scaled to the bound, up to the noise")
  func clipping() throws {
    let shape = NetworkShape(inputs: 4, hidden: [7, 3], activation: .gelu, outputs: 3)
    let examples = Examples.madeUp(rows: 40, shape: shape, seed: 8)
    let parameters = shape.livelyParameters(seed: 9)
    let recipe = TrainingRecipe(optimizer: .sgd, learningRate: 1)
    var network = DenseNetwork(parameters, shape: shape, capacity: 1, training: true)
    var norms: [Double] = []
    var gradients: [[Double]] = []
    for row in 0..<40 {
      examples.withRows(row..<row + 1) { features, labels in
        network.forward(features, rows: 1)
        _ = network.losses(labels)
        network.backward(features, labels, scale: 1, accumulate: false)
      }
      gradients.append(network.gradient.map(Double.init))
      norms.append(gradients[row].reduce(0) { $0 + $1 * $1 }.squareRoot())
    }
    // Some rows are above the bound and some are below.
    let clip = norms.sorted()[20]
    // Noise of 0.1 clip norms over 40 rows: the mean moves by 0.0025 clip norms a coordinate.
    let trained = try LocalTraining.train(
      parameters, shape: shape, on: examples, recipe: recipe, privately: .seeded(clip: clip, noise: 0.1))
    for i in parameters.values.indices {
      let mean = zip(gradients, norms).reduce(0) { $0 + $1.0[i] * min(1, clip / $1.1) } / 40
      #expect(abs(Double(parameters.values[i] - trained.values[i]) - mean) < 6 * 0.0025 * clip + 2e-3 * clip)
    }
  }

  @Test("The noise has the deviation that the account assumes")
  func noiseScale() throws {
    let shape = NetworkShape(inputs: 200, hidden: [20], activation: .relu, outputs: 1)
    // Without anything to learn from, a step is noise alone.
    var examples = Examples.madeUp(rows: 10, shape: shape, seed: 2)
    for i in examples.features.indices { examples.features[i] = 0 }
    let parameters = Parameters(layout: shape.layout)
    let trained = try LocalTraining.train(
      parameters, shape: shape, on: examples, recipe: TrainingRecipe(optimizer: .sgd, learningRate: 1),
      privately: .seeded(clip: 0.5, noise: 3))
    // The first layer's weights: their gradient is zero. σ C / N = 0.15.
    let weights = trained.values[0..<4000]
    let variance = weights.reduce(0) { $0 + Double($1) * Double($1) } / 4000
    #expect(abs(variance / (0.15 * 0.15) - 1) < 4 * (2.0 / 4000).squareRoot())
  }

  @Test("The same streams give the same bytes, and others other ones; the schedule follows the batch")
  func repeats() throws {
    let shape = NetworkShape(inputs: 3, hidden: [], activation: .relu, outputs: 1)
    let examples = Examples.madeUp(rows: 50, shape: shape, seed: 1)
    let recipe = TrainingRecipe(optimizer: .adamw, learningRate: 0.1, batchSize: 8, epochs: 2)
    func train(_ seed: UInt64) throws -> Parameters {
      try LocalTraining.train(
        Parameters(layout: shape.layout), shape: shape, on: examples, recipe: recipe,
        privately: .seeded(clip: 1, noise: 1, rate: 0.16, steps: 14, seed: seed))
    }
    #expect(try train(1) == train(1))
    #expect(try train(1) != train(2))
    let schedule = PrivateTraining.schedule(recipe, rowCount: 50)
    #expect(schedule.samplingRate == 8.0 / 50 && schedule.stepCount == 14)
    let whole = PrivateTraining.schedule(TrainingRecipe(optimizer: .sgd, learningRate: 1, epochs: 3), rowCount: 50)
    #expect(whole.samplingRate == 1 && whole.stepCount == 3)
  }

  @Test("A row that leaves the finite numbers stops the training: nothing clips it")
  func diverged() throws {
    let shape = NetworkShape(inputs: 2, hidden: [], activation: .relu, outputs: 1)
    var examples = Examples.madeUp(rows: 5, shape: shape, seed: 1)
    examples.features[3] = .nan
    #expect(throws: ModelError.diverged(step: 1)) {
      try LocalTraining.train(
        Parameters(layout: shape.layout), shape: shape, on: examples,
        recipe: TrainingRecipe(optimizer: .sgd, learningRate: 1), privately: .seeded(clip: 1, noise: 1))
    }
  }
}

@Suite("Private training of language models")
struct PrivateLanguageTests {
  /// Squared norms by the ghosts of one pass over all sequences, and by each sequence's gradient alone.
  private func norms(
    _ network: some LanguageNetwork, _ examples: LanguageExamples, seed: UInt64
  ) throws -> (ghosts: [Double], alone: [Double]) {
    var batch = PackedBatch(tokens: 64, sequences: examples.count)
    let whole = PassCapacity(tokens: 64, sequences: examples.count)
    let rows = Array(0..<examples.count)
    var next = 0
    batch.fill(rows[...], next: &next, of: examples, whole)
    #expect(next == examples.count)
    network.trained.gradient.update(repeating: 0)
    _ = network.addClippedGradient(
      batch, of: examples, privately: try .seeded(clip: 1, noise: 1), dropoutSeed: seed)
    let ghosts = network.context.clippingNorms.squares
    let alone = rows.map { row in
      var next = row
      batch.fill(rows[...row], next: &next, of: examples, whole)
      network.trained.gradient.update(repeating: 0)
      _ = network.addGradient(
        batch, of: examples, scale: 1 / Float(examples.lossCount(of: row)), dropoutSeed: seed)
      return network.trained.gradients().values.reduce(0) { $0 + Double($1) * Double($1) }
    }
    return (ghosts, alone)
  }

  @Test(
    "Every layer's ghost norms are the norms of each text's own gradient: adapters, head, full fine-tuning",
    arguments: EncoderGradientTests.cases)
  func encoder(given: EncoderGradientTests.Case) throws {
    guard case .encoder(let shape) = given.training.shape else { return }
    let folder = try ModelFolder(shape.drawnWeights(pooling: given.pooling).huggingFaceFiles(as: .f32))
    let base = try BaseModel.open(folder.path)
    let examples = LanguageExamples(EncoderGradientTests.sequences, answers: given.answers)
    for keeping in [Keeping.everything, .inputs] {
      let network = try EncoderNetwork(
        given.training.drawnParameters(), given.training, weights: base, pooling: given.pooling,
        capacity: PassCapacity(tokens: 64, sequences: 5), keeping: given.training.method == .head ? .nothing : keeping,
        context: ComputeContext())
      let (ghosts, alone) = try norms(network, examples, seed: 3)
      for (ghost, norm) in zip(ghosts, alone) {
        #expect(abs(ghost.squareRoot() - norm.squareRoot()) <= 1e-5 * norm.squareRoot())
      }
    }
  }

  @Test(
    "So are a decoder's, each text's loss being the mean over its answer", arguments: [false, true],
    [Keeping.everything, .inputs])
  func decoder(trainA: Bool, keeping: Keeping) throws {
    let training = DecoderNetworkTests.training(DecoderNetworkTests.shape, AdapterTarget.allCases, trainA: trainA)
    let network = try DecoderNetworkTests.network(training, DecoderNetworkTests.lively(training), keeping: keeping)
    let (ghosts, alone) = try norms(network, DecoderNetworkTests.examples(), seed: 3)
    for (ghost, norm) in zip(ghosts, alone) {
      #expect(abs(ghost.squareRoot() - norm.squareRoot()) <= 1e-5 * norm.squareRoot())
    }
  }

  @Test("The clipped sum is the sum of the texts' gradients, each scaled to the bound")
  func clippedSum() throws {
    let given = EncoderGradientTests.cases[1]
    guard case .encoder(let shape) = given.training.shape else { return }
    let folder = try ModelFolder(shape.drawnWeights(pooling: given.pooling).huggingFaceFiles(as: .f32))
    let examples = LanguageExamples(EncoderGradientTests.sequences, answers: given.answers)
    let network = try EncoderNetwork(
      given.training.drawnParameters(), given.training, weights: try BaseModel.open(folder.path),
      pooling: given.pooling, capacity: PassCapacity(tokens: 64, sequences: 5), keeping: .everything,
      context: ComputeContext())
    let (_, squares) = try norms(network, examples, seed: 0)
    let privately = try PrivateTraining.seeded(clip: squares.map { $0.squareRoot() }.sorted()[2], noise: 1)
    var expected = [Double](repeating: 0, count: given.training.layout.count)
    var batch = PackedBatch(tokens: 64, sequences: 5)
    let rows = Array(0..<5)
    for row in rows {
      var next = row
      batch.fill(rows[...row], next: &next, of: examples, network.capacity)
      network.trained.gradient.update(repeating: 0)
      _ = network.addGradient(batch, of: examples, scale: 1, dropoutSeed: 0)
      let factor = min(1, privately.clipNorm / squares[row].squareRoot())
      for (i, value) in network.trained.gradients().values.enumerated() { expected[i] += factor * Double(value) }
    }
    var next = 0
    batch.fill(rows[...], next: &next, of: examples, network.capacity)
    network.trained.gradient.update(repeating: 0)
    _ = network.addClippedGradient(batch, of: examples, privately: privately, dropoutSeed: 0)
    let found = network.trained.gradients().values
    // The bound lies a thousandth below the clip norm.
    for (value, sum) in zip(found, expected) { #expect(abs(Double(value) - sum) < 2e-3 * privately.clipNorm) }
  }

  @Test("Private steps repeat with their streams, and move the model")
  func trains() throws {
    let given = EncoderGradientTests.cases[0]
    guard case .encoder(let shape) = given.training.shape else { return }
    let folder = try ModelFolder(shape.drawnWeights(pooling: given.pooling).huggingFaceFiles(as: .f32))
    let base = try BaseModel.open(folder.path)
    let examples = LanguageExamples(EncoderGradientTests.sequences, answers: given.answers)
    func train(_ seed: UInt64) throws -> Parameters {
      try LanguageTrainer.train(
        given.training.initialParameters(), training: given.training, base: base, on: examples,
        recipe: TrainingRecipe(optimizer: .adamw, learningRate: 0.01, batchSize: 2),
        privately: .seeded(clip: 1, noise: 0.5, rate: 0.4, steps: 6, seed: seed), seed: [1])
    }
    #expect(try train(1) == train(1))
    #expect(try train(1) != train(2))
    #expect(try train(1) != given.training.initialParameters())
  }
}
