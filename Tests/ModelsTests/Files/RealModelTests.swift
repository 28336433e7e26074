import Foundation
import Models
import Schemas
import Tensors
import Testing
import Tokenizers

/// What the gguf and safetensors packages read in the same files; `Benchmarks/reference/tensors.py` wrote it.
private struct Golden: Decodable {
  struct Tensor: Decodable {
    let shape: [Int]
    let sum: Double
    /// The sum of the elements times 1, 2, …, 97, 1, 2, …
    let ordered: Double
  }

  let minilm: [String: Tensor]
  let smollm2: [String: Tensor]

  static func read() throws -> Golden {
    let file = try #require(Bundle.module.url(forResource: "tensors", withExtension: "json", subdirectory: "Golden"))
    return try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
  }
}

private func expectEqual(_ base: BaseModel, _ golden: [String: Golden.Tensor], names: [WeightName: String]) throws {
  for (name, shape) in base.shape.weights {
    let tensor = try #require(names[name])
    let expected = try #require(golden[tensor])
    let values = try base.tensor(name)
    #expect(shape == expected.shape)
    var (sum, ordered, magnitude) = (0.0, 0.0, 0.0)
    values.withUnsafeBufferPointer { values in
      for k in values.indices {
        let value = Double(values[k])
        sum += value
        magnitude += value.magnitude
        ordered += value * Double(k % 97 + 1)
      }
    }
    #expect(abs(sum - expected.sum) <= 1e-9 * magnitude, "\(name)")
    #expect(abs(ordered - expected.ordered) <= 1e-7 * magnitude, "\(name)")
  }
}

