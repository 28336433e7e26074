/// The dimensions of an encoder of the BERT family, as its `config.json` states them: embeddings of words, positions and
/// types, then layers of attention and a two-layer network, each with its residual and LayerNorm after it.
public struct EncoderShape: Sendable, Hashable, Codable {
  public enum Activation: String, Sendable, Hashable, Codable, CaseIterable {
    /// x · Φ(x), by the error function.
    case gelu
    /// Its approximation by tanh.
    case geluTanh
    case relu
  }

  public var layers: Int
  public var width: Int
  /// Attention heads; each has `width / heads` columns.
  public var heads: Int
  /// The width between `up` and `down`.
  public var intermediate: Int
  public var vocabulary: Int
  /// Rows of the position embedding: the longest sequence.
  public var positions: Int
  /// Rows of the token type embedding; single texts use the first.
  public var tokenTypes: Int
  public var activation: Activation
  public var normEpsilon: Double

  public init(
    layers: Int, width: Int, heads: Int, intermediate: Int, vocabulary: Int, positions: Int, tokenTypes: Int = 2,
    activation: Activation = .gelu, normEpsilon: Double = 1e-12
  ) {
    self.layers = layers
    self.width = width
    self.heads = heads
    self.intermediate = intermediate
    self.vocabulary = vocabulary
    self.positions = positions
    self.tokenTypes = tokenTypes
    self.activation = activation
    self.normEpsilon = normEpsilon
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    layers = try container.decode(Int.self, forKey: .layers)
    width = try container.decode(Int.self, forKey: .width)
    heads = try container.decode(Int.self, forKey: .heads)
    intermediate = try container.decode(Int.self, forKey: .intermediate)
    vocabulary = try container.decode(Int.self, forKey: .vocabulary)
    positions = try container.decode(Int.self, forKey: .positions)
    tokenTypes = try container.decodeIfPresent(Int.self, forKey: .tokenTypes) ?? 2
    activation = try container.decodeIfPresent(Activation.self, forKey: .activation) ?? .gelu
    normEpsilon = try container.decodeIfPresent(Double.self, forKey: .normEpsilon) ?? 1e-12
  }

  public var headWidth: Int { width / heads }

  public func validate() throws(SchemaError) {
    try ShapeCheck.count(layers, "layers", atMost: 256)
    try ShapeCheck.count(width, "width", atMost: 65536)
    try ShapeCheck.count(heads, "heads", atMost: 1024)
    try ShapeCheck.count(intermediate, "intermediate", atMost: 1 << 18)
    try ShapeCheck.count(vocabulary, "vocabulary", atMost: 1 << 20)
    try ShapeCheck.count(positions, "positions", atMost: 1 << 20)
    try ShapeCheck.count(tokenTypes, "tokenTypes", atMost: 1024)
    try ShapeCheck.epsilon(normEpsilon)
    guard width % heads == 0 else {
      throw .invalid(
        path: "\(ShapeCheck.path).heads", problem: "\(heads) heads do not divide the width \(width)", hint: nil)
    }
    try ShapeCheck.parameters([
      (vocabulary + positions + tokenTypes, times: width), (layers * (4 * width + 2 * intermediate), times: width),
    ])
  }

  /// Every weight that full fine-tuning trains, in the order of the layout; matrices are `[outputs, inputs]`.
  ///
  /// What some models add behind the last layer (a pooler) is not part of the network that is trained here.
  public var weights: [(name: String, shape: [Int])] {
    var named: [(name: String, shape: [Int])] = [
      ("embeddings.token", [vocabulary, width]), ("embeddings.position", [positions, width]),
      ("embeddings.tokenType", [tokenTypes, width]), ("embeddings.norm.gain", [width]),
      ("embeddings.norm.bias", [width]),
    ]
    for layer in 0..<layers {
      func add(_ name: String, _ shape: [Int]) { named.append(("layers.\(layer).\(name)", shape)) }
      func linear(_ name: String, outputs: Int, inputs: Int) {
        add("\(name).weight", [outputs, inputs])
        add("\(name).bias", [outputs])
      }
      func norm(_ name: String) {
        add("\(name).gain", [width])
        add("\(name).bias", [width])
      }
      for name in ["query", "key", "value", "output"] { linear(name, outputs: width, inputs: width) }
      norm("attentionNorm")
      linear("up", outputs: intermediate, inputs: width)
      linear("down", outputs: width, inputs: intermediate)
      norm("outputNorm")
    }
    return named
  }
}
