import ArgumentParser
import Specialists

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Write a specialist's probabilities for rows that it has not seen.",
    discussion: """
      The rows stand in a .csv or .jsonl file with the specialist's columns; a label is not needed. The stored standardisation
      is applied, and a row that breaks the schema is refused with its line and column.
      """)

  @Argument(help: "A specialist that `tributary export` wrote.")
  var file: String
  @Argument(help: "The rows.")
  var rows: String
  @Option(help: "Where to write the probabilities, as CSV; standard output when it is not given.")
  var output: String?
  @OptionGroup var options: OutputOptions

  struct Written: Encodable {
    let file: String
    let rows: Int
  }

  struct Predicted: Encodable {
    let classes: [String]
    let probabilities: [[Float]]
  }

  func run() throws {
    let prediction = try Prediction(Specialist(path: file), rows: rows)
    if let output {
      try TextFile.write(Array(prediction.csv.utf8), to: output)
      return try options.output.print(Written(file: output, rows: prediction.rowCount)) {
        "wrote \($0.rows) predictions to \($0.file)"
      }
    }
    let predicted = Predicted(
      classes: prediction.classes, probabilities: (0..<prediction.rowCount).map { Array(prediction[$0]) })
    try options.output.print(predicted) { _ in String(prediction.csv.dropLast()) }
  }
}
