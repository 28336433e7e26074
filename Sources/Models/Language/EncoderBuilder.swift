import Kernels
import Schemas
import Tensors

/// Where everything trained lies in the trained memory of an encoder.
struct EncoderPlan {
  /// The four products of a layer.
  enum Product: Int, CaseIterable {
    case projection, output, up, down

    var targets: [AdapterTarget] {
      switch self {
      case .projection: [.query, .key, .value]
      case .output: [.output]
      case .up: [.up]
      case .down: [.down]
      }
    }
  }

  /// Of a layer; of full fine-tuning its weights, else its adapters.
  struct Layer {
    var weights: [(weight: Range<Int>, bias: Range<Int>)] = []
    var norms: [(gain: Range<Int>, bias: Range<Int>)] = []
    var adapters: [AdapterPlacement?] = []
  }

  let memory: TrainedMemory.Plan
  /// Token, position, type, and the norm's gain and bias; only of full fine-tuning.
  let embeddings: [Range<Int>]
  let layers: [Layer]
  let headWeight: Range<Int>
  let headBias: Range<Int>

  init(_ training: LanguageTraining, _ shape: EncoderShape) {
    var memory = TrainedMemory.Plan(training.layout)
    let tables = training.method == .full ? ["token", "position", "tokenType", "norm.gain", "norm.bias"] : []
    embeddings = tables.map { memory.add(["embeddings.\($0)"]) }
    var layers: [Layer] = []
    for index in 0..<shape.layers {
      var layer = Layer()
      for product in Product.allCases {
        let names = product.targets.map { "layers.\(index).\($0.rawValue)" }
        if training.method == .full {
          layer.weights.append((memory.add(names.map { $0 + ".weight" }), memory.add(names.map { $0 + ".bias" })))
        }
        layer.adapters.append(AdapterPlacement(training, layer: index, targets: product.targets, in: &memory))
      }
      if training.method == .full {
        layer.norms = ["attentionNorm", "outputNorm"].map {
          (memory.add(["layers.\(index).\($0).gain"]), memory.add(["layers.\(index).\($0).bias"]))
        }
      }
      layers.append(layer)
    }
    headWeight = memory.add(["head.weight"])
    headBias = memory.add(["head.bias"])
    self.memory = memory
    self.layers = layers
  }
}

/// Makes the parts of an encoder from the base model's weights: frozen matrices packed once, trained ones where the plan
/// put them.
struct EncoderBuilder<Weights: WeightSource> {
  let training: LanguageTraining
  let shape: EncoderShape
  let plan: EncoderPlan
  let trained: TrainedMemory
  let weights: Weights
  let context: ComputeContext
  /// Whether gradients are asked for, which need the matrices in their other direction.
  let goesBack: Bool
  let constants = ConstantMemory()
  private let inputs: Parameters

  init(
    training: LanguageTraining, shape: EncoderShape, plan: EncoderPlan, trained: TrainedMemory, weights: Weights,
    context: ComputeContext, goesBack: Bool
  ) {
    self.training = training
    self.shape = shape
    self.plan = plan
    self.trained = trained
    self.weights = weights
    self.context = context
    self.goesBack = goesBack
    inputs = training.initialAdapterInputs()
  }

  func embeddings() throws(ModelError) -> (token: Learned, position: Learned, type: Learned?) {
    if training.method == .full {
      return (
        trained.learned(plan.embeddings[0]), trained.learned(plan.embeddings[1]), trained.learned(plan.embeddings[2])
      )
    }
    // Every token of a single text is of the first type, whose row can be added to all positions beforehand.
    let token = constants.keep(try weights.tensor(.tokenEmbedding))
    var position = try weights.tensor(.positionEmbedding)
    let type = try weights.tensor(.tokenTypeEmbedding)
    for i in position.indices { position[i] += type[i % shape.width] }
    return (Learned(values: token), Learned(values: constants.keep(position)), nil)
  }

  func embeddingNorm() throws(ModelError) -> EncoderNetwork.Norm {
    guard training.method == .full else { return try norm(.embeddingNormGain, .embeddingNormBias) }
    return .init(gain: trained.learned(plan.embeddings[3]), bias: trained.learned(plan.embeddings[4]))
  }

  func layer(_ index: Int) throws(ModelError) -> EncoderNetwork.Layer {
    EncoderNetwork.Layer(
      projection: try product(.projection, index, [.query, .key, .value], [.queryBias, .keyBias, .valueBias]),
      output: try product(.output, index, [.output], [.outputBias]),
      attentionNorm: try norm(0, index, .attentionNormGain, .attentionNormBias),
      up: try product(.up, index, [.up], [.upBias]), down: try product(.down, index, [.down], [.downBias]),
      outputNorm: try norm(1, index, .outputNormGain, .outputNormBias))
  }

  private func norm(
    _ number: Int, _ index: Int, _ gain: LayerWeight, _ bias: LayerWeight
  ) throws(ModelError) -> EncoderNetwork.Norm {
    guard training.method == .full else { return try norm(.layer(index, gain), .layer(index, bias)) }
    let place = plan.layers[index].norms[number]
    return .init(gain: trained.learned(place.gain), bias: trained.learned(place.bias))
  }

  private func norm(_ gain: WeightName, _ bias: WeightName) throws(ModelError) -> EncoderNetwork.Norm {
    .init(
      gain: Learned(values: constants.keep(try weights.tensor(gain))),
      bias: Learned(values: constants.keep(try weights.tensor(bias))))
  }

  private func product(
    _ product: EncoderPlan.Product, _ index: Int, _ matrices: [LayerWeight], _ biases: [LayerWeight]
  ) throws(ModelError) -> AdaptedLinear {
    let dimensions = product.targets.map { training.shape.dimensions(of: $0)! }
    let (outputs, inputs) = (dimensions.reduce(0) { $0 + $1.outputs }, dimensions[0].inputs)
    let layer = plan.layers[index]
    guard training.method != .full else {
      let place = layer.weights[product.rawValue]
      return AdaptedLinear(
        inputs: inputs, outputs: outputs, weight: .trained(trained.learned(place.weight)),
        bias: trained.learned(place.bias), adapters: nil)
    }
    var matrix: [Float] = []
    var bias: [Float] = []
    for name in matrices { matrix += try weights.tensor(.layer(index, name)) }
    for name in biases { bias += try weights.tensor(.layer(index, name)) }
    return AdaptedLinear(
      inputs: inputs, outputs: outputs,
      weight: .frozen(
        PackedMatrix(
          frozen: matrix, outputs: outputs, inputs: inputs, directions: goesBack ? .both : .forward, training, context)),
      bias: Learned(values: constants.keep(bias)),
      adapters: layer.adapters[product.rawValue].map {
        .init($0, training.adapters!, in: trained, frozen: self.inputs, constants)
      })
  }
}
