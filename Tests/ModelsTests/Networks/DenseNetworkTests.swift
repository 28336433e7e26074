import Kernels
import Schemas
import Tensors
import Testing

@testable import Models

@Suite("Dense networks")
struct DenseNetworkTests {
  static let shapes = [
    NetworkShape(inputs: 1, hidden: [], activation: .relu, outputs: 1),
    NetworkShape(inputs: 9, hidden: [], activation: .relu, outputs: 1),
    NetworkShape(inputs: 5, hidden: [], activation: .relu, outputs: 4),
    NetworkShape(inputs: 6, hidden: [5], activation: .relu, outputs: 1),
    NetworkShape(inputs: 4, hidden: [7, 3], activation: .gelu, outputs: 3),
    NetworkShape(inputs: 3, hidden: [17, 9, 4], activation: .gelu, outputs: 1),
    NetworkShape(inputs: 2, hidden: [1, 33], activation: .relu, outputs: 5),
  ]

  @Test("The whole network's gradient equals finite differences, at every level", arguments: KernelLevel.available)
  func gradient(level: KernelLevel) {
    for shape in Self.shapes {
      for rowCount in [1, 2, 13] {
        let examples = Examples.madeUp(rows: rowCount, shape: shape, seed: UInt64(rowCount))
        let parameters = shape.livelyParameters(seed: 5)
        var network = DenseNetwork(
          parameters, shape: shape, capacity: rowCount, training: true, on: .at(level: level))
        let loss = examples.withRows(0..<rowCount) { features, labels in
          network.forward(features, rows: rowCount)
          let loss = network.losses(labels).reduce(0) { $0 + Double($1) }
          network.backward(features, labels, scale: 1 / Float(rowCount), accumulate: false)
          return loss / Double(rowCount)
        }
        let reference = ReferenceNetwork(shape: shape)
        let start = parameters.values.map(Double.init)
        #expect(worstError([Float(loss)], [reference.loss(start, examples, rows: Array(0..<rowCount))]) < 2e-6)
        let expected = reference.gradient(start, examples, rows: Array(0..<rowCount))
        #expect(worstError(network.gradientValues, expected) < 1e-5, "\(shape.widths) \(rowCount)")
      }
    }
  }

  @Test("A batch in pieces has the gradient of the whole batch")
  func pieces() {
    let shape = Self.shapes[4]
    let examples = Examples.madeUp(rows: 11, shape: shape, seed: 3)
    let parameters = shape.livelyParameters(seed: 6)
    func gradient(capacity: Int) -> [Float] {
      var network = DenseNetwork(parameters, shape: shape, capacity: capacity, training: true)
      for start in stride(from: 0, to: 11, by: capacity) {
        examples.withRows(start..<min(start + capacity, 11)) { features, labels in
          network.forward(features, rows: labels.count)
          _ = network.losses(labels)
          network.backward(features, labels, scale: 1 / 11, accumulate: start > 0)
        }
      }
      return network.gradientValues
    }
    #expect(worstError(gradient(capacity: 4), gradient(capacity: 11).map(Double.init)) < 1e-6)
  }
}

extension DenseNetwork {
  fileprivate var gradientValues: [Float] { Array(gradient) }
}
