import Foundation
import Models
import Schemas
import Tensors

/// Small models whose every element follows from its place, and is exact in 16 bits.
enum TinyModels {
  static let encoder = LanguageShape.encoder(
    EncoderShape(
      layers: 2, width: 32, heads: 4, intermediate: 64, vocabulary: 10, positions: 8, activation: .geluTanh,
      normEpsilon: 1e-6))
  static let llama = LanguageShape.decoder(
    DecoderShape(
      layers: 2, width: 32, heads: 4, keyValueHeads: 2, headWidth: 8, intermediate: 64, vocabulary: 10, positions: 16,
      ropeBase: 50_000, normEpsilon: 1e-5, tiedHead: true))
  static let qwen = LanguageShape.decoder(
    DecoderShape(
      layers: 1, width: 32, heads: 4, keyValueHeads: 1, headWidth: 16, intermediate: 32, vocabulary: 10, positions: 16,
      ropeBase: 10_000, normEpsilon: 1e-6, attentionBias: true, tiedHead: false))

  static func weights(_ shape: LanguageShape, pooling: Pooling? = nil) -> LanguageWeights {
    var values: [WeightName: [Float]] = [:]
    for (index, weight) in shape.weights.enumerated() {
      values[weight.name] = (0..<weight.shape.reduce(1, *)).map { Float((37 * index + 11 * $0) % 101 - 50) / 8 }
    }
    return LanguageWeights(shape: shape, pooling: pooling, values: values)
  }
}

/// A directory that is removed with the value.
final class ModelFolder {
  let path: String

  init(_ files: [LanguageWeights.File] = []) throws {
    path = FileManager.default.temporaryDirectory.appending(path: "tributary-model-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, bytes) in files { try write(name, bytes) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func path(of name: String) -> String { "\(path)/\(name)" }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    let file = URL(fileURLWithPath: path(of: name))
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

  func text(_ name: String) throws -> String { try String(contentsOfFile: path(of: name), encoding: .utf8) }

  /// Changes a text of a file.
  func replace(_ old: String, _ new: String, in name: String) throws {
    let text = try text(name)
    precondition(text.contains(old), "\(old) is not in \(name)")
    try write(name, text.replacingOccurrences(of: old, with: new))
  }
}
