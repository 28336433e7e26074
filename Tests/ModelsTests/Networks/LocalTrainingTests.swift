import Kernels
import Schemas
import Tensors
import Testing

@testable import Models

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Local training")
struct LocalTrainingTests {
  static let logistic = NetworkShape(inputs: 3, hidden: [], activation: .relu, outputs: 1)

  /// The minimum of the mean loss plus decay/2 · |w|² (not the bias) by Newton's method.
  static func optimum(_ examples: Examples, decay: Double) -> [Double] {
    let n = examples.featureCount + 1
    var w = [Double](repeating: 0, count: n)
    for _ in 0..<50 {
      var system = [[Double]](repeating: [Double](repeating: 0, count: n + 1), count: n)
      for i in 0..<examples.rowCount {
        let x = examples.row(i) + [1]
        let p = 1 / (1 + exp(-zip(x, w).reduce(0) { $0 + $1.0 * $1.1 }))
        for a in 0..<n {
          system[a][n] += (p - Double(examples.labels[i])) * x[a] / Double(examples.rowCount)
          for b in 0..<n { system[a][b] += p * (1 - p) * x[a] * x[b] / Double(examples.rowCount) }
        }
      }
      for a in 0..<n - 1 {
        system[a][n] += decay * w[a]
        system[a][a] += decay
      }
      let step = solve(system)
      for a in 0..<n { w[a] -= step[a] }
    }
    return w
  }

  /// Gauss-Jordan elimination of `[A | b]`, A positive definite.
  static func solve(_ system: [[Double]]) -> [Double] {
    var m = system
    for pivot in m.indices {
      let scale = m[pivot][pivot]
      m[pivot] = m[pivot].map { $0 / scale }
      for row in m.indices where row != pivot {
        let factor = m[row][pivot]
        m[row] = zip(m[row], m[pivot]).map { $0 - factor * $1 }
      }
    }
    return m.map { $0.last! }
  }

  @Test("Logistic regression reaches the optimum that Newton's method finds", arguments: [0.0, 0.05])
  func optimum(decay: Double) throws {
    let examples = Examples.madeUp(rows: 700, shape: Self.logistic, seed: 8)
    let recipe = TrainingRecipe(
      optimizer: .sgd, learningRate: 0.5, momentum: 0.9, weightDecay: decay, batchSize: 0, epochs: 600)
    let trained = try LocalTraining.train(
      Self.logistic.initialParameters(seed: 1), shape: Self.logistic, on: examples, recipe: recipe, seed: [])
    #expect(worstError(trained.values, Self.optimum(examples, decay: decay)) < 1e-4)
  }

  @Test("AdamW reaches the optimum too")
  func adamW() throws {
    let examples = Examples.madeUp(rows: 300, shape: Self.logistic, seed: 9)
    let recipe = TrainingRecipe(optimizer: .adamw, learningRate: 0.02, batchSize: 0, epochs: 1000)
    let trained = try LocalTraining.train(
      Self.logistic.initialParameters(seed: 1), shape: Self.logistic, on: examples, recipe: recipe, seed: [])
    #expect(worstError(trained.values, Self.optimum(examples, decay: 0)) < 1e-3)
  }

  @Test("Mini-batches follow the shuffled order, the last batch being what is left", arguments: KernelLevel.available)
  func miniBatches(level: KernelLevel) throws {
    let shape = NetworkShape(inputs: 4, hidden: [6], activation: .gelu, outputs: 3)
    let examples = Examples.madeUp(rows: 7, shape: shape, seed: 10)
    let start = shape.livelyParameters(seed: 11)
    let recipe = TrainingRecipe(optimizer: .sgd, learningRate: 0.1, batchSize: 3, epochs: 2)
    let trained = try LocalTraining.train(
      start, shape: shape, on: examples, recipe: recipe, seed: [1, 2, 3], kernels: .at(level: level))

    let reference = ReferenceNetwork(shape: shape)
    var expected = start.values.map(Double.init)
    var order = BatchOrder(rowCount: 7, seed: [1, 2, 3])
    for _ in 0..<2 {
      order.shuffle()
      for batch in [order.rows[0..<3], order.rows[3..<6], order.rows[6..<7]] {
        let gradient = reference.gradient(expected, examples, rows: Array(batch))
        expected = zip(expected, gradient).map { $0 - 0.1 * $1 }
      }
    }
    #expect(worstError(trained.values, expected) < 1e-5)
  }

  @Test("A hidden layer learns what no straight line separates")
  func exclusiveOr() throws {
    let shape = NetworkShape(inputs: 2, hidden: [16], activation: .relu, outputs: 1)
    let corners: [(Float, Float, Int32)] = [(-1, -1, 0), (-1, 1, 1), (1, -1, 1), (1, 1, 0)]
    let examples = Examples(
      features: corners.flatMap { [$0.0, $0.1] }, labels: corners.map(\.2), rowCount: 4, featureCount: 2)
    let recipe = TrainingRecipe(optimizer: .adamw, learningRate: 0.02, batchSize: 2, epochs: 300)
    let trained = try LocalTraining.train(
      shape.initialParameters(seed: 2), shape: shape, on: examples, recipe: recipe, seed: [7])
    #expect(try Evaluation.metrics(trained, shape: shape, on: examples).correct == 4)
  }

