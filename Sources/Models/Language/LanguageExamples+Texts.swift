import Schemas
import Tokenizers

extension LanguageExamples {
  /// Texts of one kind of tokenizer, each cut to `maximumTokens`, its special tokens included.
  ///
  /// - Parameter answers: For each text; `.none` if they are to be predicted.
  /// - Throws: `.wrongShape` if a text has no token at all or the plan leaves no room for one.
  public init(
    texts: [String], answers: Answers = .none, tokenizer: Tokenizer, maximumTokens: Int
  ) throws(ModelError) {
    guard maximumTokens > tokenizer.addedSpecialTokens else {
      throw .wrongShape(
        what: "tokens of a text, the tokenizer's own included", expected: tokenizer.addedSpecialTokens + 1,
        found: maximumTokens)
    }
    var sequences: [[Int32]] = []
    sequences.reserveCapacity(texts.count)
    var truncated = 0
    for text in texts {
      let (ids, isTruncated) = tokenizer.encode(text, atMost: maximumTokens)
      guard !ids.isEmpty else { throw .wrongShape(what: "tokens of a text", expected: 1, found: 0) }
      sequences.append(ids)
      truncated += isTruncated ? 1 : 0
    }
    self.init(sequences, answers: answers, truncatedCount: truncated)
  }
}
