import Foundation
import Schemas
import Tensors
import Texts

/// All weights of a language model in memory, to be written as other programs read them. Equal values give equal bytes.
public struct LanguageWeights: Sendable {
  public typealias File = (name: String, bytes: [UInt8])

  public let shape: LanguageShape
  /// Of encoders.
  public let pooling: Pooling?
  /// One for each of `shape.weights`, and as long as its shape says.
  public let values: [WeightName: [Float]]

  public init(shape: LanguageShape, pooling: Pooling? = nil, values: [WeightName: [Float]]) {
    for (name, extents) in shape.weights {
      precondition(values[name]?.count == extents.reduce(1, *), "a value for every weight's element")
    }
    self.shape = shape
    self.pooling = pooling
    self.values = values
  }

  /// The architecture, as `config.json` and GGUF name it.
  private var architecture: String {
    switch shape {
    case .encoder: "bert"
    case .decoder(let shape): shape.attentionBias ? "qwen2" : "llama"
    }
  }
}

// MARK: A directory of the transformers package

extension LanguageWeights {
  /// `config.json`, `model.safetensors`, and for a pooled encoder what `sentence-transformers` reads.
  ///
  /// - Parameter type: F32, F16 or BF16.
  public func huggingFaceFiles(as type: TensorType) -> [File] {
    let stored: Safetensors.ElementType
    switch type {
    case .f32: stored = .f32
    case .f16: stored = .f16
    case .bf16: stored = .bf16
    case .q4_0, .q4_1, .q8_0: preconditionFailure("safetensors hold no blocks")
    }
    let prefix = shape.family == .decoder ? HuggingFaceNames.prefix(.decoder) : ""
    let tensors = shape.weights.map { name, extents in
      let plain = HuggingFaceNames.name(of: name, family: shape.family)
      return Safetensors.Tensor(
        name: name == .head ? plain : prefix + plain, type: stored, shape: extents,
        bytes: Quantisation.quantise(values[name]!, as: type)!)
    }
    var files: [File] = [
      ("config.json", Self.text(.object(configuration(type)))),
      ("model.safetensors", Safetensors(tensors: tensors, metadata: ["format": "pt"]).encoded()),
    ]
    if let pooling { files += Self.modules(pooling, width: shape.width) }
    return files
  }

  private func configuration(_ type: TensorType) -> [JSONValue.Member] {
    var members: [JSONValue.Member] = [.init("model_type", .string(architecture))]
    func add(_ key: String, _ value: Int) { members.append(.init(key, .number(String(value)))) }
    func add(_ key: String, _ value: Double) { members.append(.init(key, .number("\(value)"))) }
    switch shape {
    case .encoder(let shape):
      let activation =
        switch shape.activation {
        case .gelu: "gelu"
        case .geluTanh: "gelu_pytorch_tanh"
        case .relu: "relu"
        }
      members.append(.init("architectures", .array([.string("BertModel")])))
      members.append(.init("hidden_act", .string(activation)))
      add("hidden_size", shape.width)
      add("intermediate_size", shape.intermediate)
      add("layer_norm_eps", shape.normEpsilon)
      add("max_position_embeddings", shape.positions)
      add("num_attention_heads", shape.heads)
      add("num_hidden_layers", shape.layers)
      add("type_vocab_size", shape.tokenTypes)
      add("vocab_size", shape.vocabulary)
    case .decoder(let shape):
      let name = shape.attentionBias ? "Qwen2ForCausalLM" : "LlamaForCausalLM"
      members.append(.init("architectures", .array([.string(name)])))
      members.append(.init("hidden_act", .string("silu")))
      add("head_dim", shape.headWidth)
      add("hidden_size", shape.width)
      add("intermediate_size", shape.intermediate)
      add("max_position_embeddings", shape.positions)
      add("num_attention_heads", shape.heads)
      add("num_hidden_layers", shape.layers)
      add("num_key_value_heads", shape.keyValueHeads)
      add("rms_norm_eps", shape.normEpsilon)
      add("rope_theta", shape.ropeBase)
      members.append(.init("tie_word_embeddings", .bool(shape.tiedHead)))
      add("vocab_size", shape.vocabulary)
    }
    let type: String =
      switch type {
      case .f16: "float16"
      case .bf16: "bfloat16"
      default: "float32"
      }
    members.append(.init("torch_dtype", .string(type)))
    return members
  }

