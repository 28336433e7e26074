/// The dimensions of a decoder of the Llama family (Llama, SmolLM2, Qwen2), as its `config.json` or GGUF states them: a
/// token embedding, layers of RMSNorm, causal attention with rotary positions and SwiGLU, a last RMSNorm, a head.
public struct DecoderShape: Sendable, Hashable, Codable {
  public var layers: Int
  public var width: Int
  /// Heads of the queries.
  public var heads: Int
  /// Heads of keys and values, each shared by `heads / keyValueHeads` of the queries.
  public var keyValueHeads: Int
  public var headWidth: Int
  /// The width between `gate`, `up` and `down`.
  public var intermediate: Int
  public var vocabulary: Int
  /// The longest sequence.
  public var positions: Int
  /// θ of the rotary embedding: pair i of a head turns by position · θ^(-2i / headWidth).
  public var ropeBase: Double
  public var normEpsilon: Double
  /// Whether `query`, `key` and `value` have a bias, as Qwen2's have.
  public var attentionBias: Bool
  /// Whether the head is the token embedding.
  public var tiedHead: Bool

  public init(
    layers: Int, width: Int, heads: Int, keyValueHeads: Int, headWidth: Int, intermediate: Int, vocabulary: Int,
    positions: Int, ropeBase: Double = 10_000, normEpsilon: Double = 1e-5, attentionBias: Bool = false,
    tiedHead: Bool = true
  ) {
    self.layers = layers
    self.width = width
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headWidth = headWidth
    self.intermediate = intermediate
    self.vocabulary = vocabulary
    self.positions = positions
    self.ropeBase = ropeBase
    self.normEpsilon = normEpsilon
    self.attentionBias = attentionBias
    self.tiedHead = tiedHead
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    layers = try container.decode(Int.self, forKey: .layers)
    width = try container.decode(Int.self, forKey: .width)
    heads = try container.decode(Int.self, forKey: .heads)
    keyValueHeads = try container.decode(Int.self, forKey: .keyValueHeads)
    headWidth = try container.decode(Int.self, forKey: .headWidth)
    intermediate = try container.decode(Int.self, forKey: .intermediate)
    vocabulary = try container.decode(Int.self, forKey: .vocabulary)
    positions = try container.decode(Int.self, forKey: .positions)
    ropeBase = try container.decodeIfPresent(Double.self, forKey: .ropeBase) ?? 10_000
    normEpsilon = try container.decodeIfPresent(Double.self, forKey: .normEpsilon) ?? 1e-5
    attentionBias = try container.decodeIfPresent(Bool.self, forKey: .attentionBias) ?? false
    tiedHead = try container.decodeIfPresent(Bool.self, forKey: .tiedHead) ?? true
  }

  /// Columns of the queries of all heads together.
  public var queryWidth: Int { heads * headWidth }
  /// Columns of the keys of all heads together, and of the values.
  public var keyValueWidth: Int { keyValueHeads * headWidth }

  public func validate() throws(SchemaError) {
    try ShapeCheck.count(layers, "layers", atMost: 256)
    try ShapeCheck.count(width, "width", atMost: 65536)
    try ShapeCheck.count(heads, "heads", atMost: 1024)
    try ShapeCheck.count(keyValueHeads, "keyValueHeads", atMost: 1024)
    try ShapeCheck.count(headWidth, "headWidth", atMost: 4096)
    try ShapeCheck.count(intermediate, "intermediate", atMost: 1 << 18)
    try ShapeCheck.count(vocabulary, "vocabulary", atMost: 1 << 20)
    try ShapeCheck.count(positions, "positions", atMost: 1 << 20)
    try ShapeCheck.epsilon(normEpsilon)
    func invalid(_ key: String, _ problem: String) -> SchemaError {
      .invalid(path: "\(ShapeCheck.path).\(key)", problem: problem, hint: nil)
    }
    guard heads % keyValueHeads == 0 else {
      throw invalid("keyValueHeads", "\(keyValueHeads) do not divide the \(heads) heads")
    }
    guard headWidth % 2 == 0 else {
      throw invalid("headWidth", "rotary positions turn pairs of columns, found \(headWidth)")
    }
    guard ropeBase > 1, ropeBase.isFinite else {
      throw invalid("ropeBase", "expected a number above 1, found \(ropeBase)")
    }
    try ShapeCheck.parameters([
      (vocabulary * (tiedHead ? 1 : 2), times: width),
      (layers * (2 * queryWidth + 2 * keyValueWidth + 3 * intermediate), times: width),
    ])
  }
}
