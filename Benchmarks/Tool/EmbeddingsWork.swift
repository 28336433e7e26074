import Models
import Schemas

/// Embeddings of random texts.
///
///     embeddings --model DIRECTORY --batch 32 --length 32 --precision fp32|bf16
///
/// A lap is one call that embeds sixteen batches of texts, opening the model's weights included; a step is a batch.
enum EmbeddingsWork {
  private static let batchesPerLap = 16

  static func run(_ options: Options) throws {
    let length: Int = try options.value("length")
    let count: Int = try options.value("batch") * batchesPerLap
    let base = try BaseModel.open(options.text("model"))
    let training = LanguageTraining(
      shape: base.shape, method: .head, task: .classification(labels: ["first", "second"]),
      precision: try options.choice("precision"), maximumTokens: length)
    let parameters = training.initialParameters()
    let examples = LanguageExamples(
      RandomTexts(vocabulary: base.shape.vocabulary).sequences(count: count, length: length))

    var laps = Laps()
    while true {
      _ = try LanguageEvaluation.embeddings(parameters, training: training, base: base, on: examples)
      laps.lap(steps: batchesPerLap)
    }
  }
}