  private static func modules(_ pooling: Pooling, width: Int) -> [File] {
    let modules = [("Transformer", ""), ("Pooling", "1_Pooling")].enumerated().map { index, module in
      JSONValue.object([
        .init("idx", .number(String(index))), .init("name", .string(String(index))),
        .init("path", .string(module.1)), .init("type", .string("sentence_transformers.models.\(module.0)")),
      ])
    }
    let configuration = JSONValue.object([
      .init("word_embedding_dimension", .number(String(width))),
      .init("pooling_mode_cls_token", .bool(pooling == .cls)),
      .init("pooling_mode_mean_tokens", .bool(pooling == .mean)),
      .init("pooling_mode_max_tokens", .bool(false)),
      .init("pooling_mode_mean_sqrt_len_tokens", .bool(false)),
    ])
    return [("1_Pooling/config.json", text(configuration)), ("modules.json", text(.array(modules)))]
  }

  static func text(_ value: JSONValue) -> [UInt8] { value.encoded(sortingMembers: false) + [UInt8(ascii: "\n")] }
}

// MARK: GGUF

extension LanguageWeights {
  /// A GGUF file as llama.cpp reads it: matrices of that type, vectors in F32.
  ///
  /// - Parameters:
  ///   - type: F32, F16, BF16 or Q8_0; a matrix whose rows are not whole blocks of Q8_0 stays F16.
  ///   - metadata: Further values, such as those of the tokenizer.
  public func gguf(as type: TensorType, metadata: [(key: String, value: GGUF.Value)] = []) -> [UInt8] {
    precondition(type != .q4_0 && type != .q4_1, "a type that is written")
    let tensors = shape.weights.map { name, extents in
      let stored: TensorType =
        extents.count == 1 ? .f32 : extents[1] % type.blockLength == 0 ? type : .f16
      var elements = values[name]!
      if architecture == "llama", case .decoder(let shape) = shape, name.isRotated {
        elements = InterleavedHeads(headWidth: shape.headWidth).interleaved(elements, rowCount: extents[0])
      }
      return GGUF.Tensor(
        name: GGUFNames.name(of: name, family: shape.family), type: stored, shape: extents,
        bytes: Quantisation.quantise(elements, as: stored)!)
    }
    return GGUF.encoded(metadata: description + metadata, tensors: tensors)
  }

  private var description: [(key: String, value: GGUF.Value)] {
    var values: [(key: String, value: GGUF.Value)] = [("general.architecture", .string(architecture))]
    func add(_ key: String, _ value: Int) { values.append(("\(architecture).\(key)", .uint32(UInt32(value)))) }
    func add(_ key: String, _ value: Double) { values.append(("\(architecture).\(key)", .float32(Float(value)))) }
    add("block_count", shape.layers)
    add("context_length", shape.positions)
    add("embedding_length", shape.width)
    add("vocab_size", shape.vocabulary)
    switch shape {
    case .encoder(let shape):
      add("feed_forward_length", shape.intermediate)
      add("attention.head_count", shape.heads)
      add("attention.layer_norm_epsilon", shape.normEpsilon)
      values.append(("bert.attention.causal", .bool(false)))
      add("pooling_type", pooling == .mean ? 1 : pooling == .cls ? 2 : 0)
    case .decoder(let shape):
      add("feed_forward_length", shape.intermediate)
      add("attention.head_count", shape.heads)
      add("attention.head_count_kv", shape.keyValueHeads)
      add("attention.key_length", shape.headWidth)
      add("attention.value_length", shape.headWidth)
      add("attention.layer_norm_rms_epsilon", shape.normEpsilon)
      add("rope.dimension_count", shape.headWidth)
      add("rope.freq_base", shape.ropeBase)
    }
    return values
  }
}
