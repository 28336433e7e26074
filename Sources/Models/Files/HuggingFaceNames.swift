import Schemas

/// What the `transformers` package calls weights, without the prefix of the class that holds the network
/// (`bert.`, `model.`).
enum HuggingFaceNames {
  static func name(of weight: WeightName, family: LanguageShape.Family) -> String {
    switch (family, weight) {
    case (.encoder, .tokenEmbedding): "embeddings.word_embeddings.weight"
    case (.encoder, .positionEmbedding): "embeddings.position_embeddings.weight"
    case (.encoder, .tokenTypeEmbedding): "embeddings.token_type_embeddings.weight"
    case (.encoder, .embeddingNormGain): "embeddings.LayerNorm.weight"
    case (.encoder, .embeddingNormBias): "embeddings.LayerNorm.bias"
    case (.encoder, .layer(let index, let part)): "encoder.layer.\(index).\(encoder(part))"
    case (.decoder, .tokenEmbedding): "embed_tokens.weight"
    case (.decoder, .layer(let index, let part)): "layers.\(index).\(decoder(part))"
    case (.decoder, .finalNorm): "norm.weight"
    case (_, .head): "lm_head.weight"
    case (.encoder, .finalNorm), (.decoder, .positionEmbedding), (.decoder, .tokenTypeEmbedding),
      (.decoder, .embeddingNormGain), (.decoder, .embeddingNormBias):
      preconditionFailure("a weight of that family")
    }
  }

  /// The prefix that files with a head or a task put before the names, but for `lm_head`.
  static func prefix(_ family: LanguageShape.Family) -> String {
    switch family {
    case .encoder: "bert."
    case .decoder: "model."
    }
  }

  private static func encoder(_ part: LayerWeight) -> String {
    switch part {
    case .query: "attention.self.query.weight"
    case .queryBias: "attention.self.query.bias"
    case .key: "attention.self.key.weight"
    case .keyBias: "attention.self.key.bias"
    case .value: "attention.self.value.weight"
    case .valueBias: "attention.self.value.bias"
    case .output: "attention.output.dense.weight"
    case .outputBias: "attention.output.dense.bias"
    case .attentionNormGain: "attention.output.LayerNorm.weight"
    case .attentionNormBias: "attention.output.LayerNorm.bias"
    case .up: "intermediate.dense.weight"
    case .upBias: "intermediate.dense.bias"
    case .down: "output.dense.weight"
    case .downBias: "output.dense.bias"
    case .outputNormGain: "output.LayerNorm.weight"
    case .outputNormBias: "output.LayerNorm.bias"
    case .gate, .feedForwardNormGain: preconditionFailure("a weight of an encoder")
    }
  }

  private static func decoder(_ part: LayerWeight) -> String {
    switch part {
    case .query: "self_attn.q_proj.weight"
    case .queryBias: "self_attn.q_proj.bias"
    case .key: "self_attn.k_proj.weight"
    case .keyBias: "self_attn.k_proj.bias"
    case .value: "self_attn.v_proj.weight"
    case .valueBias: "self_attn.v_proj.bias"
    case .output: "self_attn.o_proj.weight"
    case .attentionNormGain: "input_layernorm.weight"
    case .feedForwardNormGain: "post_attention_layernorm.weight"
    case .gate: "mlp.gate_proj.weight"
    case .up: "mlp.up_proj.weight"
    case .down: "mlp.down_proj.weight"
    case .outputBias, .attentionNormBias, .upBias, .downBias, .outputNormGain, .outputNormBias:
      preconditionFailure("a weight of a decoder")
    }
  }
}
