import ArgumentParser
import Models
import Specialists

struct Ask: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ask",
    abstract: "Ask a specialist of a language model about one text.",
    discussion: """
      A classifier answers with the probability of each label, a score with its number, and a generator writes its answer as
      it comes. Without a text, each line of the standard input is one.
      """)

  @Argument(help: "A specialist that `tributary export` wrote.")
  var file: String
  @Argument(help: "The text, or the question.")
  var text: String?
  @Option(help: "Of a generator: at most so many tokens.")
  var maximumTokens = 256
  @Option(help: "Of a generator: 0 always takes the most probable token, more gives more variety.")
  var temperature = 0.0
  @Option(help: "Of a generator: draws from so many of the most probable tokens.")
  var topK: Int?
  @Option(help: "Of a generator: draws from the most probable tokens that together reach this probability.")
  var topP = 1.0
  @Option(help: "Of a generator: the same seed gives the same answer.")
  var seed: UInt64 = 0
  @OptionGroup var base: BaseOptions
  @OptionGroup var options: OutputOptions

  struct Answer: Encodable {
    var label: String?
    /// By label.
    var probabilities: [String: Float]?
    var number: Float?
    var text: String?
  }

  func run() throws {
    let specialist = try Specialist(path: file).ready(bases: base.paths, threads: base.threads)
    guard case .language(let language) = specialist else { throw SpecialistError.answersNoText }
    let writer: AnswerWriter? = if case .answer = language.schema.target { try language.writer() } else { nil }
    if let text { return try answer(text, language, writer) }
    while let line = readLine() {
      if !line.isEmpty { try answer(line, language, writer) }
    }
  }

  private func answer(_ text: String, _ language: LanguageSpecialist, _ writer: AnswerWriter?) throws {
    if let writer { return try write(text, writer) }
    switch try language.answers(to: [text]) {
    case .labels(let classes, let probabilities):
      let ranked = zip(classes, probabilities).sorted { $0.1 > $1.1 }
      let answer = Answer(label: ranked.first?.0, probabilities: Dictionary(ranked) { first, _ in first })
      try options.output.printLine(answer) { _ in
        ranked.map { "\(RunText.number(Double($0.1), 3))  \($0.0)" }.joined(separator: "\n")
      }
    case .numbers(_, let values): try options.output.printLine(Answer(number: values.first)) { "\($0.number ?? 0)" }
    case .texts(_, let values): try options.output.printLine(Answer(text: values.first)) { $0.text ?? "" }
    }
  }

  /// Piece by piece, as the tokens come.
  private func write(_ text: String, _ writer: AnswerWriter) throws {
    let sampling = Sampling(temperature: temperature, topK: topK, topP: topP, seed: seed)
    let whole = try writer.answer(to: text, maximumTokens: maximumTokens, sampling: sampling) { piece in
      if !options.output.json { Output.piece(piece) }
    }
    try options.output.printLine(Answer(text: whole)) { _ in "" }
    if !options.output.json { Output.piece("\n") }
  }
}
