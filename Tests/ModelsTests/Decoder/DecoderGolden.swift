import Foundation
import Schemas
import Testing

@testable import Models

/// What Hugging Face transformers and PEFT computed for tiny decoders, by Benchmarks/reference/decoder_golden.py.
struct DecoderGolden: Decodable {
  struct Config: Decodable {
    let kind: String
    let hidden_size: Int
    let intermediate_size: Int
    let num_hidden_layers: Int
    let num_attention_heads: Int
    let num_key_value_heads: Int
    let head_dim: Int?
    let vocab_size: Int
    let max_position_embeddings: Int
    let rms_norm_eps: Double
    let rope_theta: Double
    let tie_word_embeddings: Bool

    var shape: DecoderShape {
      DecoderShape(
        layers: num_hidden_layers, width: hidden_size, heads: num_attention_heads, keyValueHeads: num_key_value_heads,
        headWidth: head_dim ?? hidden_size / num_attention_heads, intermediate: intermediate_size,
        vocabulary: vocab_size, positions: max_position_embeddings, ropeBase: rope_theta, normEpsilon: rms_norm_eps,
        attentionBias: kind == "qwen2", tiedHead: tie_word_embeddings)
    }
  }

  struct Logits: Decodable, CustomTestStringConvertible {
    let name: String
    let config: Config
    let tokens: [Int32]
    let logits: [[Double]]
    var testDescription: String { name }
  }

  struct Trajectory: Decodable, CustomTestStringConvertible {
    struct Sequence: Decodable {
      let tokens: [Int32]
      let prompt: Int32
    }

    let config: Config
    let rank: Int
    let alpha: Double
    let trainA: Bool
    let seed: UInt64
    let learningRate: Double
    let weightDecay: Double
    /// Three for each step.
    let sequences: [Sequence]
    let losses: [Double]
    /// PEFT's names.
    let final: [String: [Double]]
    var testDescription: String { trainA ? "A and B trained" : "A frozen" }
  }

  let logits: [Logits]
  let trajectories: [Trajectory]

  static let file: DecoderGolden = {
    let url = Bundle.module.url(forResource: "decoders", withExtension: "json")!
    return try! JSONDecoder().decode(DecoderGolden.self, from: Data(contentsOf: url))
  }()
}
