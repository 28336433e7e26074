import Kernels
import Privacy

extension LanguageJob {
  /// Trains the network's vector in place with differential privacy.
  func run(
    _ network: some LanguageNetwork, _ privately: PrivateTraining, seed: [UInt8],
    progress: ((TrainingProgress) -> Void)?
  ) throws(ModelError) {
    let (trained, context) = (network.trained, network.context)
    var optimizer = OptimizerState(recipe, parameterCount: trained.values.count)
    var (sampling, noise) = (privately.rows(), privately.gaussian())
    var dropoutSeeds = Self.dropoutSeeds(seed)
    var batch = PackedBatch(tokens: capacity.tokens, sequences: capacity.sequences)
    var rows: [Int] = []
    let tokensOfStep = Double(examples.tokenCount) * privately.step.samplingRate
    var done = TrainingProgress(step: 0, steps: privately.stepCount, tokens: 0, totalTokens: 1, loss: 0)

    for _ in 0..<privately.stepCount {
      sampling.draw(&rows, of: examples.count)
      trained.gradient.update(repeating: 0)
      var (sum, losses) = (0.0, 0)
      var next = 0
      while next < rows.count {
        batch.fill(rows[...], next: &next, of: examples, network.capacity)
        sum += network.addClippedGradient(
          batch, of: examples, privately: privately, dropoutSeed: dropoutSeeds.next())
        losses += batch.rows.reduce(0) { $0 + examples.lossCount(of: $1) }
        done.tokens += batch.tokenCount
      }
      done.step += 1
      done.totalTokens = max(1, done.tokens + Int(tokensOfStep * Double(done.steps - done.step)))
      done.loss = sum / Double(max(1, losses))
      guard trained.gradient.allFinite(on: context.kernels) else { throw .diverged(step: done.step) }
      for part in trained.parts {
        privately.finish(trained.gradient.part(part.range), noise: &noise, rowCount: examples.count)
      }
      optimizer.step(
        trained.values, gradient: trained.gradient, parts: trained.parts, threads: context.threads,
        on: context.kernels)
      progress?(done)
    }
    guard trained.values.allFinite(on: context.kernels) else { throw .diverged(step: done.step) }
  }
}
