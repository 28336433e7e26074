import Schemas

/// Texts as a language model sees them: token ids, and what is to be answered. Made once, before training.
public struct LanguageExamples: Sendable, Equatable {
  /// What the examples teach; one of them for each example.
  public enum Answers: Sendable, Equatable {
    /// Nothing: the texts are to be predicted or embedded.
    case none
    /// The class of each text.
    case labels([Int32])
    /// The number of each text, in the unit of the task's range.
    case numbers([Double])
    /// The first token of the answer of each text; it ends with the text. Earlier tokens are read and not learned.
    case continuations([Int32])
  }

  /// Of all texts, one after the other.
  public private(set) var ids: [Int32] = []
  /// Where each text begins in `ids`, and at the end their number.
  public private(set) var starts: [Int] = [0]
  public private(set) var answers: Answers
  /// Texts that were longer than the plan's `maximumTokens` and lost their end.
  public private(set) var truncatedCount: Int

  /// - Parameter sequences: At least one token each.
  public init(_ sequences: [[Int32]], answers: Answers = .none, truncatedCount: Int = 0) {
    precondition(sequences.allSatisfy { !$0.isEmpty }, "a text has at least one token")
    let count: Int? =
      switch answers {
      case .none: nil
      case .labels(let labels): labels.count
      case .numbers(let numbers): numbers.count
      case .continuations(let starts): starts.count
      }
    precondition(count == nil || count == sequences.count, "there is one answer for each text")
    self.answers = answers
    self.truncatedCount = truncatedCount
    ids.reserveCapacity(sequences.reduce(0) { $0 + $1.count })
    starts.reserveCapacity(sequences.count + 1)
    for sequence in sequences {
      ids += sequence
      starts.append(ids.count)
    }
  }

  public var count: Int { starts.count - 1 }
  public var tokenCount: Int { ids.count }
  /// Tokens of the longest text.
  public var longest: Int { zip(starts, starts.dropFirst()).reduce(0) { max($0, $1.1 - $1.0) } }

  /// The first so many examples; nil when there are fewer.
  public func first(_ count: Int) -> LanguageExamples? {
    guard count <= self.count else { return nil }
    let sequences = (0..<count).map { Array(ids[tokens(of: $0)]) }
    let answers: Answers =
      switch answers {
      case .none: .none
      case .labels(let labels): .labels(Array(labels.prefix(count)))
      case .numbers(let numbers): .numbers(Array(numbers.prefix(count)))
      case .continuations(let starts): .continuations(Array(starts.prefix(count)))
      }
    return LanguageExamples(sequences, answers: answers)
  }

  func tokens(of row: Int) -> Range<Int> { starts[row]..<starts[row + 1] }

  /// How many losses the example contributes to the mean of its batch: one, or one for each token of its answer.
  func lossCount(of row: Int) -> Int {
    if case .continuations(let answers) = answers { tokens(of: row).count - Int(answers[row]) } else { 1 }
  }
}

extension LanguageExamples {
  /// Refuses what does not fit the model: examples and plan come from different files.
  func check(_ training: LanguageTraining, labelled: Bool) throws(ModelError) {
    let vocabulary = training.shape.vocabulary
    if let id = ids.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
      throw .wrongShape(what: "a token's id, counted from 1", expected: vocabulary, found: Int(id) + 1)
    }
    guard longest <= training.shape.positions else {
      throw .wrongShape(what: "tokens of the longest text", expected: training.shape.positions, found: longest)
    }
    guard labelled else { return }
    switch (training.task, answers) {
    case (.classification(let names), .labels(let labels)):
      if let label = labels.first(where: { $0 < 0 || Int($0) >= names.count }) {
        throw .wrongShape(what: "a label, counted from 1", expected: names.count, found: Int(label) + 1)
      }
    case (.regression, .numbers(let numbers)):
      let finite = numbers.count(where: \.isFinite)
      guard finite == numbers.count else {
        throw .wrongShape(what: "finite numbers to predict", expected: numbers.count, found: finite)
      }
    case (.generation, .continuations(let answers)):
      for row in 0..<count where !(1..<tokens(of: row).count).contains(Int(answers[row])) {
        throw .wrongShape(
          what: "the first token of an answer, which follows a prompt", expected: tokens(of: row).count - 1,
          found: Int(answers[row]))
      }
    default: throw .wrongShape(what: "answers of the kind that the task asks for", expected: count, found: 0)
    }
  }
}
