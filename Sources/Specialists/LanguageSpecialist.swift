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
    for text in texts { sequences.append(encoder.ids(of: text).ids) }
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
    let writer = try writer()
    var answers: [String] = []
    for text in texts { answers.append(try writer.answer(to: text)) }
    return answers
  }

  /// What writes answers, with the adapters merged into the weights once.
  public func writer() throws(ModelError) -> AnswerWriter {
    AnswerWriter(
      generator: try Generator(
        base: base, training: checkpoint.training, parameters: checkpoint.parameters, threads: threads))
  }
}

/// Writes the answers of a decoder's specialist. Not for two threads at a time.
public struct AnswerWriter {
  fileprivate let generator: Generator

  /// - Parameters:
  ///   - maximumTokens: At most so many tokens.
  ///   - stream: Gets the answer piece by piece, as its tokens come.
  @discardableResult
  public func answer(
    to question: String, maximumTokens: Int = 256, sampling: Sampling = .greedy, stream: (String) -> Void = { _ in }
  ) throws(ModelError) -> String {
    try generator.generate(.question(question), maximumTokens: maximumTokens, sampling: sampling) { piece in
      stream(piece)
      return true
    }.text
  }
}
