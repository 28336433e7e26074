import Tensors
import Testing

@testable import Updates

@Suite("Server optimizer")
struct ServerOptimizerTests {
  private func parameters(_ values: [Float]) -> Parameters {
    Parameters(layout: ParameterLayout([("layers.0.weight", [values.count])]), values: values)
  }

  @Test("The next model is the model plus the learning rate times the mean, rounded once")
  func step() throws {
    let next = try ServerOptimizer.step(parameters([1, -2, 0.5]), mean: [0.5, 0.25, -1], learningRate: 2)
    #expect(next == parameters([2, -1.5, -1.5]))
    // 2²⁴ + 0.1·10 = 16,777,217 is halfway between two floats and rounds to even; 0.1·10 in double precision is 1.
    #expect(try ServerOptimizer.step(parameters([16_777_216]), mean: [10], learningRate: 0.1).values == [16_777_216])
    #expect(try ServerOptimizer.step(parameters([1]), mean: [1], learningRate: 0).values == [1])
  }

  @Test("A wrong length, a model that would overflow and an unusable rate are refused")
  func refusals() {
    #expect(throws: UpdateError.wrongLength(expected: 1, found: 2)) {
      try ServerOptimizer.step(parameters([1]), mean: [1, 2], learningRate: 1)
    }
    #expect(throws: UpdateError.notFinite(index: 1)) {
      try ServerOptimizer.step(parameters([1, 3e38]), mean: [0, 3e38], learningRate: 1)
    }
    #expect(throws: UpdateError.unusableLearningRate(.infinity)) {
      try ServerOptimizer.step(parameters([1]), mean: [1], learningRate: .infinity)
    }
  }

  @Test("Every refusal says what was found and what was expected")
  func messages() {
    #expect(
      UpdateError.impossibleTotalWeight(total: 9, survivors: 2, maximumWeight: 4).description
        == "the total weight is 9, expected 2 to 8 for 2 survivors of weight 1 to 4")
    #expect(UpdateError.wrongLength(expected: 2, found: 3).description == "the vector has 3 elements, expected 2")
    #expect(UpdateError.zeroWeight.hint?.contains("tributary preview") == true)
  }
}
