import Foundation
import Kernels
import Models
import Schemas
import Tensors
import Testing

struct LanguageTrainerTests {
  /// Wide enough that products, norms and the optimiser are divided among threads.
  private static let shape = EncoderShape(
    layers: 2, width: 64, heads: 4, intermediate: 256, vocabulary: 300, positions: 64)
  private static let sequences = (0..<40).map { row in
    drawn("row \(row)", count: 1 + (37 * row) % 64).map { Int32(150 + 149 * $0) }
  }
  private static let labels = (0..<40).map { Int32($0 % 3) }

  private func training(_ method: LanguageTraining.Method, _ adapters: AdapterRecipe? = nil) -> LanguageTraining {
    LanguageTraining(
      shape: .encoder(Self.shape), method: method, adapters: adapters, task: .classification(labels: ["a", "b", "c"]),
      maximumTokens: 64, seed: 3)
  }

  @Test("The same seed gives the same bytes on any number of threads", arguments: [false, true])
  func threads(full: Bool) throws {
    let training = training(
      full ? .full : .adapters,
      full ? nil : AdapterRecipe(rank: 4, alpha: 8, targets: [.query, .value, .down], dropout: 0.1, trainA: true))
    let folder = try ModelFolder(Self.shape.drawnWeights(pooling: .mean).huggingFaceFiles(as: .f32))
    let base = try BaseModel.open(folder.path)
    func train(_ threads: Int) throws -> Parameters {
      try LanguageTrainer.train(
        training.drawnParameters(), training: training, base: base,
        on: LanguageExamples(Self.sequences, answers: .labels(Self.labels)),
        recipe: TrainingRecipe(
          optimizer: .adamw, learningRate: 1e-3, weightDecay: 0.01, batchSize: 20, epochs: 2, clipGradientNorm: 1),
        seed: [7], threads: ThreadPool(count: threads))
    }
    let alone = try train(1)
    #expect(try train(2) == alone)
    #expect(try train(3) == alone)
  }

  @Test("In bf16 the same training ends close by, and elsewhere")
  func precision() throws {
    var training = training(.adapters, AdapterRecipe(rank: 4, alpha: 8, targets: [.query, .value]))
    let folder = try ModelFolder(Self.shape.drawnWeights(pooling: .mean).huggingFaceFiles(as: .f32))
    let base = try BaseModel.open(folder.path)
    func train() throws -> [Float] {
      try LanguageTrainer.train(
        training.drawnParameters(), training: training, base: base,
        on: LanguageExamples(Self.sequences, answers: .labels(Self.labels)),
        recipe: TrainingRecipe(optimizer: .adamw, learningRate: 1e-3, batchSize: 20), seed: [7]
      ).values
    }
    let exact = try train()
    training.precision = .bf16
    let rounded = try train()
    // Two steps of AdamW move a parameter by at most a learning rate each.
    #expect(rounded != exact && zip(rounded, exact).allSatisfy { abs($0 - $1) <= 4.1e-3 })
  }

  @Test("Progress counts every token of every epoch, and time left follows from time passed")
  func progress() throws {
    let training = training(.head)
    let folder = try ModelFolder(Self.shape.drawnWeights(pooling: .mean).huggingFaceFiles(as: .f32))
    var seen: [TrainingProgress] = []
    _ = try LanguageTrainer.train(
      training.initialParameters(), training: training, base: try BaseModel.open(folder.path),
      on: LanguageExamples(Self.sequences, answers: .labels(Self.labels)),
      recipe: TrainingRecipe(optimizer: .adamw, learningRate: 1e-2, batchSize: 16, epochs: 2), seed: []
    ) { seen.append($0) }
    let tokens = Self.sequences.reduce(0) { $0 + $1.count }
    #expect(seen.map(\.step) == Array(1...6) && seen.allSatisfy { $0.steps == 6 && $0.totalTokens == 2 * tokens })
    #expect(seen.last?.tokens == 2 * tokens && seen.last?.fraction == 1)
    // A head at zero gives each of three classes a third.
    #expect(abs(seen[0].loss - 3.0.logarithm) < 1e-6)
    var half = seen[0]
    half.tokens = 300
    half.totalTokens = 900
    #expect(half.tokensPerSecond(after: .seconds(2)) == 150 && half.timeLeft(after: .seconds(2)) == .seconds(4))
  }

