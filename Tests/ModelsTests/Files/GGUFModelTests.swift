import Models
import Schemas
import Tensors
import Testing

struct GGUFModelTests {
  /// What is not supported or wrong in a file with these changes of metadata and further tensors.
  private func problem(
    _ shape: LanguageShape = TinyModels.llama, set values: [String: GGUF.Value] = [:], removing key: String? = nil,
    adding: [GGUF.Tensor] = []
  ) throws -> String {
    let file = try GGUFFile(ReadOnlyFile(bytes: TinyModels.weights(shape).gguf(as: .f32), path: ""))
    var metadata = file.metadata
    metadata.merge(values) { $1 }
    if let key { metadata[key] = nil }
    let tensors = try file.names.map { name in
      let tensor = file.tensor(name)!
      return GGUF.Tensor(name: name, type: tensor.type, shape: tensor.shape, bytes: try file.bytes(tensor))
    }
    let changed = GGUF.encoded(
      metadata: metadata.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, tensors: tensors + adding)
    let folder = try ModelFolder([("model.gguf", changed)])
    do {
      _ = try BaseModel.open(folder.path(of: "model.gguf"))
      return ""
    } catch {
      switch error {
      case .unsupportedModel(_, let what): return what
      case .badModel(_, let problem): return problem
      case .missingTensor(_, let tensor): return "missing \(tensor)"
      case .wrongTensorShape(_, let tensor, let expected, let found): return "\(tensor) \(found) for \(expected)"
      default: return "\(error)"
      }
    }
  }

  @Test("Metadata that changes what a model computes and is not implemented is named")
  func unsupported() throws {
    #expect(try problem() == "")
    #expect(try problem(set: ["general.architecture": .string("gemma")]) == #"the architecture "gemma""#)
    #expect(
      try problem(set: ["llama.rope.scaling.type": .string("yarn")]) == #""llama.rope.scaling.type" "yarn""#)
    #expect(try problem(set: ["llama.rope.scaling.type": .string("none")]) == "")
    #expect(try problem(set: ["llama.rope.scaling.factor": .float32(4)]) == #""llama.rope.scaling.factor""#)
    #expect(try problem(set: ["llama.expert_count": .uint32(8)]) == #""llama.expert_count""#)
    #expect(try problem(set: ["llama.expert_count": .uint32(0)]) == "")
    #expect(
      try problem(set: ["llama.rope.dimension_count": .uint32(4)])
        == #""llama.rope.dimension_count" 4 with heads of 8"#)
    #expect(
      try problem(set: ["llama.attention.value_length": .uint32(16)])
        == #""llama.attention.value_length" 16 with heads of 8"#)
    #expect(try problem(TinyModels.encoder, set: ["bert.pooling_type": .uint32(3)]) == #""bert.pooling_type" 3"#)
    #expect(try problem(TinyModels.encoder, set: ["bert.attention.causal": .bool(true)]) == #""bert.attention.causal""#)
  }

  @Test("A tensor within a layer or of scaled positions that no network here uses is named")
  func extraTensors() throws {
    func tensor(_ name: String) -> GGUF.Tensor { .init(name: name, type: .f32, shape: [0], bytes: []) }
    #expect(
      try problem(adding: [tensor("blk.0.attn_q_norm.weight")])
        == #"the tensor "blk.0.attn_q_norm.weight" in a layer"#)
    #expect(
      try problem(adding: [tensor("rope_freqs.weight")]) == #"rotary positions scaled by "rope_freqs.weight""#)
    #expect(try problem(TinyModels.encoder, adding: [tensor("cls.weight")]) == "")
  }

  @Test("Metadata that is missing, of another type, or contradicts the tensors is named")
  func wrongMetadata() throws {
    #expect(
      try problem(removing: "llama.block_count") == #"metadata "llama.block_count" is missing"#)
    #expect(
      try problem(set: ["llama.block_count": .string("2")])
        == #"metadata "llama.block_count" is of type string, expected a whole number"#)
    #expect(
      try problem(set: ["llama.attention.head_count_kv": .array(.int32, [.int32(2), .int32(4)])])
        == #"metadata "llama.attention.head_count_kv" is of type array, expected a whole number"#)
    #expect(try problem(set: ["llama.block_count": .uint32(3)]) == "missing blk.2.attn_norm.weight")
    #expect(try problem(set: ["llama.vocab_size": .uint32(11)]) == "token_embd.weight [10, 32] for [11, 32]")
    #expect(try problem(set: ["llama.attention.head_count": .uint32(0)]) == "0 attention heads")
    #expect(
      try problem(set: ["llama.context_length": .uint64(1 << 40)])
        == "positions: expected 1 to 1048576, found 1099511627776")
  }

  @Test("Without a size of the vocabulary the embedding has it, and a tensor `output.weight` unties the head")
  func derived() throws {
    #expect(try problem(removing: "llama.vocab_size") == "")
    let head = GGUF.Tensor(
      name: "output.weight", type: .f32, shape: [10, 32], bytes: [UInt8](repeating: 0, count: 1280))
    let weights = TinyModels.weights(TinyModels.qwen)
    let folder = try ModelFolder([("model.gguf", weights.gguf(as: .f32))])
    let base = try BaseModel.open(folder.path(of: "model.gguf"))
    #expect(try base.tensor(.head) == weights.values[.head])
    #expect(try base.tensor(.head) != base.tensor(.tokenEmbedding))
    #expect(try problem(adding: [head]) == "")
  }
}
