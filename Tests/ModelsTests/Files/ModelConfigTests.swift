import Models
import Schemas
import Tensors
import Testing

private func shape(_ config: String, weights: LanguageWeights? = nil) throws(ModelError) -> LanguageShape {
  let folder: ModelFolder
  do {
    folder = try ModelFolder(weights?.huggingFaceFiles(as: .f32) ?? [])
    try folder.write("config.json", config)
  } catch { preconditionFailure("\(error)") }
  return try BaseModel.open(folder.path).shape
}

/// What is not supported or wrong, as the error says it; the empty text when the configuration itself is accepted.
private func problem(_ config: String) -> String {
  do {
    _ = try shape(config)
    return ""
  } catch {
    switch error {
    case .unsupportedModel(_, let what): return what
    case .badModel(_, let problem): return problem
    case .unreadableFile: return ""  // There are no weights: the configuration was accepted.
    default: return "\(error)"
    }
  }
}

private let llama = """
  "model_type": "llama", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
  "max_position_embeddings": 16, "vocab_size": 10
  """
private let bert = """
  "model_type": "bert", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
  "max_position_embeddings": 8, "vocab_size": 10
  """

struct ModelConfigTests {
  @Test("Keys that a configuration leaves out have the defaults of transformers")
  func defaults() throws {
    let decoder = DecoderShape(
      layers: 2, width: 32, heads: 4, keyValueHeads: 4, headWidth: 8, intermediate: 64, vocabulary: 10, positions: 16,
      ropeBase: 10_000, normEpsilon: 1e-6, attentionBias: false, tiedHead: false)
    #expect(try shape("{\(llama)}", weights: TinyModels.weights(.decoder(decoder))) == .decoder(decoder))
    let encoder = EncoderShape(
      layers: 2, width: 32, heads: 4, intermediate: 64, vocabulary: 10, positions: 8, tokenTypes: 2, activation: .gelu,
      normEpsilon: 1e-12)
    #expect(try shape("{\(bert)}", weights: TinyModels.weights(.encoder(encoder))) == .encoder(encoder))
  }

  @Test("The rotary base stands beside the other keys, or in `rope_parameters`")
  func ropeBase() throws {
    let expected = DecoderShape(
      layers: 2, width: 32, heads: 4, keyValueHeads: 2, headWidth: 8, intermediate: 64, vocabulary: 10, positions: 16,
      ropeBase: 500_000, normEpsilon: 1e-5, attentionBias: false, tiedHead: true)
    let weights = TinyModels.weights(.decoder(expected))
    let common = #"{\#(llama), "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "tie_word_embeddings": true"#
    for rope in [
      #""rope_theta": 500000, "rope_scaling": null"#, #""rope_theta": 5e5, "rope_scaling": {"type": "default"}"#,
      #""rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}"#,
    ] {
      #expect(try shape("\(common), \(rope)}", weights: weights) == .decoder(expected))
    }
  }

