import Foundation
import Models
import Testing

@testable import Specialists

@Suite("Prediction")
struct PredictionTests {
  private func predict(_ rows: String, named name: String = "rows.csv", labels: [String] = ["no", "yes"]) throws
    -> Prediction
  {
    let file = try TemporaryFile(rows, named: name)
    let specialist = try Specialist(exporting: .table(Fixture.checkpoint(labels: labels)), lineage: Fixture.lineage)
    return try Prediction(specialist, rows: file.path)
  }

  private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  @Test("Probabilities are those of the format's formulas, worked out by hand, in the order of the rows")
  func byHand() throws {
    let prediction = try predict("sex,age\nf,70\nm,40\n,50\nf,-1\nm,\n")
    // 0.5·(age − 50)/10 − [sex = f] + 2·[sex = m] + 0.25; a missing value adds nothing.
    let expected = [0.25, 1.75, 0.25, -0.75, 2.25].map(sigmoid)
    #expect(prediction.rowCount == 5)
    for (row, expected) in expected.enumerated() {
      #expect(abs(Double(prediction[row].last!) - expected) < 1e-6)
      #expect(abs(prediction[row].reduce(0, +) - 1) < 1e-6)
    }
  }

  @Test("The file has a header with the label's values and one numbered record for each row")
  func csv() throws {
    let lines = try predict("age,sex\n50,\n").csv.split(separator: "\n").map(String.init)
    #expect(lines.count == 2)
    #expect(lines[0] == "row,probability_no,probability_yes")
    let fields = lines[1].split(separator: ",").map { Double($0) }
    #expect(fields[0] == 1)
    #expect(abs((fields[2] ?? 0) - sigmoid(0.25)) < 1e-6)
  }

  @Test("Several classes get a column each, and names are quoted where a reader needs it")
  func classes() throws {
    let prediction = try predict("age,sex\n50,f\n", labels: ["a,b", "c\"d", "e"])
    // All parameters are zero: every class has the same probability.
    for value in prediction[0] { #expect(abs(value - 1.0 / 3) < 1e-6) }
    #expect(prediction.csv.hasPrefix(#"row,"probability_a,b","probability_c""d",probability_e"# + "\n"))
  }

  @Test("Label, fold, ignored and dropped columns may stand in the rows, and JSONL does as well")
  func otherColumns() throws {
    let csv = try predict("id,age,sex,rare,fold,sick\n7,70,m,0.5,1,yes\n")
    let jsonl = try predict(#"{"age": 70, "sex": "m", "id": 7}"# + "\n", named: "rows.jsonl")
    #expect(csv == jsonl)
    #expect(abs(Double(csv[0].last!) - sigmoid(3.25)) < 1e-6)
  }

  @Test("Rows that break the schema are refused with line and column, and never with the value")
  func refusals() throws {
    func expectRefusal(_ rows: String, _ description: String) {
      #expect {
        try predict(rows)
      } throws: { error in
        "\(error)".hasPrefix(description) && !"\(error)".contains("secret")
      }
    }
    expectRefusal("age,sex\n50,f\n101,f\n", #"rows.csv:3: column "age": a number outside"#)
    expectRefusal("age,sex\nsecret,f\n", #"rows.csv:2: column "age": not a number"#)
    expectRefusal("age,sex\n50,secret\n", #"rows.csv:2: column "sex": not one of"#)
    expectRefusal("age,sex\n50\n", "rows.csv:2: 1 fields, but the header has 2")
    expectRefusal("age\n50\n", #"rows.csv:1: column "sex" of the schema is missing"#)
    expectRefusal("age,sex,hight\n50,f,1\n", #"rows.csv:1: column "hight" is not in the schema"#)
  }
}
