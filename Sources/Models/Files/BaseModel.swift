import Foundation
import Schemas
import Tensors
import Tokenizers

/// A pretrained model on the disk: what it is, and its weights when they are asked for.
///
/// Opening reads configurations and directories only, and refuses whatever the networks here would compute differently:
/// an architecture or a setting that is not implemented, a weight that is missing, of another shape, or of a type that
/// is not read, and a tensor within a layer that nothing here uses.
public struct BaseModel: Sendable {
  /// As it was given.
  public let path: String
  public let shape: LanguageShape
  /// Of encoders, where the model states it.
  public let pooling: Pooling?
  /// Every file that decides what the model computes, sorted by its name within the model.
  public let files: [(name: String, path: String)]
  /// Tensors of the files that are no part of the network, such as poolers and heads of other tasks.
  public let ignoredTensors: [String]
  private let weights: StoredWeights
  let texts: StoredTexts

  init(
    path: String, shape: LanguageShape, pooling: Pooling?, files: [(name: String, path: String)],
    ignoredTensors: [String], weights: StoredWeights, texts: StoredTexts
  ) {
    self.path = path
    self.shape = shape
    self.pooling = pooling
    self.files = files
    self.ignoredTensors = ignoredTensors
    self.weights = weights
    self.texts = texts
  }

  /// - Parameter path: A directory as the `transformers` and `sentence-transformers` packages write it, with
  ///   `config.json` and safetensors; or a GGUF file.
  public static func open(_ path: String) throws(ModelError) -> BaseModel {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw .unreadableFile(file: path, reason: "no such file or directory")
    }
    return isDirectory.boolValue ? try openDirectory(path) : try openGGUF(path)
  }

  /// The weight in binary32, row by row.
  public func tensor(_ name: WeightName) throws(ModelError) -> [Float] {
    try weights.floats(resolved(name))
  }

  /// The blocks of a weight that the file stores quantised, row by row; nil for any other.
  public func quantised(_ name: WeightName) throws(ModelError) -> (blocks: [UInt8], type: TensorType)? {
    try weights.blocks(resolved(name))
  }

  /// The model's tokenizer; none of its ids is beyond the token embedding.
  public func tokenizer() throws(ModelError) -> Tokenizer {
    let tokenizer = try texts.tokenizer()
    guard tokenizer.vocabularySize <= shape.vocabulary else {
      throw .badModel(
        file: texts.path,
        problem: "the tokenizer has ids up to \(tokenizer.vocabularySize - 1), the model \(shape.vocabulary) tokens")
    }
    return tokenizer
  }

  private func resolved(_ name: WeightName) -> WeightName {
    if name == .head, case .decoder(let shape) = shape, shape.tiedHead { .tokenEmbedding } else { name }
  }
}
