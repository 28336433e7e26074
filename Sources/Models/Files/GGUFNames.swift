import Schemas

/// What the converters of llama.cpp call weights.
///
/// Source: `TENSOR_NAMES` of gguf-py's constants.py.
enum GGUFNames {
  static func name(of weight: WeightName, family: LanguageShape.Family) -> String {
    switch weight {
    case .tokenEmbedding: "token_embd.weight"
    case .positionEmbedding: "position_embd.weight"
    case .tokenTypeEmbedding: "token_types.weight"
    case .embeddingNormGain: "token_embd_norm.weight"
    case .embeddingNormBias: "token_embd_norm.bias"
    case .layer(let index, let part): "blk.\(index).\(name(of: part, family: family))"
    case .finalNorm: "output_norm.weight"
    case .head: "output.weight"
    }
  }

  private static func name(of part: LayerWeight, family: LanguageShape.Family) -> String {
    switch part {
    case .query: "attn_q.weight"
    case .queryBias: "attn_q.bias"
    case .key: "attn_k.weight"
    case .keyBias: "attn_k.bias"
    case .value: "attn_v.weight"
    case .valueBias: "attn_v.bias"
    case .output: "attn_output.weight"
    case .outputBias: "attn_output.bias"
    case .attentionNormGain: family == .encoder ? "attn_output_norm.weight" : "attn_norm.weight"
    case .attentionNormBias: "attn_output_norm.bias"
    case .feedForwardNormGain: "ffn_norm.weight"
    case .gate: "ffn_gate.weight"
    case .up: "ffn_up.weight"
    case .upBias: "ffn_up.bias"
    case .down: "ffn_down.weight"
    case .downBias: "ffn_down.bias"
    case .outputNormGain: "layer_output_norm.weight"
    case .outputNormBias: "layer_output_norm.bias"
    }
  }
}
