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

  /// A part of the parameters, and whether weight decay pulls on it.
  typealias Part = (range: Range<Int>, decays: Bool)

  /// One step of the network's parameters along its gradient.
  mutating func step(_ network: borrowing DenseNetwork) {
    step(network.parameters, gradient: network.gradient, parts: network.parts, threads: .shared, on: network.kernels)
  }

  /// One step of all parts of `values` along `gradient`, which is scaled down first if its norm exceeds the recipe's.
  mutating func step(
    _ values: Region, gradient: Region, parts: [Part], threads: ThreadPool, on kernels: KernelTable
  ) {
    count += 1
    if let bound = recipe.clipGradientNorm { clip(gradient, parts, to: bound, kernels) }
    let rate = recipe.learningRate * min(1, Double(count) / Double(recipe.warmupSteps ?? 1))
    for part in parts {
      // Pieces of one length, whatever the number of threads, so that their bytes do not depend on it.
      let pieces = (part.range.count + Self.pieceLength - 1) / Self.pieceLength
      threads.run(pieces) { (piece: Int) in
        let start = part.range.lowerBound + piece * Self.pieceLength
        let range = start..<min(start + Self.pieceLength, part.range.upperBound)
        update(values, gradient, range, Float(rate), decay: part.decays ? Float(recipe.weightDecay) : 0, kernels)
      }
    }
  }

  private static let pieceLength = 1 << 16

  /// Source: Pascanu et al., "On the difficulty of training Recurrent Neural Networks", arXiv:1211.5063, algorithm 1,
  /// with the 1e-6 of PyTorch's `clip_grad_norm_`.
  private func clip(_ gradient: Region, _ parts: [Part], to bound: Double, _ kernels: KernelTable) {
    let norm = parts.reduce(0) { $0 + Reductions.sumOfSquares(gradient.part($1.range).span, on: kernels) }.squareRoot()
    let scale = Float(bound / (norm + 1e-6))
    // Not for NaN: the loss of a broken model says so.
    guard scale < 1 else { return }
    for part in parts {
      for i in part.range { gradient[i] *= scale }
    }
  }

  private func update(
    _ values: Region, _ gradient: Region, _ range: Range<Int>, _ rate: Float, decay: Float, _ kernels: KernelTable
  ) {
    var parameters = values.part(range).mutableSpan
    let gradient = gradient.part(range)
    switch recipe.optimizer {
    case .sgd where recipe.momentum == 0:
      SGD.step(&parameters, gradient: gradient.span, rate: rate, decay: decay, on: kernels)
    case .sgd:
      var velocity = first.part(range).mutableSpan
      SGD.step(
        &parameters, gradient: gradient.span, velocity: &velocity, rate: rate, momentum: Float(recipe.momentum),
        decay: decay, on: kernels)
    case .adamw:
      var m = first.part(range).mutableSpan
      var v = second.part(range).mutableSpan
      AdamW().step(
        &parameters, gradient: gradient.span, first: &m, second: &v, count: count, rate: rate, decay: decay,
        on: kernels)
    }
  }
}
