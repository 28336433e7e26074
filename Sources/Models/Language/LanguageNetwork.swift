import Kernels
import Schemas
import Tensors

/// What the trainer asks of an encoder or a decoder with the memory of its passes.
protocol LanguageNetwork: AnyObject {
  var trained: TrainedMemory { get }
  var context: ComputeContext { get }
  var capacity: PassCapacity { get }

  /// Forward and backward over some examples: `trained.gradient` += that of scale · Σ loss; returns Σ loss.
  ///
  /// - Parameter dropoutSeed: Of this pass.
  func addGradient(
    _ batch: PackedBatch, of examples: LanguageExamples, scale: Float, dropoutSeed: UInt64
  ) -> Double

  /// Forward and backward over some examples: `trained.gradient` += the sum of each example's gradient, scaled down to
  /// the bound of a private training. An example's loss is the mean over its answer. Returns Σ loss as `addGradient`.
  func addClippedGradient(
    _ batch: PackedBatch, of examples: LanguageExamples, privately: PrivateTraining, dropoutSeed: UInt64
  ) -> Double
}

extension LanguageNetwork {
  /// Goes back twice: once for the norms of the examples' gradients, and once for their scaled sum.
  func clip(
    _ batch: PackedBatch, of examples: LanguageExamples, privately: PrivateTraining, backward: () -> Void
  ) {
    let ghosts = context.clippingNorms
    ghosts.begin((0..<batch.sequenceCount).map(batch.tokens))
    let means = batch.rows.map { 1 / Float(max(1, examples.lossCount(of: $0))) }
    (context.ghosts, context.exampleScales) = (ghosts, means)
    backward()
    context.ghosts = nil
    context.exampleScales = zip(means, ghosts.squares).map { $0 * privately.factor(squaredNorm: $1) }
    backward()
    context.exampleScales = nil
  }
}

/// What a pass keeps for its way back.
enum Keeping: Hashable {
  /// There is no way back through the layers.
  case nothing
  /// The inputs of the layers, each layer being computed again on the way back. Source: Chen et al., "Training Deep Nets
  /// with Sublinear Memory Cost", arXiv:1604.06174.
  case inputs
  case everything
}

/// Where a network gets its pretrained weights.
protocol WeightSource {
  func tensor(_ name: WeightName) throws(ModelError) -> [Float]
}

extension BaseModel: WeightSource {}

extension PackedMatrix {
  /// A frozen weight `[outputs, inputs]` at the precision that the plan asks for.
  convenience init(
    frozen weight: [Float], outputs: Int, inputs: Int, directions: Directions = .forward, _ training: LanguageTraining,
    _ context: ComputeContext
  ) {
    self.init(
      weight.span, outputs: outputs, inputs: inputs, directions: directions,
      precision: training.precision == .bf16 ? .bf16 : .fp32, on: context.kernels)
  }
}
