import Models
import Schemas
import Tensors
import Testing

@Suite("Evaluation")
struct EvaluationTests {
  @Test("Probabilities equal the network's definition, also over many passes", arguments: [1, 3, 1200])
  func probabilities(rows: Int) throws {
    for (hidden, outputs) in [([], 1), ([6], 1), ([5, 4], 3)] {
      let shape = NetworkShape(inputs: 4, hidden: hidden, activation: .gelu, outputs: outputs)
      let parameters = shape.livelyParameters(seed: 20)
      let examples = Examples.madeUp(rows: rows, shape: shape, seed: 21)
      let reference = ReferenceNetwork(shape: shape)
      let expected = (0..<rows).flatMap {
        reference.probabilities(parameters.values.map(Double.init), examples.row($0))
      }
      #expect(worstError(try Evaluation.probabilities(parameters, shape: shape, on: examples), expected) < 1e-6)
    }
  }

  @Test("A binary model's metrics count rows, right answers and scores per class")
  func binary() throws {
    let shape = NetworkShape(inputs: 1, hidden: [], activation: .relu, outputs: 1)
    let identity = Parameters(layout: shape.layout, values: [1, 0])
    // Logits 0, log 3, -log 3 and log 7 are probabilities 1/2, 3/4, 1/4 and 7/8: bins 32, 48, 16 and 56 of 64. Shifted
    // a little inside their bins, since a probability on a border may round to either side.
    let logits: [Float] = [0.01, 1.1, -1.09, 1.95]
    let examples = Examples(features: logits, labels: [1, 0, 0, 1], rowCount: 4, featureCount: 1)
    let metrics = try Evaluation.metrics(identity, shape: shape, on: examples)
    #expect(metrics.rows == 4 && metrics.correct == 3)
    // log 2, log 4, log 4/3 and log 8/7, up to the small shifts
    #expect(abs(metrics.lossSum - (0.6931 + 1.3863 + 0.2877 + 0.1335)) < 0.01)
    #expect(metrics.histogram[0][48] == 1 && metrics.histogram[0][16] == 1)
    #expect(metrics.histogram[1][32] == 1 && metrics.histogram[1][56] == 1)
    #expect(metrics.histogram.joined().reduce(0, +) == 4)
  }

  @Test("Of several classes the most probable one counts, the first of equals")
  func classes() throws {
    let shape = NetworkShape(inputs: 1, hidden: [], activation: .relu, outputs: 3)
    let parameters = Parameters(layout: shape.layout, values: [1, 0, -1, 0, 0, 0])
    // x > 0 says class 0, x < 0 says class 2, and 0 leaves all equal.
    let examples = Examples(features: [2, -2, 0, 0], labels: [0, 1, 0, 2], rowCount: 4, featureCount: 1)
    let metrics = try Evaluation.metrics(parameters, shape: shape, on: examples)
    #expect(metrics.rows == 4 && metrics.correct == 2 && metrics.classRows == [2, 1, 1])
    #expect(metrics.histogram.isEmpty)
  }

  @Test("No rows give empty metrics, and labels are needed for metrics only")
  func edges() throws {
    let shape = NetworkShape(inputs: 2, hidden: [3], activation: .relu, outputs: 1)
    let parameters = shape.initialParameters(seed: 3)
    let none = Examples(features: [], labels: [], rowCount: 0, featureCount: 2)
    #expect(try Evaluation.metrics(parameters, shape: shape, on: none) == MetricLanes(classes: 2))
    #expect(try Evaluation.probabilities(parameters, shape: shape, on: none) == [])
    let unlabelled = Examples(features: [1, 2], labels: [], rowCount: 1, featureCount: 2)
    // The last layer starts at zero, so the first model is undecided.
    #expect(try Evaluation.probabilities(parameters, shape: shape, on: unlabelled) == [0.5])
    #expect(throws: ModelError.wrongShape(what: "labels", expected: 1, found: 0)) {
      try Evaluation.metrics(parameters, shape: shape, on: unlabelled)
    }
  }
}
