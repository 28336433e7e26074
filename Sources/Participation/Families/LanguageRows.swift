import Federation
import Kernels
import Models
import Schemas
import SecureAggregation
import Tensors

/// A node's texts, cut into tokens once, beside its copy of the base model.
struct LanguageRows: FamilyRows {
  private let texts: TextRows
  private let encoded: EncodedTexts
  private let base: BaseModel
  private let training: LanguageTraining
  private let threads: ThreadPool

  init(_ texts: TextRows, base: BaseModel, training: LanguageTraining, threads: Int?) throws(ModelError) {
    self.texts = texts
    self.base = base
    self.training = training
    encoded = try EncodedTexts(texts, by: TextEncoder(base, training: training))
    self.threads = threads.map { ThreadPool(count: $0) } ?? .shared
  }

  var report: RowReport { encoded.report }
  var trainingBytes: [UInt8] { texts.trainingBytes }
  var heldOutBytes: [UInt8] { texts.heldOutBytes }

  func statistics(_ kind: RoundKind, of checkpoint: Checkpoint) throws -> [UInt64] {
    throw SchemaError.outOfOrder("a run of a language model has no round of \(kind)")
  }

  func statisticsSubject() -> [UInt8] { [] }

  func train(
    _ checkpoint: Checkpoint, recipe: TrainingRecipe, seed: [UInt8], privately: PrivateTraining?,
    progress: @escaping @Sendable (WorkProgress) -> Void
  ) throws -> Parameters {
    let language = try language(checkpoint)
    let clock = ContinuousClock()
    let start = clock.now
    return try LanguageTrainer.train(
      language.parameters, training: training, base: base, on: encoded.training, recipe: recipe, privately: privately,
      seed: seed, threads: threads
    ) { done in
      let elapsed = clock.now - start
      progress(
        WorkProgress(
          fraction: done.fraction, tokensPerSecond: done.tokensPerSecond(after: elapsed),
          secondsLeft: done.timeLeft(after: elapsed) / .seconds(1)))
    }
  }

  func measure(_ checkpoint: Checkpoint, on part: RowPart) throws -> MetricLanes {
    try LanguageEvaluation.metrics(
      try language(checkpoint).parameters, training: training, base: base,
      on: part == .training ? encoded.training : encoded.heldOut, threads: threads)
  }

  func ownStart(of plan: RunPlan) throws -> Checkpoint { try plan.genesis() }

  func trainingMemory(of recipe: TrainingRecipe) throws -> Int? {
    try LanguageTrainer.memoryEstimate(training: training, examples: encoded.training, recipe: recipe)
  }

  /// The first step also packs the base model's weights, so that the second is what counts.
  func trialSpeed(of recipe: TrainingRecipe, from checkpoint: Checkpoint) throws -> Double? {
    let batch = recipe.batchSize == 0 ? 32 : min(32, recipe.batchSize)
    guard let trial = encoded.training.first(2 * batch), trial.count == 2 * batch else { return nil }
    var short = recipe
    short.batchSize = batch
    short.epochs = 1
    let clock = ContinuousClock()
    var steps: [(tokens: Int, at: ContinuousClock.Instant)] = []
    _ = try LanguageTrainer.train(
      try language(checkpoint).parameters, training: training, base: base, on: trial, recipe: short, seed: [],
      threads: threads
    ) { steps.append(($0.tokens, clock.now)) }
    guard steps.count == 2 else { return nil }
    return Double(steps[1].tokens - steps[0].tokens) / ((steps[1].at - steps[0].at) / .seconds(1))
  }

  /// As much work again as the whole run: `tributary train` does it when the owner asks for it.
  var comparesLocally: Bool { false }

  private func language(_ checkpoint: Checkpoint) throws -> LanguageCheckpoint {
    guard case .language(let language) = checkpoint, language.training == training else { throw ModelError.otherSchema }
    return language
  }
}
