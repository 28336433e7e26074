import Foundation
import Models
import Schemas
import Tensors
import Testing

private func expect(_ base: BaseModel, holds weights: LanguageWeights) throws {
  #expect(base.shape == weights.shape)
  #expect(base.pooling == weights.pooling)
  for (name, _) in weights.shape.weights { #expect(try base.tensor(name) == weights.values[name], "\(name)") }
}

private func opening(_ path: String) -> ModelError? {
  do {
    _ = try BaseModel.open(path)
    return nil
  } catch { return error }
}

struct BaseModelTests {
  static let all: [LanguageWeights] = [
    TinyModels.weights(TinyModels.encoder, pooling: .cls), TinyModels.weights(TinyModels.llama),
    TinyModels.weights(TinyModels.qwen),
  ]

  @Test("A directory that is written is read again, in every type", arguments: all, [TensorType.f32, .f16, .bf16])
  func directory(weights: LanguageWeights, type: TensorType) throws {
    let folder = try ModelFolder(weights.huggingFaceFiles(as: type))
    let base = try BaseModel.open(folder.path)
    try expect(base, holds: weights)
    #expect(base.ignoredTensors == [])
    #expect(try base.quantised(.tokenEmbedding) == nil)
  }

  @Test(
    "A GGUF file that is written is read again, in every type without blocks", arguments: all,
    [TensorType.f32, .f16, .bf16])
  func gguf(weights: LanguageWeights, type: TensorType) throws {
    // GGUF has no key for the activation: an encoder's is the exact one.
    var weights = weights
    if case .encoder(var shape) = weights.shape {
      shape.activation = .gelu
      weights = TinyModels.weights(.encoder(shape), pooling: weights.pooling)
    }
    let folder = try ModelFolder([("model.gguf", weights.gguf(as: type))])
    let base = try BaseModel.open(folder.path(of: "model.gguf"))
    try expect(base, holds: weights)
    #expect(base.files.map(\.name) == ["model.gguf"])
  }

  @Test("Of a quantised file the blocks are handed out in the order of the weights that they stand for")
  func quantised() throws {
    let weights = TinyModels.weights(TinyModels.llama)
    let folder = try ModelFolder([("model.gguf", weights.gguf(as: .q8_0))])
    let base = try BaseModel.open(folder.path(of: "model.gguf"))
    for name: WeightName in [.layer(0, .query), .layer(1, .key), .layer(1, .down), .tokenEmbedding] {
      let quantised = try base.quantised(name)
      let (blocks, type) = try #require(quantised)
      #expect(type == .q8_0)
      // Each row was quantised on its own, so the blocks of the rows in our order are those of the whole.
      #expect(blocks == Quantisation.quantise(weights.values[name]!, as: .q8_0))
    }
    #expect(try base.quantised(.head)?.blocks == base.quantised(.tokenEmbedding)?.blocks)
    #expect(try base.tensor(.head) == base.tensor(.tokenEmbedding))
    #expect(try base.quantised(.finalNorm) == nil)
  }

  @Test("Rows of a Llama's queries and keys in GGUF are interleaved, those of a Qwen's are not")
  func rowOrder() throws {
    // Heads of 8 rows: llama.cpp's converter makes of rows 0 1 2 3 | 4 5 6 7 the rows 0 4 1 5 2 6 3 7.
    for (shape, order) in [(TinyModels.llama, [0, 4, 1, 5, 2, 6, 3, 7]), (TinyModels.qwen, Array(0..<8))] {
      let weights = TinyModels.weights(shape)
      let file = try GGUFFile(ReadOnlyFile(bytes: weights.gguf(as: .f32), path: ""))
      let stored = try file.floats(#require(file.tensor("blk.0.attn_k.weight")))
      let key = try #require(weights.values[.layer(0, .key)])
      for (row, source) in order.enumerated() {
        #expect(stored[32 * row..<32 * row + 32] == key[32 * source..<32 * source + 32])
      }
      let value = try file.floats(#require(file.tensor("blk.0.attn_v.weight")))
      #expect(value == weights.values[.layer(0, .value)])
    }
  }

  @Test("Weights have the names that transformers gives them")
  func huggingFaceNames() throws {
    func names(_ shape: LanguageShape) throws -> [String] {
      let files = TinyModels.weights(shape).huggingFaceFiles(as: .f32)
      let bytes = try #require(files.first { $0.name == "model.safetensors" }).bytes
      return try Safetensors(decoding: bytes).tensors.map(\.name)
    }
    let llama = try names(TinyModels.llama)
    #expect(
      llama.prefix(10) == [
        "model.embed_tokens.weight", "model.layers.0.input_layernorm.weight", "model.layers.0.self_attn.q_proj.weight",
        "model.layers.0.self_attn.k_proj.weight", "model.layers.0.self_attn.v_proj.weight",
        "model.layers.0.self_attn.o_proj.weight", "model.layers.0.post_attention_layernorm.weight",
        "model.layers.0.mlp.gate_proj.weight", "model.layers.0.mlp.up_proj.weight",
        "model.layers.0.mlp.down_proj.weight",
      ])
    #expect(llama.count == 20)
    #expect(llama.last == "model.norm.weight")
    let qwen = try names(TinyModels.qwen)
    #expect(
      qwen.suffix(5) == [
        "model.layers.0.self_attn.q_proj.bias", "model.layers.0.self_attn.k_proj.bias",
        "model.layers.0.self_attn.v_proj.bias", "model.norm.weight", "lm_head.weight",
      ])
    #expect(qwen.count == 15)
  }

  @Test("The trained vector of an encoder and its weights have the same shapes in the same order")
  func encoderWeights() throws {
    guard case .encoder(let shape) = TinyModels.encoder else { return }
    #expect(TinyModels.encoder.weights.map(\.shape) == shape.weights.map(\.shape))
  }

  @Test("Shards are read by their index, and one that disagrees with it is refused")
  func shards() throws {
    let weights = TinyModels.weights(TinyModels.llama)
    let files = weights.huggingFaceFiles(as: .f32)
    let whole = try Safetensors(decoding: files[1].bytes)
    let folder = try ModelFolder([files[0]])
    let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    let halves = [Array(whole.tensors[..<7]), Array(whole.tensors[7...])]
    var places: [String] = []
    for (name, tensors) in zip(shards, halves) {
      try folder.write(name, Safetensors(tensors: tensors).encoded())
      places += tensors.map { "\"\($0.name)\": \"\(name)\"" }
    }
    let index = "model.safetensors.index.json"
    try folder.write(index, "{\"metadata\": {}, \"weight_map\": {\(places.joined(separator: ", "))}}")
    let base = try BaseModel.open(folder.path)
    try expect(base, holds: weights)
    #expect(base.files.map(\.name) == ["config.json"] + shards + [index])

    try folder.replace("\"model.norm.weight\": \"\(shards[1])\"", "\"model.norm.weight\": \"\(shards[0])\"", in: index)
    #expect(opening(folder.path) == .missingTensor(file: folder.path(of: shards[0]), tensor: "model.norm.weight"))
    try folder.replace("\"model.norm.weight\": \"\(shards[0])\"", "\"a\": \"\(shards[0])\"", in: index)
    #expect(opening(folder.path) == .missingTensor(file: folder.path(of: shards[0]), tensor: "a"))
    try folder.replace(
      "\"a\": \"\(shards[0])\"",
      "\"model.norm.weight\": \"\(shards[1])\", \"other\": \"../x.safetensors\"", in: index)
    #expect(
      opening(folder.path)
        == .badModel(file: folder.path(of: index), problem: "tensor \"other\" is in no file of the directory"))
    try folder.replace("\"other\": \"../x.safetensors\"", "\"other\": \"x.safetensors\"", in: index)
    #expect(opening(folder.path) == .unreadableFile(file: folder.path(of: "x.safetensors"), reason: "no such file"))
    try folder.write(index, "{}")
    #expect(opening(folder.path) == .badModel(file: folder.path(of: index), problem: "\"weight_map\" is missing"))
  }

  @Test("A tensor may have the prefix of a class with a head, or the names of TensorFlow, and heads are ignored")
  func otherNames() throws {
    let weights = TinyModels.weights(TinyModels.encoder)
    let files = weights.huggingFaceFiles(as: .f32)
    var file = try Safetensors(decoding: files[1].bytes)
    for index in file.tensors.indices {
      let name = file.tensors[index].name
        .replacing("LayerNorm.weight", with: "LayerNorm.gamma").replacing("LayerNorm.bias", with: "LayerNorm.beta")
      file.tensors[index].name = "bert.\(name)"
    }
    file.tensors.append(.init(name: "cls.predictions.bias", type: .f32, shape: [1], bytes: [0, 0, 0, 0]))
    file.tensors.append(.init(name: "bert.embeddings.position_ids", type: .i64, shape: [0], bytes: []))
    let folder = try ModelFolder([files[0], ("model.safetensors", file.encoded())])
    let base = try BaseModel.open(folder.path)
    try expect(base, holds: weights)
    #expect(base.ignoredTensors == ["bert.embeddings.position_ids", "cls.predictions.bias"])
  }

  @Test("A tensor that is missing, has another shape or type, or that no network here uses, is named")
  func wrongTensors() throws {
    let files = TinyModels.weights(TinyModels.llama).huggingFaceFiles(as: .f32)
    let whole = try Safetensors(decoding: files[1].bytes)
    let folder = try ModelFolder([files[0]])
    let path = folder.path(of: "model.safetensors")
    func failure(_ change: (inout [Safetensors.Tensor]) -> Void) throws -> ModelError? {
      var tensors = whole.tensors
      change(&tensors)
      try folder.write("model.safetensors", Safetensors(tensors: tensors).encoded())
      return opening(folder.path)
    }
    #expect(try failure { _ in } == nil)
    #expect(try failure { $0.removeLast() } == .missingTensor(file: path, tensor: "model.norm.weight"))
    #expect(
      try failure { $0[2].shape = [16, 64] }
        == .wrongTensorShape(
          file: path, tensor: "model.layers.0.self_attn.q_proj.weight", expected: [32, 32], found: [16, 64]))
    #expect(
      try failure { $0[0].type = .i32 }
        == .tensors(file: path, .notFloat(tensor: "model.embed_tokens.weight", type: "I32")))
    let extra = Safetensors.Tensor(name: "model.layers.0.self_attn.q_norm.weight", type: .f32, shape: [0], bytes: [])
    #expect(
      try failure { $0.append(extra) }
        == .unsupportedModel(
          file: path, what: "the tensor \"model.layers.0.self_attn.q_norm.weight\" in a layer"))
    let third = Safetensors.Tensor(name: "model.layers.2.mlp.up_proj.weight", type: .f32, shape: [0], bytes: [])
    #expect(
      try failure { $0.append(third) }
        == .unsupportedModel(file: path, what: "the tensor \"model.layers.2.mlp.up_proj.weight\" in a layer"))
    try folder.write("model.safetensors", Array(files[1].bytes.dropLast()))
    #expect(
      opening(folder.path)
        == .tensors(
          file: path,
          .wrongLength(expected: UInt64(files[1].bytes.count), found: UInt64(files[1].bytes.count - 1))))
  }

  @Test("A message names the file, the tensor and both shapes")
  func message() {
    let error = ModelError.wrongTensorShape(
      file: "base.safetensors", tensor: "lm_head.weight", expected: [32000, 768], found: [32000, 512])
    #expect(
      error.description
        == "base.safetensors: tensor \"lm_head.weight\" has shape [32000, 512], expected [32000, 768]")
    #expect(error.hint != nil)
  }

  @Test("What is neither a directory of a model nor a GGUF file is refused")
  func noModel() throws {
    let folder = try ModelFolder()
    #expect(
      opening(folder.path(of: "none"))
        == .unreadableFile(file: folder.path(of: "none"), reason: "no such file or directory"))
    #expect(
      opening(folder.path) == .unreadableFile(file: folder.path(of: "config.json"), reason: "no such file"))
    try folder.write("x.gguf", "GG")
    #expect(opening(folder.path(of: "x.gguf")) == .tensors(file: folder.path(of: "x.gguf"), .notGGUF))
    try folder.write("config.json", "[1")
    #expect(
      opening(folder.path)
        == .badModel(
          file: folder.path(of: "config.json"), problem: "not valid JSON: the text ends too early, at byte 2"))
  }

  @Test("Random damage to either kind of file never traps")
  func damage() throws {
    var generator = SplitMix64(state: 4)
    let weights = TinyModels.weights(TinyModels.qwen)
    for files in [weights.huggingFaceFiles(as: .bf16), [("model.gguf", weights.gguf(as: .q8_0))]] {
      let folder = try ModelFolder(files)
      for _ in 0..<150 {
        let (name, whole) = files.randomElement(using: &generator)!
        var bytes = whole
        // The fronts hold what is parsed.
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          bytes[Int.random(in: 0..<min(bytes.count, 2048), using: &generator)] = .random(in: 0...255, using: &generator)
        }
        try folder.write(name, bytes)
        if let base = try? BaseModel.open(name.hasSuffix(".gguf") ? folder.path(of: name) : folder.path) {
          for (name, shape) in base.shape.weights { #expect(try base.tensor(name).count == shape.reduce(1, *)) }
        }
        try folder.write(name, whole)
      }
    }
  }

  @Test("A tokenizer that is missing, broken, or has more ids than the embedding has rows, is refused")
  func tokenizers() throws {
    let folder = try ModelFolder(TinyModels.weights(TinyModels.encoder).huggingFaceFiles(as: .f32))
    func failure() -> ModelError? {
      do {
        _ = try BaseModel.open(folder.path).tokenizer()
        return nil
      } catch { return error }
    }
    #expect(failure() == .badModel(file: folder.path, problem: "there is no tokenizer.json"))
    let path = folder.path(of: "tokenizer.json")
    try folder.write("tokenizer.json", "{}")
    #expect(failure() == .tokenizer(file: path, .missing(path: "model")))
    /// A WordPiece tokenizer whose last token has that id.
    func write(last: Int) throws {
      try folder.write(
        "tokenizer.json",
        """
        {"normalizer": null, "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": null,
         "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
         "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "a": 1, "##b": \(last)}}}
        """)
    }
    try write(last: 9)
    #expect(try BaseModel.open(folder.path).tokenizer().encode("ab c", addSpecialTokens: false) == [1, 9, 0])
    #expect(
      try BaseModel.open(folder.path).files.map(\.name) == ["config.json", "model.safetensors", "tokenizer.json"])
    try write(last: 10)
    #expect(failure() == .badModel(file: path, problem: "the tokenizer has ids up to 10, the model 10 tokens"))
  }
}
