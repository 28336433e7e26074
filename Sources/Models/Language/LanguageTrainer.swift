import Kernels
import Schemas
import Tensors

/// How far a training is; rates follow from the time that whoever holds a clock has seen pass.
public struct TrainingProgress: Sendable, Equatable {
  public var step: Int
  public var steps: Int
  /// Tokens that passes have gone over so far, and of the whole training.
  public var tokens: Int
  public var totalTokens: Int
  /// The mean loss of the last step.
  public var loss: Double

  public var fraction: Double { Double(tokens) / Double(totalTokens) }

  public func tokensPerSecond(after elapsed: Duration) -> Double { Double(tokens) / (elapsed / .seconds(1)) }

  /// What is left at the rate so far.
  public func timeLeft(after elapsed: Duration) -> Duration {
    elapsed * (Double(totalTokens - tokens) / Double(max(tokens, 1)))
  }
}

/// What a participant does with a language model in a round: a few passes of gradient descent over its own texts.
public enum LanguageTrainer {
  /// Trains a copy of the vector and returns it.
  ///
  /// Each step follows the gradient of the batch's mean loss: over texts, or over the tokens of all its answers. The rows
  /// are shuffled for each epoch unless one batch holds them all. On one kernel level the same arguments give the same
  /// bytes, whatever the number of threads.
  ///
  /// - Parameters:
  ///   - privately: With it, each step takes a random part of the rows, with clipped gradients and noise.
  ///   - seed: Decides the order of the rows and what drops out; any length.
  ///   - shuffling: Whether each epoch takes the rows in another order, or as they come; a private training has no epochs.
  ///   - checkpointing: Whether to compute each layer again on the way back instead of keeping what it computed: about a
  ///     third slower, and the memory of one layer instead of all. By default for long texts.
  ///   - progress: Called after each step.
  /// - Throws: `.diverged` if the loss, a private gradient or a parameter leaves the finite numbers: a broken model must
  ///   not be sent, and clipping bounds no such row.
  public static func train(
    _ parameters: Parameters, training: LanguageTraining, base: BaseModel, on examples: LanguageExamples,
    recipe: TrainingRecipe, privately: PrivateTraining? = nil, seed: [UInt8], shuffling: Bool = true,
    checkpointing: Bool? = nil, threads: ThreadPool = .shared, progress: ((TrainingProgress) -> Void)? = nil
  ) throws(ModelError) -> Parameters {
    guard base.shape == training.shape else { throw .otherBaseModel }
    let job = try LanguageJob(parameters, training, examples, recipe, checkpointing: checkpointing)
    let context = ComputeContext(threads: threads)
    switch training.shape {
    case .encoder:
      let network = try EncoderNetwork(
        parameters, training, weights: base, pooling: base.pooling ?? .mean, capacity: job.capacity,
        keeping: job.keeping, context: context)
      try job.run(network, privately, seed: seed, shuffling: shuffling, progress: progress)
      return try network.parameters(weights: base)
    case .decoder:
      let network = try DecoderNetwork(
        parameters, training, weights: base, capacity: job.capacity, keeping: job.keeping, context: context)
      try job.run(network, privately, seed: seed, shuffling: shuffling, progress: progress)
      return network.parameters()
    }
  }

  /// Bytes that `train` will take for weights, optimiser and passes, before anything is taken.
  public static func memoryEstimate(
    training: LanguageTraining, examples: LanguageExamples, recipe: TrainingRecipe, checkpointing: Bool? = nil
  ) throws(ModelError) -> Int {
    let job = try LanguageJob(
      Parameters(layout: training.layout), training, examples, recipe, checkpointing: checkpointing)
    switch training.shape {
    case .encoder(let shape):
      return EncoderNetwork.byteCount(training, shape, job.capacity, keeping: job.keeping)
    case .decoder(let shape):
      return DecoderNetwork.byteCount(training, shape, job.capacity, keeping: job.keeping)
    }
  }
}

