import Kernels
import Schemas
import Tensors

/// An encoder of the BERT family with the memory of one pass: embeddings, layers, pooling and a head.
///
/// Tokens of all sequences of a pass lie side by side, `[tokens, width]`, and only attention and pooling know where a
/// sequence ends: nothing is padded. With h the input of a layer, the layer is
/// s = h + output(attention(query h, key h, value h)), n = norm(s), norm(n + down(activation(up n))).
///
/// Source: Devlin et al., "BERT", arXiv:1810.04805, after Vaswani et al., "Attention Is All You Need", arXiv:1706.03762.
final class EncoderNetwork: LanguageNetwork {
  struct Norm {
    let gain: Learned
    let bias: Learned
  }

  struct Layer {
    /// Query, key and value as one product.
    let projection: AdaptedLinear
    let output: AdaptedLinear
    let attentionNorm: Norm
    let up: AdaptedLinear
    let down: AdaptedLinear
    let outputNorm: Norm
  }

  let training: LanguageTraining
  let shape: EncoderShape
  let pooling: Pooling
  let context: ComputeContext
  let capacity: PassCapacity
  let keeping: Keeping
  let trained: TrainedMemory
  let layers: [Layer]
  let head: (weight: Learned, bias: Learned)
  let attention: Attention
  let arena: Arena<EncoderBuffers>
  let tokenEmbedding: Learned
  let positionEmbedding: Learned
  /// `nil` where the first type's row is part of the positions.
  let typeEmbedding: Learned?
  let embeddingNorm: Norm
  private let constants: ConstantMemory
  /// Labels of a pass, and a type for each token: all zero.
  var labels: [Int32] = []
  let types: [Int32]

  /// - Parameters:
  ///   - parameters: The trained vector.
  ///   - weights: The base model's; read here, and again when the trained vector of full fine-tuning is asked for.
  init(
    _ parameters: Parameters, _ training: LanguageTraining, weights: some WeightSource, pooling: Pooling,
    capacity: PassCapacity, keeping: Keeping, context: ComputeContext
  ) throws(ModelError) {
    guard case .encoder(let shape) = training.shape else { preconditionFailure("an encoder's training has its shape") }
    self.training = training
    self.shape = shape
    self.pooling = pooling
    self.context = context
    self.capacity = capacity
    self.keeping = keeping
    attention = Attention(heads: shape.heads, width: shape.headWidth, causal: false)
    let plan = EncoderPlan(training, shape)
    trained = TrainedMemory(plan.memory)
    try trained.load(parameters, base: Self.base(training, weights))
    let builder = EncoderBuilder(
      training: training, shape: shape, plan: plan, trained: trained, weights: weights, context: context,
      goesBack: keeping != .nothing)
    constants = builder.constants
    (tokenEmbedding, positionEmbedding, typeEmbedding) = try builder.embeddings()
    embeddingNorm = try builder.embeddingNorm()
    var layers: [Layer] = []
    for index in 0..<shape.layers { layers.append(try builder.layer(index)) }
    self.layers = layers
    head = (trained.learned(plan.headWeight), trained.learned(plan.headBias))
    arena = Arena { EncoderBuffers(training, shape, capacity, keeping: keeping, &$0) }
    types = [Int32](repeating: 0, count: capacity.tokens)
    labels.reserveCapacity(capacity.sequences)
  }

  /// The trained vector as it is now.
  func parameters(weights: some WeightSource) throws(ModelError) -> Parameters {
    try trained.parameters(base: Self.base(training, weights))
  }

  /// Of full fine-tuning, the vector holds differences from the base model, and a head of its own.
  private static func base(_ training: LanguageTraining, _ weights: some WeightSource) -> TrainedMemory.Base {
    var names: [String: WeightName] = [:]
    if training.method == .full, case .encoder(let shape) = training.shape {
      for (inVector, inModel) in zip(shape.weights, training.shape.weights) { names[inVector.name] = inModel.name }
    }
    return { entry throws(ModelError) in
      guard let name = names[entry.name] else { return nil }
      return try weights.tensor(name)
    }
  }

  /// Bytes of weights, gradients, moments and activations of training, or of one copy of everything for predictions.
  static func byteCount(_ training: LanguageTraining, _ shape: EncoderShape, _ capacity: PassCapacity, keeping: Keeping)
    -> Int
  {
    let plan = EncoderPlan(training, shape)
    let copies = training.method == .full ? 0 : keeping == .nothing ? 1 : 2
    let matrices = shape.layers * shape.width * (4 * shape.width + 2 * shape.intermediate)
    let tables = training.method == .full ? 0 : (shape.vocabulary + shape.positions) * shape.width
    return 4 * (copies * matrices + tables) + plan.memory.byteCount
      + Arena.byteCount { EncoderBuffers(training, shape, capacity, keeping: keeping, &$0) }
  }
}
