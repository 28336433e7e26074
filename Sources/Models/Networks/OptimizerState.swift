import Kernels
import Schemas

/// What an optimiser remembers between the steps of one local training; it starts at zero in every round, since a
/// participant keeps nothing of a model between rounds.
///
/// Weight decay pulls on weights only: a bias has no scale to be kept small.
struct OptimizerState: ~Copyable {
  private let recipe: TrainingRecipe
  private let first: UnsafeMutableBufferPointer<Float>
  private let second: UnsafeMutableBufferPointer<Float>
  private let memory: Workspace
  private var count = 0

  init(_ recipe: TrainingRecipe, parameterCount: Int) {
    self.recipe = recipe
    let moments =
      switch recipe.optimizer {
      case .sgd: recipe.momentum == 0 ? 0 : 1
      case .adamw: 2
      }
    var memory = Workspace()
    let whole = memory.reserve(moments * parameterCount)
    first = whole.part(0..<(moments > 0 ? parameterCount : 0))
    second = whole.part(first.count..<whole.count)
    self.memory = memory
  }

  /// One step of the network's parameters along its gradient.
  mutating func step(_ network: borrowing DenseNetwork) {
    count += 1
    for layer in network.layers {
      update(network, layer.weight, decay: Float(recipe.weightDecay))
      update(network, layer.bias, decay: 0)
    }
  }

  private func update(_ network: borrowing DenseNetwork, _ range: Range<Int>, decay: Float) {
    var parameters = network.parameters.part(range).mutableSpan
    let gradient = network.gradient.part(range)
    let rate = Float(recipe.learningRate)
    switch recipe.optimizer {
    case .sgd where recipe.momentum == 0:
      SGD.step(&parameters, gradient: gradient.span, rate: rate, decay: decay, on: network.kernels)
    case .sgd:
      var velocity = first.part(range).mutableSpan
      SGD.step(
        &parameters, gradient: gradient.span, velocity: &velocity, rate: rate, momentum: Float(recipe.momentum),
        decay: decay, on: network.kernels)
    case .adamw:
      var m = first.part(range).mutableSpan
      var v = second.part(range).mutableSpan
      AdamW().step(
        &parameters, gradient: gradient.span, first: &m, second: &v, count: count, rate: rate, decay: decay,
        on: network.kernels)
    }
  }
}
