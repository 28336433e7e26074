import Kernels
import Schemas
import Tensors

/// One layer's weights: frozen matrices, packed once, with the adapters beside them.
struct DecoderLayer {
  let attentionNorm: Region
  /// Query, key and value as one product.
  let projection: AdaptedLinear
  let output: AdaptedLinear
  let feedForwardNorm: Region
  let gate: AdaptedLinear
  let up: AdaptedLinear
  let down: AdaptedLinear
}

/// Makes the layers of a decoder from the base model's weights.
struct DecoderBuilder<Weights: WeightSource> {
  let training: LanguageTraining
  let shape: DecoderShape
  let plan: DecoderPlan
  let trained: TrainedMemory
  let weights: Weights
  let context: ComputeContext
  let constants: ConstantMemory
  /// The plan's matrices A.
  let inputs: Parameters

  func layer(_ index: Int) throws(ModelError) -> DecoderLayer {
    DecoderLayer(
      attentionNorm: constants.keep(try weights.tensor(.layer(index, .attentionNormGain))),
      projection: try product(
        .projection, index, [.query, .key, .value], shape.attentionBias ? [.queryBias, .keyBias, .valueBias] : []),
      output: try product(.output, index, [.output]),
      feedForwardNorm: constants.keep(try weights.tensor(.layer(index, .feedForwardNormGain))),
      gate: try product(.gate, index, [.gate]), up: try product(.up, index, [.up]),
      down: try product(.down, index, [.down]))
  }

  private func product(
    _ product: DecoderPlan.Product, _ index: Int, _ matrices: [LayerWeight], _ biases: [LayerWeight] = []
  ) throws(ModelError) -> AdaptedLinear {
    let dimensions = product.targets.map { training.shape.dimensions(of: $0)! }
    let (outputs, inputs) = (dimensions.reduce(0) { $0 + $1.outputs }, dimensions[0].inputs)
    var matrix: [Float] = []
    var bias: [Float] = []
    for name in matrices { matrix += try weights.tensor(.layer(index, name)) }
    for name in biases { bias += try weights.tensor(.layer(index, name)) }
    // One packed copy for both directions: the way back transposes it block by block, for a few percent of its time.
    return AdaptedLinear(
      inputs: inputs, outputs: outputs,
      weight: .frozen(PackedMatrix(frozen: matrix, outputs: outputs, inputs: inputs, training, context)),
      bias: bias.isEmpty ? nil : Learned(values: constants.keep(bias)),
      adapters: plan.adapters[index][product.rawValue].map {
        .init($0, training.adapters!, in: trained, frozen: self.inputs, constants)
      })
  }
}
