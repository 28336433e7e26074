import Bases
import Kernels
public import Models
public import Schemas

/// A trained part of a language model beside its base model, ready to answer texts.
public struct LanguageSpecialist: Sendable {
  private let checkpoint: LanguageCheckpoint
  private let base: BaseModel
  private let encoder: TextEncoder
  private let threads: ThreadPool

  init(_ checkpoint: LanguageCheckpoint, bases: [String], threads: Int?) throws(SpecialistError) {
    self.checkpoint = checkpoint
    do { base = try LocalBase.find(checkpoint.base, of: checkpoint.training.shape, among: bases).model } catch {
      throw .base(error)
    }
    do { encoder = try TextEncoder(base, training: checkpoint.training) } catch { throw .model(error) }
    self.threads = threads.map { ThreadPool(count: $0) } ?? .shared
  }

  public var schema: TextSchema { checkpoint.schema }

  /// What the specialist says of each text.
  public func answers(to texts: [String]) throws(ModelError) -> Prediction.Answers {
    switch schema.target {
    case .label(let label): .labels(classes: label.values, probabilities: try predictions(texts))
    case .score(let score): .numbers(name: score.name, values: try predictions(texts))
    case .answer(let answer): .texts(name: answer, values: try answers(writtenTo: texts))
    }
  }

  private func predictions(_ texts: [String]) throws(ModelError) -> [Float] {
    var sequences: [[Int32]] = []
    for text in texts { sequences.append(try encoder.prompt(text).ids) }
    return try LanguageEvaluation.predictions(
      checkpoint.parameters, training: checkpoint.training, base: base, on: LanguageExamples(sequences),
      threads: threads)
  }

  /// The specialist's measures on rows that hold the answers.
  func measure(_ rows: TextRows, _ part: RowPart) throws(ModelError) -> MetricLanes {
    let encoded = try EncodedTexts(rows, by: encoder)
    return try LanguageEvaluation.metrics(
      checkpoint.parameters, training: checkpoint.training, base: base,
      on: part == .training ? encoded.training : encoded.heldOut, threads: threads)
  }

  private func answers(writtenTo texts: [String]) throws(ModelError) -> [String] {
    var answers: [String] = []
    for text in texts { answers.append(try answer(to: text, Writing())) }
    return answers
  }

  /// How an answer is written.
  public struct Writing: Sendable {
    /// At most so many tokens.
    public var maximumTokens: Int
    public var temperature: Double
    public var topK: Int?
    public var topP: Double
    public var seed: UInt64

    public init(
      maximumTokens: Int = 256, temperature: Double = 0, topK: Int? = nil, topP: Double = 1, seed: UInt64 = 0
    ) {
      self.maximumTokens = maximumTokens
      self.temperature = temperature
      self.topK = topK
      self.topP = topP
      self.seed = seed
    }
  }

  /// Writes an answer, and hands it out piece by piece as its tokens come.
  public func answer(
    to text: String, _ writing: Writing, stream: (String) -> Void = { _ in }
  ) throws(ModelError) -> String {
    throw .unsupportedModel(file: base.path, what: "writing answers")
  }
}
