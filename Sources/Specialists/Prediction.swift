import Foundation
import Models

/// A specialist's answer to rows, in their order.
public struct Prediction: Sendable, Equatable {
  /// The label's values in order, class 0 first.
  public let classes: [String]
  /// `[rows, classes]`; each row sums to 1.
  public let probabilities: [Float]

  public var rowCount: Int { probabilities.count / classes.count }

  /// Asks a specialist about the rows of a `.csv` or `.jsonl` file.
  ///
  /// The rows need no label; the stored standardisation is applied to them.
  ///
  /// - Throws: `.model` with the line and the column of the first row that breaks the schema.
  public init(_ specialist: Specialist, rows path: String) throws(SpecialistError) {
    let checkpoint = specialist.checkpoint
    guard let parameters = checkpoint.parameters, let network = checkpoint.network else { throw .unfinished }
    let outputs: [Float]
    do {
      let examples = try PredictionRows.read(path, checkpoint: checkpoint)
      outputs = try Evaluation.probabilities(parameters, shape: network, on: examples)
    } catch { throw .model(error) }
    classes = checkpoint.schema.label.values
    probabilities = network.outputs == 1 ? outputs.flatMap { [1 - $0, $0] } : outputs
  }

  /// The probabilities of one row, in the order of `classes`.
  public subscript(row: Int) -> ArraySlice<Float> {
    probabilities[row * classes.count..<(row + 1) * classes.count]
  }

  /// Comma-separated: `row` from 1, then `probability_VALUE` for each class.
  public var csv: String {
    var text = (["row"] + classes.map { Self.field("probability_\($0)") }).joined(separator: ",") + "\n"
    for row in 0..<rowCount {
      text += (["\(row + 1)"] + self[row].map { "\($0)" }).joined(separator: ",") + "\n"
    }
    return text
  }

  /// Quoted where a reader would misunderstand it. Source: RFC 4180, section 2.
  private static func field(_ text: String) -> String {
    guard text.contains(where: { "\",\r\n".contains($0) || $0 == "\r\n" }) else { return text }
    return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }
}