struct RealModelTests {
  @Test(
    "MiniLM is read from its directory as the safetensors package reads it",
    .enabled(if: ModelCache.has(ModelCache.minilm)))
  func minilm() throws {
    let base = try BaseModel.open(ModelCache.minilm)
    #expect(
      base.shape
        == .encoder(
          EncoderShape(layers: 6, width: 384, heads: 12, intermediate: 1536, vocabulary: 30522, positions: 512)))
    #expect(base.pooling == .mean)
    #expect(base.ignoredTensors == ["embeddings.position_ids", "pooler.dense.bias", "pooler.dense.weight"])
    #expect(
      base.files.map(\.name) == [
        "1_Pooling/config.json", "config.json", "model.safetensors", "modules.json", "tokenizer.json",
        "tokenizer_config.json",
      ])
    let golden = try Golden.read().minilm
    #expect(base.shape.weights.count == golden.count - 2)
    var names: [WeightName: String] = [
      .tokenEmbedding: "embeddings.word_embeddings.weight",
      .positionEmbedding: "embeddings.position_embeddings.weight",
      .tokenTypeEmbedding: "embeddings.token_type_embeddings.weight",
      .embeddingNormGain: "embeddings.LayerNorm.weight", .embeddingNormBias: "embeddings.LayerNorm.bias",
    ]
    let modules: [(LayerWeight, LayerWeight, String)] = [
      (.query, .queryBias, "attention.self.query"), (.key, .keyBias, "attention.self.key"),
      (.value, .valueBias, "attention.self.value"), (.output, .outputBias, "attention.output.dense"),
      (.attentionNormGain, .attentionNormBias, "attention.output.LayerNorm"),
      (.up, .upBias, "intermediate.dense"), (.down, .downBias, "output.dense"),
      (.outputNormGain, .outputNormBias, "output.LayerNorm"),
    ]
    for layer in 0..<6 {
      for (weight, bias, module) in modules {
        names[.layer(layer, weight)] = "encoder.layer.\(layer).\(module).weight"
        names[.layer(layer, bias)] = "encoder.layer.\(layer).\(module).bias"
      }
    }
    try expectEqual(base, golden, names: names)
    // By the tokenizers package.
    let tokenizer = try base.tokenizer()
    #expect(tokenizer.encode("A man is eating food.") == [101, 1037, 2158, 2003, 5983, 2833, 1012, 102])
    #expect(try base.chatTemplate() == nil)
  }

  @Test(
    "SmolLM2 is read from its GGUF as the gguf package reads it, queries and keys in the order of Hugging Face",
    .enabled(if: ModelCache.has(ModelCache.smollm2)))
  func smollm2() throws {
    let base = try BaseModel.open(ModelCache.smollm2)
    #expect(
      base.shape
        == .decoder(
          DecoderShape(
            layers: 30, width: 576, heads: 9, keyValueHeads: 3, headWidth: 64, intermediate: 1536, vocabulary: 49152,
            positions: 8192, ropeBase: 100_000, normEpsilon: 1e-5, tiedHead: true)))
    #expect(base.pooling == nil)
    #expect(base.ignoredTensors == [])
    let golden = try Golden.read().smollm2
    #expect(base.shape.weights.count == golden.count)
    var names: [WeightName: String] = [.tokenEmbedding: "embed_tokens.weight", .finalNorm: "norm.weight"]
    let modules: [(LayerWeight, String)] = [
      (.query, "self_attn.q_proj"), (.key, "self_attn.k_proj"), (.value, "self_attn.v_proj"),
      (.output, "self_attn.o_proj"), (.gate, "mlp.gate_proj"), (.up, "mlp.up_proj"), (.down, "mlp.down_proj"),
      (.attentionNormGain, "input_layernorm"), (.feedForwardNormGain, "post_attention_layernorm"),
    ]
    for layer in 0..<30 {
      for (weight, module) in modules { names[.layer(layer, weight)] = "layers.\(layer).\(module).weight" }
    }
    try expectEqual(base, golden, names: names)
    let quantised = try base.quantised(.head)
    let head = try #require(quantised)
    #expect(head.type == .q8_0)
    #expect(head.blocks.count == 49152 * 576 / 32 * 34)
    #expect(try base.quantised(.layer(0, .query))?.type == .q4_1)
    #expect(try base.quantised(.finalNorm) == nil)
    // By the tokenizers package.
    let tokenizer = try base.tokenizer()
    #expect(tokenizer.encode("The capital of France is") == [504, 3575, 282, 4649, 314])
    let template = try base.chatTemplate()
    let text = try #require(template).render(
      [.init(role: "user", content: "It costs 42 €.")], addGenerationPrompt: true)
    let turn = "<|im_start|>user\nIt costs 42 €.<|im_end|>\n<|im_start|>assistant\n"
    #expect(text.hasPrefix("<|im_start|>system\n"))
    #expect(text.hasSuffix(turn))
    #expect(tokenizer.encode(turn).prefix(11) == [1, 4093, 198, 1589, 3499, 216, 36, 34, 24927, 30, 2])
  }

  @Test(
    "SmolLM2's weights are the same in a directory, and Q8_0 is written as the gguf package writes them",
    .enabled(if: ModelCache.has(ModelCache.smollm2Directory) && ModelCache.has(ModelCache.smollm2Q8)))
  func otherLayouts() throws {
    let original = try BaseModel.open(ModelCache.smollm2)
    let directory = try BaseModel.open(ModelCache.smollm2Directory)
    let quantised = try BaseModel.open(ModelCache.smollm2Q8)
    #expect(directory.shape == original.shape)
    #expect(quantised.shape == original.shape)
    for name: WeightName in [.layer(0, .query), .layer(29, .key), .layer(7, .down), .finalNorm] {
      let weights = try original.tensor(name)
      #expect(try directory.tensor(name) == weights)
      let blocks = try quantised.quantised(name)?.blocks
      #expect(blocks == (name == .finalNorm ? nil : Quantisation.quantise(weights, as: .q8_0)))
    }
    let (ours, theirs) = (try original.tokenizer(), try directory.tokenizer())
    let text = "Aspirin, also known as acetylsalicylic acid, costs 42 €.\n"
    #expect(ours.encode(text) == theirs.encode(text))
  }
}
