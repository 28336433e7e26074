import ArgumentParser
import Schemas
import Specialists

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Measure a specialist on rows that hold the right answers.",
    discussion: "Accuracy and AUC of labels, the error of scores, the perplexity of answers. Nothing is sent.")

  @Argument(help: "A specialist that `tributary export` or `tributary train` wrote.")
  var file: String
  @Argument(help: "The rows.")
  var rows: String
  @Option(help: "Only the rows of this fold; all rows when it is not given.")
  var fold: Int?
  @OptionGroup var base: BaseOptions
  @OptionGroup var options: OutputOptions

  func run() throws {
    let specialist = try Specialist(path: file).ready(bases: base.paths, threads: base.threads)
    let measured = Measured(try specialist.measure(rows: rows, fold: fold))
    try options.output.print(measured) { $0.text }
  }
}

/// Metrics as `evaluate` and `train` print them.
struct Measured: Encodable {
  var rows: Int
  /// Of answers.
  var tokens: Int?
  var accuracy: Double?
  var auc: Double?
  /// Nats a row or a token of the answer; of scores the mean squared error, in half widths of the range.
  var loss: Double?
  var perplexity: Double?

  init(_ metrics: MetricLanes) {
    rows = metrics.rows
    tokens = metrics.measures == .tokens ? metrics.tokens : nil
    accuracy = metrics.accuracy
    auc = metrics.auc?.value
    loss = metrics.meanLoss
    perplexity = metrics.perplexity
  }

  var text: String {
    let measures: [(String, Double?)] = [
      ("accuracy", accuracy), ("AUC", auc), ("perplexity", perplexity), ("loss", loss),
    ]
    return measures.compactMap { name, value in value.map { "\(name) \(RunText.number($0, 4))" } }
      .joined(separator: ", ") + " over \(rows) rows" + (tokens.map { " and \($0) tokens" } ?? "")
  }
}
