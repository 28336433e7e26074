import Kernels
import Privacy
public import Schemas
public import Tensors

extension LocalTraining {
  /// Trains a copy of the parameters with differential privacy and returns it: the same steps as without, but each over a
  /// random part of the rows, with clipped gradients and noise.
  ///
  /// - Parameter progress: Called with the fraction done, at most a hundred times.
  /// - Throws: `.diverged` if a gradient or a parameter leaves the finite numbers: clipping bounds no such row.
  public static func train(
    _ parameters: Parameters, shape: NetworkShape, on examples: Examples, recipe: TrainingRecipe,
    privately: PrivateTraining, progress: ((Double) -> Void)? = nil
  ) throws(ModelError) -> Parameters {
    do { try recipe.validate() } catch { throw .schema(error) }
    try examples.check(parameters, shape, labelled: true)
    guard examples.rowCount > 0 else { throw .noRows }
    let expected = Int((privately.step.samplingRate * Double(examples.rowCount)).rounded(.up))
    var network = DenseNetwork(parameters, shape: shape, capacity: min(expected, passRows(shape)), training: true)
    var optimizer = OptimizerState(recipe, parameterCount: parameters.values.count)
    var (sampling, noise) = (privately.rows(), privately.gaussian())
    var batch = Batch(rows: network.capacity, inputs: shape.inputs)
    var rows: [Int] = []
    var squares: [Double] = []
    var meter = ProgressMeter(steps: privately.stepCount, report: progress)

    for _ in 0..<privately.stepCount {
      sampling.draw(&rows, of: examples.rowCount)
      network.gradient.update(repeating: 0)
      for first in stride(from: 0, to: rows.count, by: network.capacity) {
        let piece = rows[first..<min(first + network.capacity, rows.count)]
        batch.gather(piece, from: examples)
        batch.withRows(piece.count) { network.addClippedGradient($0, $1, privately, &squares) }
      }
      guard network.gradient.allFinite(on: network.kernels) else { throw .diverged(step: meter.done + 1) }
      privately.finish(network.gradient, noise: &noise, rowCount: examples.rowCount)
      optimizer.step(network)
      meter.advance()
    }

    let trained = Parameters(layout: parameters.layout, values: network.parameterValues)
    guard trained.values.allSatisfy(\.isFinite) else { throw .diverged(step: meter.done) }
    return trained
  }
}

extension DenseNetwork {
  /// Forward over some rows, back for the norms of their gradients, and back for the sum of the clipped ones, which is
  /// added to `gradient`.
  fileprivate mutating func addClippedGradient(
    _ features: Input, _ labels: UnsafeBufferPointer<Int32>, _ privately: PrivateTraining, _ squares: inout [Double]
  ) {
    forward(features, rows: labels.count)
    _ = losses(labels)
    squaredGradientNorms(features, labels, &squares)
    backward(features, labels, factors: squares.map(privately.factor), accumulate: true)
  }
}
