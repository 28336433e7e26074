public import Schemas
import Tokenizers

/// Turns texts into what a language model reads: for an encoder the text between the tokenizer's special tokens, for a
/// decoder a question as `ChatPrompt` asks it.
public struct TextEncoder: Sendable {
  let tokenizer: Tokenizer
  /// Of decoders.
  private let chat: ChatPrompt?
  private let limit: Int

  /// - Throws: For a base whose tokenizer or chat template cannot be read or is not supported, and when the special tokens
  ///   of a text leave no room for it.
  public init(_ base: BaseModel, training: LanguageTraining) throws(ModelError) {
    tokenizer = try base.tokenizer()
    chat = training.shape.family == .decoder ? try ChatPrompt(base) : nil
    limit = training.maximumTokens
    guard limit > tokenizer.addedSpecialTokens else {
      throw .schema(
        .invalid(
          path: "model.maximumTokens",
          problem: "expected more than the \(tokenizer.addedSpecialTokens) special tokens of a text, found \(limit)",
          hint: nil))
    }
  }

  /// The ids of a text that is to be classified or valued.
  ///
  /// - Returns: Its ids, cut to the plan's `maximumTokens`, and whether it was longer.
  public func ids(of text: String) -> (ids: [Int32], isTruncated: Bool) {
    let (ids, isTruncated) = tokenizer.encode(text, atMost: limit)
    // A text of which the tokenizer leaves nothing is one unknown token.
    return (ids.isEmpty ? [tokenizer.specials.unknown ?? 0] : ids, isTruncated)
  }

  /// The ids of a question and its answer, up to the token that ends it; nil when the question leaves no room for one.
  func conversation(
    _ question: String, _ answer: String
  ) throws(ModelError) -> (ids: [Int32], answerStart: Int32, isTruncated: Bool)? {
    guard let chat else { preconditionFailure("an encoder answers nothing: the plan was checked") }
    let before = chat.tokens(try chat.text(question))
    let after = tokenizer.encode(answer, addSpecialTokens: false) + (chat.endOfTurn.map { [$0] } ?? [])
    guard !before.isEmpty, !after.isEmpty, before.count < limit else { return nil }
    return (Array((before + after).prefix(limit)), Int32(before.count), before.count + after.count > limit)
  }
}

/// A participant's rows as a language model sees them. Made once, before training.
public struct EncodedTexts: Sendable {
  public let training: LanguageExamples
  public let heldOut: LanguageExamples
  /// The rows' report, with their tokens, and with those dropped that are too long.
  public let report: RowReport

  public init(_ rows: TextRows, by encoder: TextEncoder) throws(ModelError) {
    var report = rows.report
    var tokens = RowReport.Tokens()
    training = try Self.examples(rows.training, rows.schema.target, encoder, &report, &tokens)
    heldOut = try Self.examples(rows.heldOut, rows.schema.target, encoder, &report, &tokens)
    tokens.training = training.tokenCount
    tokens.heldOut = heldOut.tokenCount
    tokens.longest = max(training.longest, heldOut.longest)
    report.trainingRows = training.count
    report.heldOutRows = heldOut.count
    report.tokens = tokens
    self.report = report
  }

  private static func examples(
    _ rows: [TextRow], _ target: TextSchema.Target, _ encoder: TextEncoder, _ report: inout RowReport,
    _ tokens: inout RowReport.Tokens
  ) throws(ModelError) -> LanguageExamples {
    var sequences: [[Int32]] = []
    var labels: [Int32] = []
    var numbers: [Double] = []
    var answers: [Int32] = []
    var truncated = 0
    for row in rows {
      let ids: [Int32]
      let isTruncated: Bool
      switch row.answer {
      case .label(let label):
        (ids, isTruncated) = encoder.ids(of: row.text)
        labels.append(label)
      case .number(let number):
        (ids, isTruncated) = encoder.ids(of: row.text)
        numbers.append(number)
      case .text(let answer):
        guard let encoded = try encoder.conversation(row.text, answer) else {
          report.drop(.textTooLong, line: row.line)
          continue
        }
        (ids, isTruncated) = (encoded.ids, encoded.isTruncated)
        answers.append(encoded.answerStart)
      }
      sequences.append(ids)
      if isTruncated {
        tokens.truncated.add(line: row.line)
        truncated += 1
      }
    }
    let kind: LanguageExamples.Answers =
      switch target {
      case .label: .labels(labels)
      case .score: .numbers(numbers)
      case .answer: .continuations(answers)
      }
    return LanguageExamples(sequences, answers: kind, truncatedCount: truncated)
  }
}
