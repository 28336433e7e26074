import Foundation
import Schemas
import Tensors

@testable import Specialists

/// A logistic regression on one number and one category of two values, small enough to work out by hand.
enum Fixture {
  static let plan = "sha256:" + String(repeating: "ab", count: 32)

  static let schema = TableSchema(
    columns: [
      .init(name: "age", kind: .number(range: 0...100, missing: [-1])),
      .init(name: "sex", kind: .category(values: ["f", "m"], missing: [])),
      .init(name: "rare", kind: .number(range: 0...1, missing: [])),
    ],
    label: .init(name: "sick", values: ["no", "yes"]), fold: "fold", ignore: ["id"])

  /// Mean 50 and deviation 10 of age; `rare` is dropped, since only one participant has values.
  static func checkpoint(weights: [Float] = [0.5, -1, 2], bias: Float = 0.25, labels: [String] = ["no", "yes"])
    -> TableCheckpoint
  {
    var schema = schema
    schema.label.values = labels
    var checkpoint = TableCheckpoint.genesis(planDigest: plan, schema: schema)
    let counts = ColumnCounts(present: [100, 100, 5], contributors: [4, 4, 1])
    checkpoint.counts = counts
    checkpoint.kept = KeptColumns(schema, counts: counts, minimumContributors: 3)
    checkpoint.standardisation = Standardisation(columns: [.init(name: "age", mean: 50, deviation: 10)])
    let network = NetworkShape(inputs: 3, hidden: [], activation: .relu, classes: labels.count)
    checkpoint.network = network
    var parameters = Parameters(layout: network.layout)
    if labels.count == 2 { parameters.values = weights + [bias] }
    checkpoint.parameters = parameters
    return checkpoint
  }

  static let lineage = Lineage(
    run: "hospitals-1", name: "hospitals", plan: plan, checkpoint: "sha256:" + String(repeating: "cd", count: 32),
    rounds: 30, closes: [.init(round: 1, kind: "counts", digest: "sha256:" + String(repeating: "ef", count: 32))],
    coordinator: "SHA256:key", participants: 4)
}

/// A file for one test, removed with it.
final class TemporaryFile: Sendable {
  let path: String

  init(_ content: String = "", named name: String) throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "tributary-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    path = directory.appending(path: name).path
    try Data(content.utf8).write(to: URL(fileURLWithPath: path))
  }

  deinit { try? FileManager.default.removeItem(at: URL(fileURLWithPath: path).deletingLastPathComponent()) }
}
