import Foundation
import Kernels
import Models
import Schemas
import Tensors
import Testing

/// Small encoders against an independent one in double precision.
struct EncoderGradientTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let training: LanguageTraining
    let pooling: Pooling

    var testDescription: String { name }

    var answers: LanguageExamples.Answers {
      if case .regression = training.task { .numbers([-3, 0.5, 4, 1, 2]) } else { .labels([2, 0, 1, 1, 2]) }
    }
  }

  /// Ragged, one of a single token, one as long as the model allows.
  static let sequences: [[Int32]] = [
    [3, 1, 4, 1, 5], [9], [2, 6, 5, 3, 5, 8, 9, 7], [9, 3, 2], [10, 0, 11, 4, 7, 1],
  ]

  private static func shape(_ activation: EncoderShape.Activation) -> EncoderShape {
    EncoderShape(
      layers: 2, width: 6, heads: 2, intermediate: 10, vocabulary: 12, positions: 8, activation: activation,
      normEpsilon: 1e-6)
  }

  private static func make(
    _ name: String, _ method: LanguageTraining.Method, _ adapters: AdapterRecipe? = nil,
    activation: EncoderShape.Activation = .gelu, task: LanguageTask = .classification(labels: ["a", "b", "c"]),
    pooling: Pooling = .mean
  ) -> Case {
    Case(
      name: name,
      training: LanguageTraining(
        shape: .encoder(shape(activation)), method: method, adapters: adapters, task: task, maximumTokens: 8, seed: 5),
      pooling: pooling)
  }

  static let cases = [
    make("A frozen", .adapters, AdapterRecipe(rank: 3, alpha: 6, targets: [.query, .value])),
    make(
      "A trained, every target", .adapters,
      AdapterRecipe(rank: 2, alpha: 3, targets: [.query, .key, .value, .output, .up, .down], trainA: true)),
    make(
      "lowest is output", .adapters,
      AdapterRecipe(rank: 2, alpha: 4, targets: [.down, .output], trainA: true, rankStabilised: true)),
    make("lowest is up", .adapters, AdapterRecipe(rank: 1, alpha: 2, targets: [.up, .down]), pooling: .cls),
    make("lowest is down", .adapters, AdapterRecipe(rank: 7, alpha: 2, targets: [.down], trainA: true)),
    make("key alone", .adapters, AdapterRecipe(rank: 2, alpha: 2, targets: [.key]), activation: .geluTanh),
    make("full", .full),
    make(
      "full, ReLU, first token, regression", .full, activation: .relu, task: .regression(range: -4...4), pooling: .cls),
    make("head", .head, task: .regression(range: -4...4)),
  ]

  /// The gradient as one step of plain descent takes it.
  private func gradient(
    _ given: Case, _ parameters: Parameters, _ sequences: [[Int32]], _ answers: LanguageExamples.Answers,
    checkpointing: Bool? = nil, seed: [UInt8] = [], threads: ThreadPool = .shared
  ) throws -> (gradient: [Double], loss: Double) {
    guard case .encoder(let shape) = given.training.shape else { preconditionFailure("an encoder") }
    let folder = try ModelFolder(shape.drawnWeights(pooling: given.pooling).huggingFaceFiles(as: .f32))
    var loss = 0.0
    let rate = 16.0
    let stepped = try LanguageTrainer.train(
      parameters, training: given.training, base: try BaseModel.open(folder.path),
      on: LanguageExamples(sequences, answers: answers), recipe: TrainingRecipe(optimizer: .sgd, learningRate: rate),
      seed: seed, checkpointing: checkpointing, threads: threads
    ) { loss = $0.loss }
    return (zip(parameters.values, stepped.values).map { (Double($0) - Double($1)) / rate }, loss)
  }

  @Test("Loss and gradient are those of central differences of a network in double precision", arguments: cases)
  func finiteDifferences(given: Case) throws {
    guard case .encoder(let shape) = given.training.shape else { return }
    let reference = ReferenceEncoder(
      given.training, pooling: given.pooling, shape.drawnWeights(pooling: given.pooling))
    let parameters = given.training.drawnParameters()
    let values = parameters.values.map(Double.init)
    let found = try gradient(given, parameters, Self.sequences, given.answers)
    #expect(abs(found.loss - reference.loss(values, Self.sequences, given.answers)) < 1e-5)

    for entry in parameters.layout.entries {
      // Some elements of every tensor, far apart from each other.
      let positions = stride(from: 0, to: entry.count, by: max(1, entry.count / 5)).map { entry.offset + $0 }
      let expected = reference.gradient(values, Self.sequences, given.answers, at: positions)
      for (position, value) in zip(positions, expected) {
        #expect(abs(found.gradient[position] - value) < 2e-5 + 2e-4 * abs(value), "\(entry.name)")
      }
    }
  }

  @Test("Computing layers again on the way back gives the same bytes as keeping what they computed", arguments: cases)
  func checkpointing(given: Case) throws {
    let parameters = given.training.drawnParameters()
    let kept = try gradient(given, parameters, Self.sequences, given.answers, checkpointing: false)
    #expect(try gradient(given, parameters, Self.sequences, given.answers, checkpointing: true) == kept)
  }

  @Test(
    "A batch of more tokens than a pass holds has the mean of its texts' gradients", arguments: [cases[1], cases[6]])
  func passes(given: Case) throws {
    let parameters = given.training.drawnParameters()
    let copies = 60  // 60 · 18 tokens are three passes
    let all = (0..<copies).flatMap { _ in Self.sequences }
    let labels = (0..<copies).flatMap { copy in [2, 0, 1, 1, 2].map { Int32(($0 + copy) % 3) } }
    let found = try gradient(given, parameters, all, .labels(labels))
    var expected = [Double](repeating: 0, count: found.gradient.count)
    for shift in 0..<3 {
      let part = try gradient(
        given, parameters, Self.sequences, .labels([2, 0, 1, 1, 2].map { Int32(($0 + shift) % 3) }))
      for i in expected.indices { expected[i] += part.gradient[i] / 3 }
    }
    let error = zip(found.gradient, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(error < 2e-5)
  }

  @Test("With dropout the gradient is that of the loss under the same mask, and another seed drops others")
  func dropout() throws {
    let given = Self.make(
      "dropout", .adapters,
      AdapterRecipe(rank: 2, alpha: 8, targets: [.query, .value, .up, .down], dropout: 0.4, trainA: true))
    let parameters = given.training.drawnParameters()
    let found = try gradient(given, parameters, Self.sequences, given.answers, seed: [1])
    #expect(try gradient(given, parameters, Self.sequences, given.answers, seed: [2]).loss != found.loss)
    // Along the gradient g, the central difference of the loss is |g|².
    let square = found.gradient.reduce(0) { $0 + $1 * $1 }
    let step = 0.02 / square.squareRoot()
    func loss(_ sign: Double) throws -> Double {
      var moved = parameters
      for i in moved.values.indices { moved.values[i] += Float(sign * step * found.gradient[i]) }
      return try gradient(given, moved, Self.sequences, given.answers, seed: [1]).loss
    }
    let slope = try (loss(1) - loss(-1)) / (2 * step)
    #expect(abs(slope / square - 1) < 5e-3)
  }
}
