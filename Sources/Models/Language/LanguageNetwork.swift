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

/// Where a network gets its pretrained weights.
protocol WeightSource {
  func tensor(_ name: WeightName) throws(ModelError) -> [Float]
}

extension BaseModel: WeightSource {}