/// A checked training: which steps over which rows.
struct LanguageJob {
  let training: LanguageTraining
  let examples: LanguageExamples
  let recipe: TrainingRecipe
  let capacity: PassCapacity
  let keeping: Keeping
  private let batchRows: Int

  /// Texts from this length on are trained with checkpointing unless told otherwise.
  private static let longText = 1024

  init(
    _ parameters: Parameters, _ training: LanguageTraining, _ examples: LanguageExamples, _ recipe: TrainingRecipe,
    checkpointing: Bool?
  ) throws(ModelError) {
    do {
      try recipe.validate()
      try training.validate()
    } catch { throw .schema(error) }
    guard parameters.layout == training.layout else {
      throw .wrongShape(what: "parameters", expected: training.layout.count, found: parameters.layout.count)
    }
    try examples.check(training, labelled: true)
    guard examples.count > 0 else { throw .noRows }
    self.training = training
    self.examples = examples
    self.recipe = recipe
    batchRows = recipe.batchSize == 0 ? examples.count : min(recipe.batchSize, examples.count)
    capacity = PassCapacity(examples, batchRows: batchRows)
    let isCheckpointing = checkpointing ?? (examples.longest >= Self.longText)
    keeping = training.method == .head ? .nothing : isCheckpointing ? .inputs : .everything
  }

  /// Trains the network's vector in place.
  func run(
    _ network: some LanguageNetwork, _ privately: PrivateTraining?, seed: [UInt8], shuffling: Bool,
    progress: ((TrainingProgress) -> Void)?
  ) throws(ModelError) {
    if let privately {
      try run(network, privately, seed: seed, progress: progress)
    } else {
      try run(network, seed: seed, shuffling: shuffling, progress: progress)
    }
  }

  static func dropoutSeeds(_ seed: [UInt8]) -> SplitMix64 {
    SplitMix64(state: seed.reduce(0x6c62_272e_07bb_0142) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 })
  }

  func run(
    _ network: some LanguageNetwork, seed: [UInt8], shuffling: Bool, progress: ((TrainingProgress) -> Void)?
  ) throws(ModelError) {
    let trained = network.trained
    var optimizer = OptimizerState(recipe, parameterCount: trained.values.count)
    var order = BatchOrder(rowCount: examples.count, seed: seed)
    var batch = PackedBatch(tokens: capacity.tokens, sequences: capacity.sequences)
    var dropoutSeeds = Self.dropoutSeeds(seed)
    var done = TrainingProgress(
      step: 0, steps: recipe.epochs * ((examples.count + batchRows - 1) / batchRows), tokens: 0,
      totalTokens: recipe.epochs * examples.tokenCount, loss: 0)

    for _ in 0..<recipe.epochs {
      if shuffling, batchRows < examples.count { order.shuffle() }
      for start in stride(from: 0, to: examples.count, by: batchRows) {
        let rows = order.rows[start..<min(start + batchRows, examples.count)]
        let losses = rows.reduce(0) { $0 + examples.lossCount(of: $1) }
        trained.gradient.update(repeating: 0)
        var sum = 0.0
        var next = rows.startIndex
        while next < rows.endIndex {
          batch.fill(rows, next: &next, of: examples, capacity)
          sum += network.addGradient(
            batch, of: examples, scale: 1 / Float(losses), dropoutSeed: dropoutSeeds.next())
          done.tokens += batch.tokenCount
        }
        done.step += 1
        done.loss = sum / Double(losses)
        guard sum.isFinite else { throw .diverged(step: done.step) }
        optimizer.step(
          trained.values, gradient: trained.gradient, parts: trained.parts, threads: network.context.threads,
          on: network.context.kernels)
        progress?(done)
      }
    }
    guard trained.values.allFinite(on: network.context.kernels) else { throw .diverged(step: done.step) }
  }
}
