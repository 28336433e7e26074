import Foundation
import Kernels
import Models
import Schemas
import Tensors
import Testing

/// Ten AdamW steps as PyTorch and PEFT take them in double precision, `Benchmarks/reference/trajectory.py golden`.
struct EncoderTrajectoryTests {
  private struct Trajectories: Decodable {
    let cases: [Case]
  }

  private struct Case: Decodable {
    let training: LanguageTraining
    let recipe: TrainingRecipe
    let sequences: [[Int32]]
    let labels: [Int32]
    let initial: [String: [Float]]
    let losses: [Double]
    let final: [String: Final]
  }

  private struct Final: Decodable {
    let norm: Double
    /// Every eleventh value.
    let values: [Double]
  }

  private func cases() throws -> [Case] {
    let url = try #require(
      Bundle.module.url(forResource: "encoder-trajectories", withExtension: "json", subdirectory: "Trajectories"))
    return try JSONDecoder().decode(Trajectories.self, from: Data(contentsOf: url)).cases
  }

  private func train(_ given: Case, threads: ThreadPool = .shared) throws -> (final: Parameters, losses: [Double]) {
    guard case .encoder(let shape) = given.training.shape else { preconditionFailure("an encoder") }
    let folder = try ModelFolder(shape.drawnWeights(pooling: .mean).huggingFaceFiles(as: .f32))
    var initial = Parameters(layout: given.training.layout)
    for (name, values) in given.initial {
      initial.values.replaceSubrange(try #require(initial.layout.range(of: name)), with: values)
    }
    var losses: [Double] = []
    let final = try LanguageTrainer.train(
      initial, training: given.training, base: try BaseModel.open(folder.path),
      on: LanguageExamples(given.sequences, answers: .labels(given.labels)), recipe: given.recipe, seed: [],
      shuffling: false, threads: threads
    ) { losses.append($0.loss) }
    return (final, losses)
  }

  @Test("Ten steps have the losses and end at the weights of PyTorch and PEFT", arguments: 0..<4)
  func agrees(number: Int) throws {
    let given = try cases()[number]
    let (final, losses) = try train(given)
    #expect(losses.count == 10 && given.losses.count == 10)
    for (found, expected) in zip(losses, given.losses) { #expect(abs(found / expected - 1) < 1e-4) }

    #expect(Set(final.layout.entries.map(\.name)) == Set(given.final.keys))
    var (difference, norm) = (0.0, 0.0)
    for entry in final.layout.entries {
      let expected = try #require(given.final[entry.name])
      let values = final.values[entry.offset..<entry.offset + entry.count].map(Double.init)
      // A key's bias moves no softmax: its gradient is zero but for rounding, which AdamW makes steps of.
      if entry.name.hasSuffix("key.bias") { continue }
      #expect(abs(values.reduce(0) { $0 + $1 * $1 }.squareRoot() - expected.norm) < 2e-3 * expected.norm)
      for (place, value) in zip(stride(from: 0, to: values.count, by: 11), expected.values) {
        difference += (values[place] - value) * (values[place] - value)
        norm += value * value
      }
    }
    #expect(difference.squareRoot() < 2e-3 * norm.squareRoot())
  }

  @Test("The rows' order follows the seed, and a step that leaves the finite numbers is an error")
  func orderAndDivergence() throws {
    let given = try cases()[0]
    guard case .encoder(let shape) = given.training.shape else { return }
    let folder = try ModelFolder(shape.drawnWeights(pooling: .mean).huggingFaceFiles(as: .f32))
    let base = try BaseModel.open(folder.path)
    let examples = LanguageExamples(given.sequences, answers: .labels(given.labels))
    func train(_ recipe: TrainingRecipe, seed: [UInt8]) throws -> Parameters {
      try LanguageTrainer.train(
        given.training.initialParameters(), training: given.training, base: base, on: examples, recipe: recipe,
        seed: seed)
    }
    let once = try train(given.recipe, seed: [1])
    #expect(try train(given.recipe, seed: [1]) == once)
    #expect(try train(given.recipe, seed: [2]) != once)
    #expect(throws: ModelError.self) {
      try train(TrainingRecipe(optimizer: .sgd, learningRate: 1e38, batchSize: 4), seed: [1])
    }
  }
}
