import Schemas

@testable import Models

/// Weights that are drawn by a formula instead of read from a file, so that another program can hold the same ones.
///
/// Element i of a tensor is output i of SplitMix64, started from the FNV-1a hash of the tensor's name in Hugging Face's
/// files; its upper 24 bits are a number u in [0, 1), and x = 2u - 1. A matrix `[outputs, inputs]` is 1.5 x / √inputs, the
/// token embedding x, a bias 0.3 x, a norm's gain 1 + 0.3 x, an adapter's A x / √inputs.
///
/// Benchmarks/reference/decoder_golden.py states the same formula.
struct FormulaWeights {
  let all: [WeightName: [Float]]

  init(_ shape: DecoderShape) {
    all = Dictionary(
      uniqueKeysWithValues: LanguageShape.decoder(shape).weights.map { name, dimensions in
        (name, Self.values(Self.fileName(name), dimensions))
      })
  }

  /// What `name` holds by the formula for its kind, which its name tells.
  static func values(_ name: String, _ dimensions: [Int]) -> [Float] {
    let x = uniform(name, dimensions.reduce(1, *))
    let root = Double(dimensions.last!).squareRoot()
    if name.contains("lora_A") { return x.map { Float($0 / root) } }
    if name.contains("embed_tokens") { return x.map { Float($0) } }
    if name.contains("norm") { return x.map { Float(1 + 0.3 * $0) } }
    if name.hasSuffix(".bias") { return x.map { Float(0.3 * $0) } }
    return x.map { Float(1.5 * $0 / root) }
  }

  private static func uniform(_ name: String, _ count: Int) -> [Double] {
    var generator = SplitMix64(
      state: name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 })
    return (0..<count).map { _ in 2 * Double(generator.next() >> 40) / Double(1 << 24) - 1 }
  }

  static func fileName(_ name: WeightName) -> String {
    switch name {
    case .tokenEmbedding: return "model.embed_tokens.weight"
    case .finalNorm: return "model.norm.weight"
    case .head: return "lm_head.weight"
    case .layer(let layer, .attentionNormGain): return "model.layers.\(layer).input_layernorm.weight"
    case .layer(let layer, .feedForwardNormGain): return "model.layers.\(layer).post_attention_layernorm.weight"
    case .layer(let layer, let weight):
      let isBias = weight.rawValue.hasSuffix("Bias")
      let target = AdapterTarget(rawValue: String(weight.rawValue.dropLast(isBias ? 4 : 0)))!
      return "model.layers.\(layer).\(modulePath(target)).\(isBias ? "bias" : "weight")"
    default: fatalError("not a decoder's")
    }
  }

  static func modulePath(_ target: AdapterTarget) -> String {
    switch target {
    case .query: "self_attn.q_proj"
    case .key: "self_attn.k_proj"
    case .value: "self_attn.v_proj"
    case .output: "self_attn.o_proj"
    case .gate: "mlp.gate_proj"
    case .up: "mlp.up_proj"
    case .down: "mlp.down_proj"
    }
  }
}
