import Foundation
import Testing

extension EndToEnd {
  @Suite("From an empty directory to predictions", .serialized)
  struct WalkTests {
    @Test(
      "Operator, owners and user go the whole way, and the prediction is the one computed here", .timeLimit(.minutes(3))
    )
    func wholeWay() async throws {
      let deployment = try Deployment()
      try await deployment.startAll()
      let participants = try await deployment.participants()
      #expect(participants.keys.sorted() == SmallTable.owners)
      for (name, participant) in participants {
        #expect(participant.membership == "enrolled")
        #expect(participant.organisation == "\(name) hospital")
        #expect(participant.present)
      }

      let answer = try await deployment.operate("run", deployment.path("plan.yaml"))
      #expect(answer.status == 0, "\(answer.error)")
      let run = try answer.json(RunAnswer.self)
      #expect(run.isFinished)
      #expect(run.roundsClosed == SmallTable.roundsInAll)
      #expect(run.abandoned.isEmpty)
      // Four models before an update, and the final one, each measured on what the plan holds out.
      #expect(run.metrics.map(\.rows) == Array(repeating: SmallTable.heldOut, count: 4))
      #expect(run.metrics.map(\.survivors) == [4, 4, 4, 4])
      let first = try #require(run.metrics.first?.meanLoss)
      let last = try #require(run.metrics.last?.meanLoss)
      #expect(abs(first - log(2)) < 1e-3)  // the first model gives both classes the same probability
      #expect(last < first)

      let file = deployment.path("small.safetensors")
      #expect(try await deployment.operate("export", run.run, "--output", file).status == 0)
      let specialist = try ReadSpecialist(file)
      #expect(specialist.lineage["checkpoint"] as? String == run.model)
      #expect((specialist.lineage["closes"] as? [Any])?.count == SmallTable.roundsInAll)

      // The federated standardisation is the one of all training rows together.
      let training = SmallTable.owners.flatMap { SmallTable.rows(of: $0) }.filter { $0.fold != 0 }
      for (name, values) in [
        "age": training.map { Double($0.age) }, "pressure": training.compactMap { $0.pressure.map(Double.init) },
      ] {
        let mean = values.reduce(0, +) / Double(values.count)
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        let found = try #require(specialist.standardisation[name])
        #expect(abs(found.mean - mean) < 1e-5)
        #expect(abs(found.deviation - variance.squareRoot()) < 1e-5)
      }

      let inspected = try await deployment.tributary("inspect", file, "--json")
      #expect(inspected.status == 0)
      let inspection = try #require(
        try JSONSerialization.jsonObject(with: Data(inspected.output.utf8)) as? [String: Any])
      #expect(inspection["features"] as? [String] != nil)
      #expect(inspection["parameterCount"] as? Int == specialist.weight.count + 1)

      let predicted = try await deployment.tributary("predict", file, deployment.path("bay.csv"))
      #expect(predicted.status == 0, "\(predicted.error)")
      let lines = predicted.output.split(separator: "\n")
      #expect(lines.first == "row,probability_0,probability_1")
      let rows = SmallTable.rows(of: "bay")
      #expect(lines.count == rows.count + 1)
      for (row, line) in zip(rows, lines.dropFirst()) {
        let fields = line.split(separator: ",").compactMap { Double($0) }
        try #require(fields.count == 3)
        let expected = specialist.probability(of: row)
        #expect(abs(fields[2] - expected) < 1e-5)
        #expect(abs(fields[1] - (1 - expected)) < 1e-5)
      }

      // Every owner has the run's measures on its own rows, and only the owner.
      for owner in SmallTable.owners {
        let status = try await deployment.tributary("status", "--home", deployment.path(owner), "--json").json(
          NodeAnswer.self)
        #expect(status.runs.map(\.run) == [run.run])
        #expect(status.runs.map(\.finished) == [true])
      }
    }
  }
}

/// An exported logistic regression, read without any of our code: docs/specialist-format.md.
struct ReadSpecialist {
  var weight: [Double] = []
  var bias = 0.0
  var standardisation: [String: (mean: Double, deviation: Double)] = [:]
  var lineage: [String: Any] = [:]

  init(_ path: String) throws {
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let headerCount = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try #require(try Self.json(bytes[8..<8 + headerCount]) as? [String: Any])
    let metadata = try #require(header["__metadata__"] as? [String: String])
    #expect(metadata["tributary.format"] == "table/1")
    func tensor(_ name: String) throws -> [Double] {
      let entry = try #require(header[name] as? [String: Any])
      #expect(entry["dtype"] as? String == "F32")
      let range = try #require(entry["data_offsets"] as? [Int])
      return stride(from: 8 + headerCount + range[0], to: 8 + headerCount + range[1], by: 4).map { start in
        Double(Float(bitPattern: bytes[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }))
      }
    }
    weight = try tensor("layers.0.weight")
    bias = try #require(try tensor("layers.0.bias").first)
    let statistics = try #require(try Self.json(metadata["tributary.standardisation"]?.utf8) as? [String: Any])
    for column in try #require(statistics["columns"] as? [[String: Any]]) {
      standardisation[try #require(column["name"] as? String)] = (
        try #require(column["mean"] as? Double), try #require(column["deviation"] as? Double)
      )
    }
    lineage = try #require(try Self.json(metadata["tributary.lineage"]?.utf8) as? [String: Any])
  }

  private static func json(_ bytes: (some Sequence<UInt8>)?) throws -> Any {
    try JSONSerialization.jsonObject(with: Data(Array(try #require(bytes))))
  }

  /// The probability of class 1: logistic of the weighted features.
  func probability(of row: SmallTable.Row) -> Double {
    func standard(_ name: String, _ value: Int?) -> Double {
      guard let value, let column = standardisation[name] else { return 0 }
      return (Double(value) - column.mean) / column.deviation
    }
    let features =
      [standard("age", row.age), standard("pressure", row.pressure)]
      + SmallTable.pains.map { $0 == row.pain ? 1 : 0 }
    return 1 / (1 + exp(-(bias + zip(weight, features).reduce(0) { $0 + $1.0 * $1.1 })))
  }
}
