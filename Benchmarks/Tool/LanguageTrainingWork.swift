import Models
import Privacy
import Schemas

/// Steps of fine-tuning as a participant takes them, over random tokens.
///
///     encoder-training --model DIRECTORY --method lora|full --batch 16 --length 128 --precision fp32|bf16
///     decoder-training --model FILE|DIRECTORY --targets query,value --batch 1 --length 256 --precision fp32|bf16
///
///     private-encoder-training, private-decoder-training: the same steps as DP-SGD
///
/// A lap is one step of `LanguageTrainer`: one batch that holds all rows, forward, backward and AdamW. Adapters are those
/// that PEFT makes unless told otherwise: rank 8, alpha 16, A and B trained, no dropout.
enum LanguageTrainingWork {
  private enum EncoderMethod: String {
    case lora, full
  }

  static func encoder(_ options: Options) throws { try encoder(options, privately: false) }
  static func privateEncoder(_ options: Options) throws { try encoder(options, privately: true) }
  static func decoder(_ options: Options) throws { try decoder(options, privately: false) }
  static func privateDecoder(_ options: Options) throws { try decoder(options, privately: true) }

  private static func encoder(_ options: Options, privately: Bool) throws {
    let method: EncoderMethod = try options.choice("method")
    try run(
      options, method: method == .full ? .full : .adapters,
      adapters: method == .full ? nil : adapters(targets: [.query, .value]),
      task: .classification(labels: ["first", "second"]), privately: privately)
  }

  private static func decoder(_ options: Options, privately: Bool) throws {
    let targets: [AdapterTarget] = try options.choices("targets")
    try run(options, method: .adapters, adapters: adapters(targets: targets), task: .generation, privately: privately)
  }

  private static func adapters(targets: [AdapterTarget]) -> AdapterRecipe {
    AdapterRecipe(rank: 8, alpha: 16, targets: targets, trainA: true)
  }

  private static func run(
    _ options: Options, method: LanguageTraining.Method, adapters: AdapterRecipe?, task: LanguageTask,
    privately: Bool
  ) throws {
    let batch: Int = try options.value("batch")
    let length: Int = try options.value("length")
    let base = try BaseModel.open(options.text("model"))
    let training = LanguageTraining(
      shape: base.shape, method: method, adapters: adapters, task: task, precision: try options.choice("precision"),
      maximumTokens: length)
    let texts = RandomTexts(vocabulary: base.shape.vocabulary).sequences(count: batch, length: length)
    let answers: LanguageExamples.Answers =
      switch task {
      case .generation: .continuations([Int32](repeating: 1, count: batch))
      default: .labels((0..<batch).map { Int32($0 % 2) })
      }
    let examples = LanguageExamples(texts, answers: answers)
    let recipe = TrainingRecipe(optimizer: .adamw, learningRate: 1e-4, epochs: 1000)

    var parameters = training.initialParameters()
    var laps = Laps(facts: ["trained": parameters.values.count])
    while true {
      parameters = try LanguageTrainer.train(
        parameters, training: training, base: base, on: examples, recipe: recipe,
        privately: privately ? try noised(recipe) : nil, seed: []
      ) { _ in laps.lap() }
    }
  }

  private static func noised(_ recipe: TrainingRecipe) throws -> PrivateTraining {
    PrivateTraining(
      clipNorm: 1, step: try SampledGaussian(noiseMultiplier: 1, samplingRate: 1), stepCount: recipe.epochs,
      sampling: BenchmarkRandomness(), noise: BenchmarkRandomness())
  }
}

/// The words of SplitMix64, which take about as long as those of a keystream and hide nothing.
private final class BenchmarkRandomness: SecretRandomness {
  private var generator = SplitMix64(state: 1)

  func read(into bytes: UnsafeMutableRawBufferPointer) {
    for start in stride(from: 0, to: bytes.count, by: 8) {
      bytes.storeBytes(of: generator.next(), toByteOffset: start, as: UInt64.self)
    }
  }
}

/// Sequences of token ids without meaning, the same in every run; the first hundred ids, often special ones, are left out.
struct RandomTexts {
  let vocabulary: Int

  func sequences(count: Int, length: Int) -> [[Int32]] {
    var random = SplitMix64(state: 1)
    return (0..<count).map { _ in
      (0..<length).map { _ in Int32(100 + random.next() % UInt64(vocabulary - 100)) }
    }
  }
}
