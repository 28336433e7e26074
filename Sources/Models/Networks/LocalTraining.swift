import Kernels
import Schemas
import Tensors

/// What a participant does with a model in a round: a few passes of gradient descent over its own rows.
public enum LocalTraining {
  /// Rows per pass; a larger batch is walked in pieces, the smaller the wider the network, so that the activations of a
  /// pass stay within some hundred megabytes.
  static func passRows(_ shape: NetworkShape) -> Int {
    max(16, min(512, (1 << 24) / shape.widths.reduce(0, +)))
  }

  /// Trains a copy of the parameters and returns it.
  ///
  /// Each step follows the gradient of the batch's mean cross-entropy, the last batch of an epoch being what is left
  /// over. With mini-batches the rows are shuffled for each epoch; in one full batch they keep their order. On one kernel
  /// level the same arguments give the same bytes.
  ///
  /// - Parameters:
  ///   - seed: Decides the order of the rows; any length.
  ///   - progress: Called with the fraction done, at most a hundred times.
  /// - Throws: `.diverged` if the loss or a parameter leaves the finite numbers: a broken model must not be sent.
  public static func train(
    _ parameters: Parameters, shape: NetworkShape, on examples: Examples, recipe: TrainingRecipe, seed: [UInt8],
    progress: ((Double) -> Void)? = nil
  ) throws(ModelError) -> Parameters {
    try train(parameters, shape: shape, on: examples, recipe: recipe, seed: seed, kernels: .best, progress: progress)
  }

  static func train(
    _ parameters: Parameters, shape: NetworkShape, on examples: Examples, recipe: TrainingRecipe, seed: [UInt8],
    kernels: KernelTable, progress: ((Double) -> Void)? = nil
  ) throws(ModelError) -> Parameters {
    do { try recipe.validate() } catch { throw .schema(error) }
    try examples.check(parameters, shape, labelled: true)
    guard examples.rowCount > 0 else { throw .noRows }

    let rowCount = examples.rowCount
    let full = recipe.batchSize == 0 || recipe.batchSize >= rowCount
    let batchRows = full ? rowCount : recipe.batchSize
    var network = DenseNetwork(
      parameters, shape: shape, capacity: min(batchRows, passRows(shape)), training: true, on: kernels)
    var optimizer = OptimizerState(recipe, parameterCount: parameters.values.count)
    var order = BatchOrder(rowCount: rowCount, seed: seed)
    var batch = Batch(rows: full ? 0 : network.capacity, inputs: shape.inputs)
    var meter = ProgressMeter(steps: recipe.epochs * ((rowCount + batchRows - 1) / batchRows), report: progress)

    for _ in 0..<recipe.epochs {
      if !full { order.shuffle() }
      for start in stride(from: 0, to: rowCount, by: batchRows) {
        let rows = start..<min(start + batchRows, rowCount)
        var loss = 0.0
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: network.capacity) {
          let piece = first..<min(first + network.capacity, rows.upperBound)
          let (accumulate, scale) = (first > rows.lowerBound, 1 / Float(rows.count))
          if full {
            loss += examples.withRows(piece) { network.addGradient($0, $1, scale: scale, accumulate: accumulate) }
          } else {
            batch.gather(order.rows[piece], from: examples)
            loss += batch.withRows(piece.count) { network.addGradient($0, $1, scale: scale, accumulate: accumulate) }
          }
        }
        guard loss.isFinite else { throw .diverged(step: meter.done + 1) }
        optimizer.step(network)
        meter.advance()
      }
    }

    let trained = Parameters(layout: parameters.layout, values: network.parameterValues)
    guard trained.values.allSatisfy(\.isFinite) else { throw .diverged(step: meter.done) }
    return trained
  }
}

extension DenseNetwork {
  /// Forward and backward over some rows: `gradient` (+)= that of scale · Σ loss; returns Σ loss.
  fileprivate mutating func addGradient(
    _ features: UnsafeBufferPointer<Float>, _ labels: UnsafeBufferPointer<Int32>, scale: Float, accumulate: Bool
  ) -> Double {
    forward(features, rows: labels.count)
    let loss = losses(labels).reduce(0) { $0 + Double($1) }
    backward(features, labels, scale: scale, accumulate: accumulate)
    return loss
  }
}

/// The rows of a shuffled batch, side by side.
struct Batch {
  private let inputs: Int
  private var features: [Float]
  private var labels: [Int32]

  init(rows: Int, inputs: Int) {
    self.inputs = inputs
    features = [Float](repeating: 0, count: rows * inputs)
    labels = [Int32](repeating: 0, count: rows)
  }

  mutating func gather(_ rows: ArraySlice<Int>, from examples: Examples) {
    examples.features.withUnsafeBufferPointer { source in
      features.withUnsafeMutableBufferPointer { target in
        for (to, from) in zip(0..., rows) {
          // Row by row in one copy: element by element took a sixth of a step of 784 inputs.
          _ = target[(to * inputs)..<((to + 1) * inputs)].update(
            fromContentsOf: source[(from * inputs)..<((from + 1) * inputs)])
        }
      }
    }
    for (to, from) in zip(0..., rows) { labels[to] = examples.labels[from] }
  }

  func withRows<R>(_ count: Int, _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Int32>) -> R) -> R {
    features.withUnsafeBufferPointer { features in
      labels.withUnsafeBufferPointer { labels in
        body(.init(rebasing: features[..<(count * inputs)]), .init(rebasing: labels[..<count]))
      }
    }
  }
}

extension Examples {
  /// Features and labels of consecutive rows; no labels where there are none.
  func withRows<R>(
    _ rows: Range<Int>, _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Int32>) -> R
  ) -> R {
    features.withUnsafeBufferPointer { all in
      labels.withUnsafeBufferPointer { labels in
        body(
          .init(rebasing: all[rows.lowerBound * featureCount..<rows.upperBound * featureCount]),
          .init(rebasing: labels.isEmpty ? labels[...] : labels[rows]))
      }
    }
  }

  /// Refuses what does not fit the network: the examples and the parameters come from files.
  func check(_ parameters: Parameters, _ shape: NetworkShape, labelled: Bool) throws(ModelError) {
    do { try shape.validate() } catch { throw .schema(error) }
    guard parameters.layout == shape.layout else {
      throw .wrongShape(what: "parameters", expected: shape.layout.count, found: parameters.layout.count)
    }
    guard featureCount == shape.inputs else {
      throw .wrongShape(what: "features of a row", expected: shape.inputs, found: featureCount)
    }
    guard labelled else { return }
    guard labels.count == rowCount else {
      throw .wrongShape(what: "labels", expected: rowCount, found: labels.count)
    }
    if let label = labels.first(where: { $0 < 0 || Int($0) >= shape.classCount }) {
      throw .wrongShape(what: "a label, counted from 1", expected: shape.classCount, found: Int(label) + 1)
    }
  }
}

/// Reports whole percents, once each.
struct ProgressMeter {
  let steps: Int
  let report: ((Double) -> Void)?
  private(set) var done = 0

  init(steps: Int, report: ((Double) -> Void)?) {
    self.steps = steps
    self.report = report
  }

  mutating func advance() {
    done += 1
    if done * 100 / steps > (done - 1) * 100 / steps { report?(Double(done) / Double(steps)) }
  }
}
