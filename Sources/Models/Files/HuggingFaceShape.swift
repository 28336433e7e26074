import Schemas

extension LanguageShape {
  /// The shape that a `config.json` of the `transformers` package states: model types `bert`, `llama` and `qwen2`.
  ///
  /// - Throws: `.unsupportedModel` for another model type, and for any setting that changes what the network computes
  ///   and is not implemented: whoever trains must not find out by wrong answers.
  init(huggingFace config: ModelConfig) throws(ModelError) {
    try config.refuse(config.value("quantization_config") != nil, "weights with a \"quantization_config\"")
    switch try config.text("model_type") {
    case "bert": self = .encoder(try EncoderShape(bert: config))
    case "llama": self = .decoder(try DecoderShape(config, isQwen: false))
    case "qwen2": self = .decoder(try DecoderShape(config, isQwen: true))
    case let other: throw .unsupportedModel(file: config.file, what: "the model type \"\(other)\"")
    }
    try self.validate(from: config.file)
  }

  /// Passes `validate()` on as an error about that file.
  func validate(from file: String) throws(ModelError) {
    do { try validate() } catch {
      guard case .invalid(let path, let problem, _) = error else { throw .schema(error) }
      throw .badModel(file: file, problem: "\(path.split(separator: ".").last ?? ""): \(problem)")
    }
  }
}

extension EncoderShape {
  fileprivate init(bert config: ModelConfig) throws(ModelError) {
    let positions = try config.text("position_embedding_type", default: "absolute")
    try config.refuse(positions != "absolute", "\"position_embedding_type\": \"\(positions)\"")
    try config.refuse(try config.bool("is_decoder", default: false), "\"is_decoder\": true for \"bert\"")
    try config.refuse(try config.bool("add_cross_attention", default: false), "\"add_cross_attention\": true")
    let activation: Activation
    switch try config.text("hidden_act", default: "gelu") {
    case "gelu": activation = .gelu
    case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": activation = .geluTanh
    case "relu": activation = .relu
    case let other: throw .unsupportedModel(file: config.file, what: "the activation \"\(other)\"")
    }
    self.init(
      layers: try config.integer("num_hidden_layers"), width: try config.integer("hidden_size"),
      heads: try config.integer("num_attention_heads"), intermediate: try config.integer("intermediate_size"),
      vocabulary: try config.integer("vocab_size"), positions: try config.integer("max_position_embeddings"),
      tokenTypes: try config.integer("type_vocab_size", default: 2), activation: activation,
      normEpsilon: try config.number("layer_norm_eps", default: 1e-12))
  }
}

extension DecoderShape {
  fileprivate init(_ config: ModelConfig, isQwen: Bool) throws(ModelError) {
    let activation = try config.text("hidden_act", default: "silu")
    try config.refuse(activation != "silu", "the activation \"\(activation)\"")
    try config.refuse(try config.bool("mlp_bias", default: false), "\"mlp_bias\": true")
    try config.refuse(try config.bool("attention_bias", default: false) && !isQwen, "\"attention_bias\": true")
    try config.refuse(try config.bool("use_sliding_window", default: false), "\"use_sliding_window\": true")
    try config.refuse(try config.bool("rope_interleaved", default: false), "\"rope_interleaved\": true")
    if case .array(let types)? = config.value("layer_types"),
      let other = types.first(where: { $0 != .string("full_attention") })
    {
      throw .unsupportedModel(file: config.file, what: "the layer type \"\(other.string ?? other.kind)\"")
    }
    // Up to version 4 of transformers the base stands beside `rope_scaling`; from 5 on, both are `rope_parameters`.
    var ropeBase = try config.number("rope_theta", default: 10_000)
    try config.refuse(try config.number("partial_rotary_factor", default: 1) != 1, "\"partial_rotary_factor\"")
    for key in ["rope_scaling", "rope_parameters"] {
      guard let rope = try config.object(key) else { continue }
      let type = try rope.text("rope_type", default: try rope.text("type", default: "default"))
      try rope.refuse(type != "default", "\"\(key)\" of type \"\(type)\"")
      try rope.refuse(try rope.number("partial_rotary_factor", default: 1) != 1, "\"partial_rotary_factor\"")
      ropeBase = try rope.number("rope_theta", default: ropeBase)
    }
    let width = try config.integer("hidden_size")
    let heads = try config.integer("num_attention_heads")
    guard heads > 0 else { throw .badModel(file: config.file, problem: "\"num_attention_heads\" is \(heads)") }
    try config.refuse(
      config.value("head_dim") == nil && width % heads != 0, "\(heads) heads that do not divide the width \(width)")
    self.init(
      layers: try config.integer("num_hidden_layers"), width: width, heads: heads,
      keyValueHeads: try config.integer("num_key_value_heads", default: heads),
      headWidth: try config.integer("head_dim", default: width / heads),
      intermediate: try config.integer("intermediate_size"), vocabulary: try config.integer("vocab_size"),
      positions: try config.integer("max_position_embeddings"), ropeBase: ropeBase,
      normEpsilon: try config.number("rms_norm_eps", default: 1e-6), attentionBias: isQwen,
      tiedHead: try config.bool("tie_word_embeddings", default: false))
  }
}
