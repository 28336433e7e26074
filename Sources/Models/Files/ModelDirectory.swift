import Foundation
import Schemas
import Tensors
import Texts

extension BaseModel {
  /// Opens a directory of the `transformers` package: `config.json`, `model.safetensors` or its shards with their index,
  /// and what `sentence-transformers` adds.
  static func openDirectory(_ path: String) throws(ModelError) -> BaseModel {
    var directory = ModelDirectory(path: path)
    guard let config = try directory.config("config.json") else {
      throw .unreadableFile(file: directory.path(of: "config.json"), reason: "no such file")
    }
    let shape = try LanguageShape(huggingFace: config)
    let pooling = shape.family == .encoder ? try directory.pooling() : nil
    let shards = try directory.shards()
    let texts = StoredTexts.files(
      tokenizer: try directory.file("tokenizer.json"), configuration: try directory.file("tokenizer_config.json"),
      template: try directory.file("chat_template.jinja"), directory: path)

    var owner: [String: Int] = [:]
    for (index, shard) in shards.enumerated() {
      for name in shard.names where owner.updateValue(index, forKey: name) != nil {
        throw .badModel(file: shard.file.path, problem: "tensor \"\(name)\" is also in another file")
      }
    }
    let prefix = HuggingFaceNames.prefix(shape.family)
    let hasPrefix = owner[prefix + HuggingFaceNames.name(of: .tokenEmbedding, family: shape.family)] != nil
    var places: [WeightName: (file: Int, tensor: String)] = [:]
    for (weight, expected) in shape.weights {
      let plain = HuggingFaceNames.name(of: weight, family: shape.family)
      let full = hasPrefix && weight != .head ? prefix + plain : plain
      guard let name = [full, Self.oldName(full)].first(where: { owner[$0] != nil }), let index = owner[name] else {
        throw .missingTensor(file: shards[0].file.path, tensor: full)
      }
      let (found, type) = shards[index].tensor(name)!
      let file = shards[index].file.path
      guard found == expected else {
        throw .wrongTensorShape(file: file, tensor: name, expected: expected, found: found)
      }
      guard [.f32, .f16, .bf16, .f64].contains(type) else {
        throw .tensors(file: file, .notFloat(tensor: name, type: type.rawValue))
      }
      places[weight] = (index, name)
      owner[name] = nil
    }
    let layers = (hasPrefix ? prefix : "") + (shape.family == .encoder ? "encoder.layer." : "layers.")
    for (name, index) in owner.sorted(by: { $0.key < $1.key })
    where name.hasPrefix(layers) && !name.hasSuffix(".rotary_emb.inv_freq") {
      throw .unsupportedModel(file: shards[index].file.path, what: "the tensor \"\(name)\" in a layer")
    }
    return BaseModel(
      path: path, shape: shape, pooling: pooling, files: directory.files, ignoredTensors: owner.keys.sorted(),
      weights: .safetensors(shards, places), texts: texts)
  }

  /// Models converted from TensorFlow call the two vectors of a LayerNorm so.
  private static func oldName(_ name: String) -> String {
    name.replacingOccurrences(of: "LayerNorm.weight", with: "LayerNorm.gamma")
      .replacingOccurrences(of: "LayerNorm.bias", with: "LayerNorm.beta")
  }
}

/// The files of a model's directory, and which of them were read.
private struct ModelDirectory {
  let path: String
  private var names: Set<String> = []

  init(path: String) {
    self.path = path
  }

  var files: [(name: String, path: String)] { names.sorted().map { ($0, path(of: $0)) } }

  func path(of name: String) -> String { (path as NSString).appendingPathComponent(name) }

  private func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(of: name)) }

  /// The file, as one that the model is made of; nil when it is not there.
  mutating func file(_ name: String) throws(ModelError) -> ReadOnlyFile? { exists(name) ? try open(name) : nil }

  private mutating func open(_ name: String) throws(ModelError) -> ReadOnlyFile {
    names.insert(name)
    do { return try ReadOnlyFile(path(of: name)) } catch { throw .reading(path(of: name), error) }
  }

  /// A JSON file; nil when it is not there.
  mutating func config(_ name: String) throws(ModelError) -> ModelConfig? {
    exists(name) ? try ModelConfig(open(name)) : nil
  }

  /// What the modules of `sentence-transformers` make of the tokens' outputs; nil without them.
  mutating func pooling() throws(ModelError) -> Pooling? {
    var pooling: String? = "1_Pooling"
    if let modules = try config("modules.json") {
      pooling = nil
      for module in try modules.elements() {
        let type = try module.text("type")
        switch type.split(separator: ".").last {
        case "Transformer", "Normalize": break
        case "Pooling": pooling = try module.text("path")
        default: throw .unsupportedModel(file: modules.file, what: "the module \"\(type)\"")
        }
      }
    }
    guard let pooling else { return nil }
    let name = "\(pooling)/config.json"
    guard Self.isInside(name) else { throw .badModel(file: path(of: "modules.json"), problem: "a path leads outside") }
    return try config(name).map { (config) throws(ModelError) in try Pooling(sentenceTransformers: config) }
  }

  /// `model.safetensors`, or the files that its index names.
  mutating func shards() throws(ModelError) -> [SafetensorsFile] {
    let single = "model.safetensors"
    guard !exists(single), let index = try config("\(single).index.json") else { return [try shard(single)] }
    var fileNames: Set<String> = []
    var ownerNames: [String: String] = [:]
    guard case .object(let map)? = index.value("weight_map"), !map.isEmpty else {
      throw .badModel(file: index.file, problem: "\"weight_map\" is missing")
    }
    for member in map {
      guard let name = member.value.string, Self.isInside(name), !name.contains("/") else {
        throw .badModel(file: index.file, problem: "tensor \"\(member.name)\" is in no file of the directory")
      }
      fileNames.insert(name)
      ownerNames[member.name] = name
    }
    guard fileNames.count <= 1024 else { throw .badModel(file: index.file, problem: "more than 1024 files") }
    var shards: [SafetensorsFile] = []
    for name in fileNames.sorted() {
      let shard = try shard(name)
      for tensor in shard.names where ownerNames[tensor] != name {
        throw .badModel(file: index.file, problem: "tensor \"\(tensor)\" of \(name) is not listed there")
      }
      for (tensor, owner) in ownerNames where owner == name && shard.tensor(tensor) == nil {
        throw .missingTensor(file: path(of: name), tensor: tensor)
      }
      shards.append(shard)
    }
    return shards
  }

  private mutating func shard(_ name: String) throws(ModelError) -> SafetensorsFile {
    let file = try open(name)
    do { return try SafetensorsFile(file) } catch { throw .reading(file.path, error) }
  }

  private static func isInside(_ name: String) -> Bool {
    !name.hasPrefix("/") && !name.split(separator: "/").contains("..")
  }
}