  @Test("What does not fit the plan is refused before anything is trained")
  func refuses() throws {
    let training = training(.head)
    let folder = try ModelFolder(Self.shape.drawnWeights(pooling: .mean).huggingFaceFiles(as: .f32))
    let base = try BaseModel.open(folder.path)
    func problem(
      _ examples: LanguageExamples, training other: LanguageTraining? = nil, parameters: Parameters? = nil
    ) -> ModelError? {
      do {
        let training = other ?? training
        _ = try LanguageTrainer.train(
          parameters ?? training.initialParameters(), training: training, base: base, on: examples,
          recipe: TrainingRecipe(optimizer: .adamw, learningRate: 1e-2), seed: [])
        return nil
      } catch { return error }
    }
    #expect(problem(LanguageExamples([[1, 2]], answers: .labels([0]))) == nil)
    #expect(problem(LanguageExamples([], answers: .labels([]))) == .noRows)
    #expect(problem(LanguageExamples([[300]], answers: .labels([0]))) != nil)
    #expect(problem(LanguageExamples([[-1]], answers: .labels([0]))) != nil)
    #expect(problem(LanguageExamples([[Int32](repeating: 1, count: 65)], answers: .labels([0]))) != nil)
    #expect(problem(LanguageExamples([[1]], answers: .labels([3]))) != nil)
    #expect(problem(LanguageExamples([[1]], answers: .numbers([0]))) != nil)
    #expect(problem(LanguageExamples([[1]])) != nil)
    var regression = training
    regression.task = .regression(range: 0...1)
    #expect(problem(LanguageExamples([[1]], answers: .numbers([.nan])), training: regression) != nil)
    var wider = Self.shape
    wider.intermediate = 128
    var other = training
    other.shape = .encoder(wider)
    #expect(problem(LanguageExamples([[1]], answers: .labels([0])), training: other) == .otherBaseModel)
    #expect(
      problem(
        LanguageExamples([[1]], answers: .labels([0])), parameters: Parameters(layout: regression.layout)) != nil)
  }

  @Test("The estimate of memory counts weights, moments and one pass, and less when layers are computed again")
  func memoryEstimate() throws {
    let examples = LanguageExamples(Self.sequences, answers: .labels(Self.labels))
    let recipe = TrainingRecipe(optimizer: .adamw, learningRate: 1e-3, batchSize: 20)
    func estimate(_ training: LanguageTraining, checkpointing: Bool) throws -> Int {
      try LanguageTrainer.memoryEstimate(
        training: training, examples: examples, recipe: recipe, checkpointing: checkpointing)
    }
    let adapters = training(.adapters, AdapterRecipe(rank: 4, alpha: 8, targets: [.query, .value]))
    let kept = try estimate(adapters, checkpointing: false)
    #expect(try estimate(adapters, checkpointing: true) < kept)
    // Packed both ways, tables once, the vector four times; and a pass of 512 tokens keeps at least the ten widths that
    // the way back reads of each layer.
    let matrices = 2 * 64 * (4 * 64 + 2 * 256)
    let least = 4 * (2 * matrices + (300 + 64) * 64 + 4 * adapters.layout.count + 2 * 10 * 512 * 64)
    #expect(kept >= least && kept < 2 * least)
    let full = training(.full)
    #expect(try estimate(full, checkpointing: false) >= 16 * full.layout.count)
  }
}

extension Double {
  fileprivate var logarithm: Double { log(self) }
}
