import Foundation
import Models
import Schemas
import Tensors
import Testing

struct LanguageEvaluationTests {
  private static let shape = EncoderShape(
    layers: 1, width: 8, heads: 2, intermediate: 12, vocabulary: 12, positions: 8, normEpsilon: 1e-6)

  private func training(_ task: LanguageTask) -> LanguageTraining {
    LanguageTraining(shape: .encoder(Self.shape), method: .head, task: task, maximumTokens: 8)
  }

  private func base(_ pooling: Pooling = .mean) throws -> (folder: ModelFolder, base: BaseModel) {
    let folder = try ModelFolder(Self.shape.drawnWeights(pooling: pooling).huggingFaceFiles(as: .f32))
    return (folder, try BaseModel.open(folder.path))
  }

  @Test("Metrics are the reference's loss, and count what the probabilities say")
  func classification() throws {
    let (_, base) = try base()
    for labels in [["no", "yes"], ["a", "b", "c"]] {
      let training = training(.classification(labels: labels))
      let parameters = training.drawnParameters(scale: 2)
      let sequences = EncoderGradientTests.sequences
      let answers = LanguageExamples.Answers.labels([1, 0, 1, 1, 0])
      let examples = LanguageExamples(sequences, answers: answers)
      let metrics = try LanguageEvaluation.metrics(parameters, training: training, base: base, on: examples)
      let reference = ReferenceEncoder(training, pooling: .mean, Self.shape.drawnWeights(pooling: .mean))
      let expected = reference.loss(parameters.values.map(Double.init), sequences, answers)
      #expect(metrics.rows == 5 && abs(metrics.meanLoss! - expected) < 1e-5)

      let p = try LanguageEvaluation.predictions(parameters, training: training, base: base, on: examples)
      let rows = (0..<5).map { Array(p[$0 * labels.count..<($0 + 1) * labels.count]) }
      #expect(rows.allSatisfy { abs($0.reduce(0, +) - 1) < 1e-5 })
      let loss = zip(rows, [1, 0, 1, 1, 0]).reduce(0) { $0 - log(Double($1.0[$1.1])) } / 5
      #expect(abs(loss - expected) < 1e-5)
      #expect(metrics.correct == zip(rows, [1, 0, 1, 1, 0]).count { $0.firstIndex(of: $0.max()!) == $1 })
      #expect(Array(metrics.classRows.prefix(2)) == [2, 3])
    }
  }

  @Test("A regression predicts in the unit of its range")
  func regression() throws {
    let (_, base) = try base(.cls)
    let training = training(.regression(range: 10...30))
    var parameters = Parameters(layout: training.layout)
    let examples = LanguageExamples([[1, 2], [3]], answers: .numbers([10, 25]))
    // Of a head at zero: the middle of the range, an error of one and of one quarter half widths.
    #expect(try LanguageEvaluation.predictions(parameters, training: training, base: base, on: examples) == [20, 20])
    let metrics = try LanguageEvaluation.metrics(parameters, training: training, base: base, on: examples)
    #expect(metrics.rows == 2 && abs(metrics.lossSum - 1.25) < 1e-6 && metrics.correct == 0)
    parameters.values[parameters.layout.range(of: "head.bias")!.lowerBound] = 0.5
    #expect(try LanguageEvaluation.predictions(parameters, training: training, base: base, on: examples) == [25, 25])
  }

  @Test("Embeddings have length 1, and no rows have none")
  func embeddings() throws {
    let (_, base) = try base()
    let training = training(.regression(range: 0...1))
    let start = training.initialParameters()
    let vectors = try LanguageEvaluation.embeddings(
      start, training: training, base: base, on: LanguageExamples([[1, 2, 3], [4], [1, 2, 3]]))
    let rows = (0..<3).map { Array(vectors[$0 * 8..<($0 + 1) * 8]) }
    #expect(rows.allSatisfy { abs($0.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5 })
    #expect(rows[0] == rows[2] && rows[0] != rows[1])
    #expect(
      try LanguageEvaluation.embeddings(start, training: training, base: base, on: LanguageExamples([])).isEmpty)
  }

  @Test(
    "MiniLM's embeddings have the cosines that the sentence-transformers model has",
    .enabled(if: ModelCache.has(ModelCache.minilm), "scripts/setup can fetch the model"))
  func miniLM() throws {
    let base = try BaseModel.open(ModelCache.minilm)
    let training = LanguageTraining(
      shape: base.shape, method: .head, task: .classification(labels: ["a", "b"]), maximumTokens: 128)
    let examples = try LanguageExamples(
      texts: [
        "A man is eating food.", "A man is eating a piece of bread.", "The stock market fell sharply today.",
      ],
      tokenizer: base.tokenizer(), maximumTokens: 128)
    let vectors = try LanguageEvaluation.embeddings(
      training.initialParameters(), training: training, base: base, on: examples)
    func cosine(_ a: Int, _ b: Int) -> Double {
      (0..<384).reduce(0) { $0 + Double(vectors[a * 384 + $1]) * Double(vectors[b * 384 + $1]) }
    }
    #expect(abs(cosine(0, 1) - 0.755) < 1e-3)
    #expect(abs(cosine(0, 2) - 0.004) < 1e-3)
    #expect(abs(cosine(1, 2) - 0.039) < 1e-3)
  }
}
