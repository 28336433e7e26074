import Foundation
import Schemas
import Tensors

extension BaseModel {
  /// Opens a GGUF file of the architecture `llama`, `qwen2` or `bert`.
  static func openGGUF(_ path: String) throws(ModelError) -> BaseModel {
    let file: GGUFFile
    do { file = try GGUFFile(ReadOnlyFile(path)) } catch { throw .reading(path, error) }
    let metadata = GGUFMetadata(file)
    let architecture = try metadata.text("general.architecture")
    let shape: LanguageShape
    var interleaved: InterleavedHeads?
    var pooling: Pooling?
    switch architecture {
    case "llama", "qwen2":
      let decoder = try DecoderShape(metadata, architecture)
      if architecture == "llama" { interleaved = InterleavedHeads(headWidth: decoder.headWidth) }
      shape = .decoder(decoder)
    case "bert":
      shape = .encoder(try EncoderShape(metadata, architecture))
      switch try metadata.integer("bert.pooling_type", default: 0) {
      case 0: break
      case 1: pooling = .mean
      case 2: pooling = .cls
      case let other: throw .unsupportedModel(file: path, what: "\"bert.pooling_type\" \(other)")
      }
    default: throw .unsupportedModel(file: path, what: "the architecture \"\(architecture)\"")
    }
    try shape.validate(from: path)

    var unused = Set(file.names)
    var entries: [WeightName: GGUFFile.Entry] = [:]
    for (weight, expected) in shape.weights {
      let name = GGUFNames.name(of: weight, family: shape.family)
      guard let entry = file.tensor(name) else { throw .missingTensor(file: path, tensor: name) }
      guard entry.shape == expected else {
        throw .wrongTensorShape(file: path, tensor: name, expected: expected, found: entry.shape)
      }
      entries[weight] = entry
      unused.remove(name)
    }
    if unused.contains("rope_freqs.weight") {
      throw .unsupportedModel(file: path, what: "rotary positions scaled by \"rope_freqs.weight\"")
    }
    if let name = unused.sorted().first(where: { $0.hasPrefix("blk.") }) {
      throw .unsupportedModel(file: path, what: "the tensor \"\(name)\" in a layer")
    }
    return BaseModel(
      path: path, shape: shape, pooling: pooling, files: [((path as NSString).lastPathComponent, path)],
      ignoredTensors: unused.sorted(), weights: .gguf(file, entries, interleaved: interleaved), texts: .gguf(file))
  }
}

/// The metadata of a GGUF file, and errors that name its keys.
struct GGUFMetadata {
  let file: GGUFFile
  var path: String { file.file.path }

  init(_ file: GGUFFile) {
    self.file = file
  }

  func text(_ key: String, default absent: String? = nil) throws(ModelError) -> String {
    try value(key, absent, "text", \.string)
  }

  func integer(_ key: String, default absent: Int? = nil) throws(ModelError) -> Int {
    try value(key, absent, "a whole number", \.integer)
  }

  func bool(_ key: String) throws(ModelError) -> Bool? {
    file.metadata[key] == nil ? nil : try value(key, nil, "a boolean", \.bool)
  }

  func texts(_ key: String, default absent: [String]? = nil) throws(ModelError) -> [String] {
    try value(key, absent, "a list of texts", \.strings)
  }

  func integers(_ key: String, default absent: [Int]? = nil) throws(ModelError) -> [Int] {
    try value(key, absent, "a list of whole numbers", \.integers)
  }

  /// A token's id; nil when the file names none.
  func id(_ key: String) throws(ModelError) -> Int32? {
    file.metadata[key] == nil ? nil : try value(key, nil, "a token's id") { $0.integer.flatMap(Int32.init(exactly:)) }
  }

  /// The decimal that was meant: the shortest that reads as the binary32 that is stored.
  func number(_ key: String, default absent: Double? = nil) throws(ModelError) -> Double {
    try value(key, absent, "a number") { value in
      if case .float32(let number) = value { Double("\(number)") } else { value.number }
    }
  }

