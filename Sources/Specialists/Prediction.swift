import Foundation
import Models
import Schemas

/// A specialist's answers to rows, in their order.
public struct Prediction: Sendable, Equatable {
  public enum Answers: Sendable, Equatable {
    /// The label's values in order, class 0 first, and `[rows, classes]`; each row sums to 1.
    case labels(classes: [String], probabilities: [Float])
    case numbers(name: String, values: [Float])
    case texts(name: String, values: [String])
  }

  public let answers: Answers

  public var rowCount: Int {
    switch answers {
    case .labels(let classes, let probabilities): probabilities.count / classes.count
    case .numbers(_, let values): values.count
    case .texts(_, let values): values.count
    }
  }

  /// Asks a specialist about the rows of a `.csv` or `.jsonl` file.
  ///
  /// The rows need no label; a table's stored standardisation is applied to them.
  ///
  /// - Throws: `.model` with the line and the column of the first row that breaks the schema.
  public init(_ specialist: Specialist, rows path: String) throws(SpecialistError) {
    try self.init(specialist.ready(), rows: path)
  }

  public init(_ specialist: ReadySpecialist, rows path: String) throws(SpecialistError) {
    do {
      switch specialist {
      case .table(let table): answers = try Self.answers(table, path)
      case .language(let language):
        answers = try language.answers(to: TextPredictionRows.read(path, schema: language.schema))
      }
    } catch let error as SpecialistError { throw error } catch let error as ModelError { throw .model(error) } catch {
      preconditionFailure("models and specialists throw their own errors: \(error)")
    }
  }

  private static func answers(_ table: TableCheckpoint, _ path: String) throws -> Answers {
    guard let parameters = table.parameters, let network = table.network else { throw SpecialistError.unfinished }
    let examples = try PredictionRows.read(path, checkpoint: table)
    let outputs = try Evaluation.probabilities(parameters, shape: network, on: examples)
    return .labels(
      classes: table.schema.label.values,
      probabilities: network.outputs == 1 ? outputs.flatMap { [1 - $0, $0] } : outputs)
  }

  /// The probabilities of one row, in the order of the classes; empty where no label is predicted.
  public subscript(row: Int) -> ArraySlice<Float> {
    guard case .labels(let classes, let probabilities) = answers else { return [] }
    return probabilities[row * classes.count..<(row + 1) * classes.count]
  }

  /// Comma-separated: `row` from 1, then `probability_VALUE` for each class, or the number or the text under its name.
  public var csv: String {
    let header: [String]
    let record: (Int) -> [String]
    switch answers {
    case .labels(let classes, _):
      header = classes.map { "probability_\($0)" }
      record = { self[$0].map { "\($0)" } }
    case .numbers(let name, let values):
      header = [name]
      record = { ["\(values[$0])"] }
    case .texts(let name, let values):
      header = [name]
      record = { [Self.field(values[$0])] }
    }
    var text = (["row"] + header.map(Self.field)).joined(separator: ",") + "\n"
    for row in 0..<rowCount { text += (["\(row + 1)"] + record(row)).joined(separator: ",") + "\n" }
    return text
  }

  /// Quoted where a reader would misunderstand it. Source: RFC 4180, section 2.
  private static func field(_ text: String) -> String {
    guard text.contains(where: { "\",\r\n".contains($0) || $0 == "\r\n" }) else { return text }
    return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }
}