  @Test(
    "A setting that changes what a decoder computes and is not implemented is named",
    arguments: [
      (#""rope_scaling": {"rope_type": "llama3", "factor": 8}"#, #""rope_scaling" of type "llama3""#),
      (#""rope_scaling": {"type": "linear", "factor": 2}"#, #""rope_scaling" of type "linear""#),
      (#""rope_parameters": {"rope_type": "yarn"}"#, #""rope_parameters" of type "yarn""#),
      (#""partial_rotary_factor": 0.5"#, #""partial_rotary_factor""#),
      (#""rope_interleaved": true"#, #""rope_interleaved": true"#),
      (#""attention_bias": true"#, #""attention_bias": true"#), (#""mlp_bias": true"#, #""mlp_bias": true"#),
      (#""hidden_act": "gelu""#, #"the activation "gelu""#),
      (#""use_sliding_window": true"#, #""use_sliding_window": true"#),
      (#""layer_types": ["full_attention", "sliding_attention"]"#, #"the layer type "sliding_attention""#),
      (#""quantization_config": {"bits": 4}"#, #"weights with a "quantization_config""#),
      (#""hidden_act": "silu", "attention_dropout": 0.1, "rope_scaling": null, "mlp_bias": false"#, ""),
    ])
  func unsupportedDecoders(setting: String, what: String) {
    #expect(problem("{\(llama), \(setting)}") == what)
  }

  @Test(
    "A setting that changes what an encoder computes and is not implemented is named",
    arguments: [
      (#""position_embedding_type": "relative_key""#, #""position_embedding_type": "relative_key""#),
      (#""is_decoder": true"#, #""is_decoder": true for "bert""#),
      (#""add_cross_attention": true"#, #""add_cross_attention": true"#),
      (#""hidden_act": "swish""#, #"the activation "swish""#), (#""hidden_act": "relu""#, ""),
    ])
  func unsupportedEncoders(setting: String, what: String) {
    #expect(problem("{\(bert), \(setting)}") == what)
  }

  @Test("A configuration that cannot be meant is refused by its key")
  func wrongConfigurations() {
    #expect(problem("{}") == #""model_type" is missing"#)
    #expect(problem("[]") == #""model_type" is missing"#)
    #expect(problem(#"{"model_type": "roberta"}"#) == #"the model type "roberta""#)
    #expect(problem(#"{"model_type": 3}"#) == #""model_type" is a number, expected text"#)
    #expect(problem(#"{"model_type": "bert"}"#) == #""num_hidden_layers" is missing"#)
    let big = bert.replacing(#""num_hidden_layers": 2"#, with: #""num_hidden_layers": 1000000000000"#)
    #expect(problem("{\(big)}") == "layers: expected 1 to 256, found 1000000000000")
    let odd = bert.replacing(#""num_attention_heads": 4"#, with: #""num_attention_heads": 5"#)
    #expect(problem("{\(odd)}") == "heads: 5 heads do not divide the width 32")
    let none = llama.replacing(#""num_attention_heads": 4"#, with: #""num_attention_heads": 0"#)
    #expect(problem("{\(none)}") == #""num_attention_heads" is 0"#)
    let text = llama.replacing(#""vocab_size": 10"#, with: #""vocab_size": "10""#)
    #expect(problem("{\(text)}") == #""vocab_size" is text, expected a whole number"#)
    #expect(problem(#"{\#(llama), "rope_theta": "big"}"#) == #""rope_theta" is text, expected a number"#)
    #expect(problem(#"{\#(llama), "mlp_bias": 1}"#) == #""mlp_bias" is a number, expected true or false"#)
    #expect(problem(#"{\#(llama), "rope_scaling": 2}"#) == #""rope_scaling" is a number, expected an object"#)
  }

  @Test("Pooling is what the modules say: none without them, one of the supported, or refused by name")
  func pooling() throws {
    let weights = TinyModels.weights(TinyModels.encoder, pooling: .mean)
    let folder = try ModelFolder(weights.huggingFaceFiles(as: .f32))
    let config = "1_Pooling/config.json"
    func problem() -> String {
      do {
        _ = try BaseModel.open(folder.path)
        return ""
      } catch {
        switch error {
        case .unsupportedModel(_, let what): return what
        case .badModel(_, let problem): return problem
        default: return "\(error)"
        }
      }
    }
    #expect(try BaseModel.open(folder.path).pooling == .mean)
    let original = try folder.text(config)
    try folder.replace("\"pooling_mode_max_tokens\":false", "\"pooling_mode_max_tokens\":true", in: config)
    #expect(problem() == #"pooling by "mean_tokens" and "max_tokens" at once"#)
    try folder.replace("\"pooling_mode_mean_tokens\":true", "\"pooling_mode_mean_tokens\":false", in: config)
    #expect(problem() == #"pooling by "max_tokens""#)
    try folder.replace("\"pooling_mode_max_tokens\":true", "\"pooling_mode_max_tokens\":false", in: config)
    #expect(problem() == "no pooling mode is true")
    try folder.write(config, #"{"pooling_mode": "cls"}"#)
    #expect(try BaseModel.open(folder.path).pooling == .cls)
    try folder.write(config, original)

    let modules = try folder.text("modules.json")
    try folder.write("modules.json", #"[{"type": "sentence_transformers.models.Dense", "path": "2_Dense"}]"#)
    #expect(problem() == #"the module "sentence_transformers.models.Dense""#)
    try folder.write("modules.json", modules.replacing("1_Pooling", with: "../1_Pooling"))
    #expect(problem() == "a path leads outside")
    try folder.write("modules.json", #"[{"type": "sentence_transformers.models.Transformer", "path": ""}]"#)
    #expect(try BaseModel.open(folder.path).pooling == nil)
  }
}