  /// Refuses a model whose metadata asks for something that is not implemented.
  func refuse(_ condition: Bool, _ what: @autoclosure () -> String) throws(ModelError) {
    if condition { throw .unsupportedModel(file: path, what: what()) }
  }

  private func value<Value>(
    _ key: String, _ absent: Value?, _ expected: String, _ convert: (GGUF.Value) -> Value?
  ) throws(ModelError) -> Value {
    guard let stored = file.metadata[key] else {
      guard let absent else { throw .badModel(file: path, problem: "metadata \"\(key)\" is missing") }
      return absent
    }
    guard let value = convert(stored) else {
      throw .badModel(file: path, problem: "metadata \"\(key)\" is of type \(stored.type), expected \(expected)")
    }
    return value
  }
}

extension DecoderShape {
  fileprivate init(_ metadata: GGUFMetadata, _ architecture: String) throws(ModelError) {
    func key(_ name: String) -> String { "\(architecture).\(name)" }
    let scaling = try metadata.text(key("rope.scaling.type"), default: "none")
    try metadata.refuse(scaling != "none", "\"\(key("rope.scaling.type"))\" \"\(scaling)\"")
    for name in ["rope.scaling.factor", "rope.scale_linear"] {
      try metadata.refuse(try metadata.number(key(name), default: 1) != 1, "\"\(key(name))\"")
    }
    for name in ["expert_count", "attention.sliding_window"] {
      try metadata.refuse(try metadata.integer(key(name), default: 0) != 0, "\"\(key(name))\"")
    }
    let width = try metadata.integer(key("embedding_length"))
    let heads = try metadata.integer(key("attention.head_count"))
    guard heads > 0 else { throw .badModel(file: metadata.path, problem: "\(heads) attention heads") }
    let headWidth = try metadata.integer(key("attention.key_length"), default: width / heads)
    for name in ["attention.value_length", "rope.dimension_count"] {
      let found = try metadata.integer(key(name), default: headWidth)
      try metadata.refuse(found != headWidth, "\"\(key(name))\" \(found) with heads of \(headWidth)")
    }
    let embedding = metadata.file.tensor(GGUFNames.name(of: .tokenEmbedding, family: .decoder))
    self.init(
      layers: try metadata.integer(key("block_count")), width: width, heads: heads,
      keyValueHeads: try metadata.integer(key("attention.head_count_kv"), default: heads), headWidth: headWidth,
      intermediate: try metadata.integer(key("feed_forward_length")),
      vocabulary: try metadata.integer(key("vocab_size"), default: embedding?.shape.first),
      positions: try metadata.integer(key("context_length")),
      ropeBase: try metadata.number(key("rope.freq_base"), default: 10_000),
      normEpsilon: try metadata.number(key("attention.layer_norm_rms_epsilon")),
      attentionBias: metadata.file.tensor(GGUFNames.name(of: .layer(0, .queryBias), family: .decoder)) != nil,
      tiedHead: metadata.file.tensor(GGUFNames.name(of: .head, family: .decoder)) == nil)
  }
}

extension EncoderShape {
  fileprivate init(_ metadata: GGUFMetadata, _ architecture: String) throws(ModelError) {
    func key(_ name: String) -> String { "\(architecture).\(name)" }
    func rows(_ weight: WeightName) -> Int? {
      metadata.file.tensor(GGUFNames.name(of: weight, family: .encoder))?.shape.first
    }
    try metadata.refuse(metadata.file.metadata[key("attention.causal")]?.bool == true, "\"\(key("attention.causal"))\"")
    self.init(
      layers: try metadata.integer(key("block_count")), width: try metadata.integer(key("embedding_length")),
      heads: try metadata.integer(key("attention.head_count")),
      intermediate: try metadata.integer(key("feed_forward_length")),
      vocabulary: try metadata.integer(key("vocab_size"), default: rows(.tokenEmbedding)),
      positions: try metadata.integer(key("context_length")), tokenTypes: rows(.tokenTypeEmbedding) ?? 2,
      normEpsilon: try metadata.number(key("attention.layer_norm_epsilon")))
  }
}
