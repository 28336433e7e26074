import Kernels
import Schemas
import Tensors

/// What a model says about rows, and how right it is.
public enum Evaluation {
  /// For a binary label the probability of class 1 `[rows]`; else that of each class `[rows, classes]`.
  ///
  /// - Throws: `.wrongShape` if the parameters or the features do not fit the network. Labels are not read.
  public static func probabilities(
    _ parameters: Parameters, shape: NetworkShape, on examples: Examples
  ) throws(ModelError) -> [Float] {
    try examples.check(parameters, shape, labelled: false)
    var result: [Float] = []
    result.reserveCapacity(examples.rowCount * shape.outputs)
    examples.forEachPass(parameters, shape) { network, rows, _ in
      result.append(contentsOf: network.predictions(rows: rows))
    }
    return result
  }

  /// Rows, summed loss, correct predictions and the score histograms of labelled rows; all zero for no rows.
  ///
  /// A prediction is the most probable class: class 1 of a binary label from a probability of one half, the first of
  /// equally probable classes.
  public static func metrics(
    _ parameters: Parameters, shape: NetworkShape, on examples: Examples
  ) throws(ModelError) -> MetricLanes {
    try examples.check(parameters, shape, labelled: true)
    var metrics = MetricLanes(classes: shape.classCount)
    examples.forEachPass(parameters, shape) { network, rows, labels in
      let losses = network.losses(labels)
      let p = network.predictions(rows: rows)
      for i in 0..<rows {
        let row = p[i * shape.outputs..<(i + 1) * shape.outputs]
        let label = Int(labels[i])
        metrics.record(
          label: label, score: Double(row.first!), loss: Double(losses[i]), correct: predictedClass(row) == label)
      }
    }
    return metrics
  }

  /// - Parameter row: One probability, of class 1, or one of each class.
  private static func predictedClass(_ row: Slice<UnsafeBufferPointer<Float>>) -> Int {
    guard row.count > 1 else { return row.first! >= 0.5 ? 1 : 0 }
    var best = row.startIndex
    for j in row.indices where row[j] > row[best] { best = j }
    return best - row.startIndex
  }
}

extension Examples {
  /// Runs the network forward over all rows, some at a time.
  fileprivate func forEachPass(
    _ parameters: Parameters, _ shape: NetworkShape,
    _ body: (borrowing DenseNetwork, _ rows: Int, _ labels: UnsafeBufferPointer<Int32>) -> Void
  ) {
    guard rowCount > 0 else { return }
    var network = DenseNetwork(
      parameters, shape: shape, capacity: min(rowCount, LocalTraining.passRows(shape)), training: false)
    for start in stride(from: 0, to: rowCount, by: network.capacity) {
      let rows = start..<min(start + network.capacity, rowCount)
      withRows(rows) { features, labels in
        network.forward(features, rows: rows.count)
        body(network, rows.count, labels)
      }
    }
  }
}
