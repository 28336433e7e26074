import Schemas
import Tokenizers

/// How a decoder is asked a question, in training and afterwards: the user's turn alone in the model's own chat template,
/// without the system turn that some templates put before it, up to where the answer begins.
///
/// A model without a template gets the question as it is.
public struct ChatPrompt: Sendable {
  private let template: ChatTemplate?
  private let tokenizer: Tokenizer
  private let file: String
  /// What ends an answer: the end of a turn, or of a text.
  public let endOfTurn: Int32?

  public init(_ base: BaseModel) throws(ModelError) {
    try self.init(template: base.chatTemplate(), tokenizer: base.tokenizer(), file: base.path)
  }

  /// - Parameter file: For errors.
  init(template: ChatTemplate?, tokenizer: Tokenizer, file: String) throws(ModelError) {
    self.template = template
    self.tokenizer = tokenizer
    self.file = file
    var end = tokenizer.specials.end
    if let template {
      // What the template writes behind an answer begins with the token that ends a turn.
      let messages = Self.system + [.init(role: "user", content: "q"), .init(role: "assistant", content: "a")]
      let before = try Self.render(template, Array(messages.dropLast()), asking: true, file) + "a"
      let whole = try Self.render(template, messages, asking: false, file)
      if whole.hasPrefix(before) {
        let behind = String(whole.dropFirst(before.count))
        end = tokenizer.encode(behind, addSpecialTokens: false).first ?? end
      }
    }
    endOfTurn = end
  }

  /// Stands where a template would otherwise put a system turn of its own, and is then taken away.
  private static let system = [ChatTemplate.Message(role: "system", content: "s")]

  private static func render(
    _ template: ChatTemplate, _ messages: [ChatTemplate.Message], asking: Bool, _ file: String
  ) throws(ModelError) -> String {
    do { return try template.render(messages, addGenerationPrompt: asking) } catch {
      throw .tokenizer(file: file, error)
    }
  }

  public func text(_ question: String) throws(ModelError) -> String {
    guard let template else { return question }
    let turn = [ChatTemplate.Message(role: "user", content: question)]
    let opening = try Self.render(template, Self.system, asking: false, file)
    let whole = try Self.render(template, Self.system + turn, asking: true, file)
    guard whole.hasPrefix(opening) else { return try Self.render(template, turn, asking: true, file) }
    return String(whole.dropFirst(opening.count))
  }

  /// A whole conversation by the template, which is needed then, up to where the next answer begins.
  public func text(_ messages: [ChatTemplate.Message]) throws(ModelError) -> String {
    guard let template else { throw .unsupportedModel(file: file, what: "a conversation: it has no chat template") }
    return try Self.render(template, messages, asking: true, file)
  }

  public func tokens(_ text: String) -> [Int32] { tokenizer.encode(text) }
}

extension LanguageExamples {
  /// Questions with the answers to learn, by the model's chat template; the loss is that of the answer and the end of its
  /// turn.
  ///
  /// What is longer than `maximumTokens` loses its end and is counted as truncated; a question that leaves no room for any
  /// of its answer is left out.
  ///
  /// - Returns: The examples, and how many were left out.
  public static func answers(
    _ pairs: [(question: String, answer: String)], prompt: ChatPrompt, tokenizer: Tokenizer, maximumTokens: Int
  ) throws(ModelError) -> (examples: LanguageExamples, dropped: Int) {
    var sequences: [[Int32]] = []
    var starts: [Int32] = []
    var truncated = 0
    for pair in pairs {
      let question = prompt.tokens(try prompt.text(pair.question))
      let answer = tokenizer.encode(pair.answer, addSpecialTokens: false) + (prompt.endOfTurn.map { [$0] } ?? [])
      guard !question.isEmpty, !answer.isEmpty, question.count < maximumTokens else { continue }
      let whole = question + answer
      sequences.append(Array(whole.prefix(maximumTokens)))
      starts.append(Int32(question.count))
      truncated += whole.count > maximumTokens ? 1 : 0
    }
    let examples = LanguageExamples(sequences, answers: .continuations(starts), truncatedCount: truncated)
    return (examples, pairs.count - sequences.count)
  }

  /// A text whose tokens are all to be predicted but the first.
  public static func text(_ text: String, tokenizer: Tokenizer) throws(ModelError) -> LanguageExamples {
    let tokens = tokenizer.encode(text)
    guard tokens.count >= 2 else {
      throw .wrongShape(what: "tokens of a text to judge", expected: 2, found: tokens.count)
    }
    return LanguageExamples([tokens], answers: .continuations([1]))
  }
}