  @Test("The same seed and rows give the same bytes, another seed another order")
  func deterministic() throws {
    let shape = NetworkShape(inputs: 5, hidden: [8], activation: .relu, outputs: 1)
    let examples = Examples.madeUp(rows: 1300, shape: shape, seed: 12)
    let recipe = TrainingRecipe(optimizer: .sgd, learningRate: 0.1, momentum: 0.5, batchSize: 600, epochs: 2)
    func bits(_ seed: [UInt8]) throws -> [UInt32] {
      try LocalTraining.train(
        shape.livelyParameters(seed: 1), shape: shape, on: examples, recipe: recipe, seed: seed
      ).values.map(\.bitPattern)
    }
    let first = try bits([1])
    #expect(try bits([1]) == first)
    #expect(try bits([2]) != first)
  }

  @Test("Progress rises to one and is told at most a hundred times")
  func progress() throws {
    let examples = Examples.madeUp(rows: 10, shape: Self.logistic, seed: 13)
    let recipe = TrainingRecipe(optimizer: .sgd, learningRate: 0.1, batchSize: 4, epochs: 99)
    var fractions: [Double] = []
    _ = try LocalTraining.train(
      Self.logistic.initialParameters(seed: 1), shape: Self.logistic, on: examples, recipe: recipe, seed: [],
      progress: { fractions.append($0) })
    #expect(fractions.last == 1 && fractions.count == 100)
    #expect(zip(fractions, fractions.dropFirst()).allSatisfy(<))
  }

  @Test("Each epoch walks every row once, in another order")
  func order() {
    var order = BatchOrder(rowCount: 100, seed: [9])
    #expect(order.rows == Array(0..<100))
    order.shuffle()
    let first = order.rows
    order.shuffle()
    #expect(first.sorted() == Array(0..<100) && order.rows.sorted() == Array(0..<100))
    #expect(first != order.rows && first != Array(0..<100))
    var single = BatchOrder(rowCount: 1, seed: [])
    single.shuffle()
    #expect(single.rows == [0])
  }

  @Test("All orders of three rows occur equally often")
  func uniformOrder() {
    var order = BatchOrder(rowCount: 3, seed: [4])
    var counts: [[Int]: Int] = [:]
    for _ in 0..<6000 {
      order.shuffle()
      counts[order.rows, default: 0] += 1
    }
    // 1000 each; six standard deviations of a binomial count are 173.
    #expect(counts.count == 6 && counts.values.allSatisfy { abs($0 - 1000) < 173 })
  }

  @Test("What does not fit is refused by name")
  func refusals() {
    let shape = Self.logistic
    let recipe = TrainingRecipe(optimizer: .sgd, learningRate: 0.1)
    func train(_ examples: Examples, _ recipe: TrainingRecipe, _ parameters: Parameters) throws(ModelError) {
      _ = try LocalTraining.train(parameters, shape: shape, on: examples, recipe: recipe, seed: [])
    }
    let start = shape.initialParameters(seed: 1)
    let good = Examples.madeUp(rows: 4, shape: shape, seed: 1)
    let none = Examples(features: [], labels: [], rowCount: 0, featureCount: 3)
    #expect(throws: ModelError.noRows) { try train(none, recipe, start) }
    let unlabelled = Examples(features: good.features, labels: [], rowCount: 4, featureCount: 3)
    #expect(throws: ModelError.wrongShape(what: "labels", expected: 4, found: 0)) {
      try train(unlabelled, recipe, start)
    }
    let narrow = Examples(features: [1, 2], labels: [0], rowCount: 1, featureCount: 2)
    #expect(throws: ModelError.wrongShape(what: "features of a row", expected: 3, found: 2)) {
      try train(narrow, recipe, start)
    }
    let thirdClass = Examples(features: [1, 2, 3], labels: [2], rowCount: 1, featureCount: 3)
    #expect(throws: ModelError.wrongShape(what: "a label, counted from 1", expected: 2, found: 3)) {
      try train(thirdClass, recipe, start)
    }
    let other = NetworkShape(inputs: 3, hidden: [2], activation: .relu, outputs: 1).initialParameters(seed: 1)
    #expect(throws: ModelError.wrongShape(what: "parameters", expected: 4, found: 11)) {
      try train(good, recipe, other)
    }
    var unbounded = recipe
    unbounded.learningRate = 1e39  // infinite in single precision
    unbounded.epochs = 5
    #expect { try train(good, unbounded, start) } throws: { error in
      if case .diverged = error as? ModelError { true } else { false }
    }
    var broken = good
    broken.features[5] = .nan
    #expect(throws: ModelError.diverged(step: 1)) { try train(broken, recipe, start) }
  }
}
