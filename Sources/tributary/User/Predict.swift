import ArgumentParser
import Specialists

struct Predict: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Write a specialist's answers for rows that it has not seen.",
    discussion: """
      The rows stand in a .csv or .jsonl file with the specialist's columns; a label is not needed. A table's stored
      standardisation is applied, and a row that breaks the schema is refused with its line and column. A specialist of a
      language model needs your own copy of its base model.
      """)

  @Argument(help: "A specialist that `tributary export` wrote.")
  var file: String
  @Argument(help: "The rows.")
  var rows: String
  @Option(help: "Where to write the answers, as CSV; standard output when it is not given.")
  var output: String?
  @OptionGroup var base: BaseOptions
  @OptionGroup var options: OutputOptions

  struct Written: Encodable {
    let file: String
    let rows: Int
  }

  /// The members that the kind of answer has.
  struct Predicted: Encodable {
    var classes: [String]?
    var probabilities: [[Float]]?
    var name: String?
    var numbers: [Float]?
    var texts: [String]?

    init(_ prediction: Prediction) {
      switch prediction.answers {
      case .labels(let classes, _):
        self.classes = classes
        probabilities = (0..<prediction.rowCount).map { Array(prediction[$0]) }
      case .numbers(let name, let values):
        self.name = name
        numbers = values
      case .texts(let name, let values):
        self.name = name
        texts = values
      }
    }
  }

  func run() throws {
    let specialist = try Specialist(path: file).ready(bases: base.paths, threads: base.threads)
    let prediction = try Prediction(specialist, rows: rows)
    if let output {
      try TextFile.write(Array(prediction.csv.utf8), to: output)
      return try options.output.print(Written(file: output, rows: prediction.rowCount)) {
        "wrote \($0.rows) predictions to \($0.file)"
      }
    }
    try options.output.print(Predicted(prediction)) { _ in String(prediction.csv.dropLast()) }
  }
}
