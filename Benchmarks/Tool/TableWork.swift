import Models
import Schemas

/// Steps of a small dense network on a table: what a participant of a table's run does between rounds.
///
///     table --widths 784,128,10 --batch 32
///
/// One lap is an epoch of 500 batches through `LocalTraining`: shuffling, gathering the rows of each batch, forward,
/// backward and plain SGD.
enum TableWork {
  private static let stepsPerLap = 500

  static func run(_ options: Options) throws {
    let widths: [Int] = try options.list("widths")
    let batch: Int = try options.value("batch")
    guard widths.count >= 2, widths.allSatisfy({ $0 > 0 }) else {
      throw Options.Mistake.invalid(name: "widths", value: try options.text("widths"))
    }
    let shape = NetworkShape(
      inputs: widths[0], hidden: Array(widths[1..<widths.count - 1]), activation: .relu, outputs: widths.last!)
    try shape.validate()

    var random = SplitMix64(state: 1)
    let rows = batch * stepsPerLap
    let examples = Examples(
      features: (0..<rows * shape.inputs).map { _ in Float(random.next() >> 40) / Float(1 << 23) - 1 },
      labels: (0..<rows).map { _ in Int32(random.next() % UInt64(shape.classCount)) }, rowCount: rows,
      featureCount: shape.inputs)
    let recipe = TrainingRecipe(optimizer: .sgd, learningRate: 0.1, batchSize: batch, epochs: 1)

    var parameters = shape.initialParameters(seed: 1)
    var laps = Laps(facts: ["parameters": parameters.values.count])
    while true {
      parameters = try LocalTraining.train(parameters, shape: shape, on: examples, recipe: recipe, seed: [])
      laps.lap(steps: stepsPerLap)
    }
  }
}
