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
