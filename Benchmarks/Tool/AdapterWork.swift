import Foundation
import Models
import Schemas
import Tensors

/// Writes small base models and adapters for them, which `Benchmarks/reference/adapter.py` reads with peft.
///
///     tributary-bench adapter --directory DIR     DIR/encoder, DIR/encoder-adapter, DIR/decoder, DIR/decoder-adapter
enum AdapterWork {
  static func run(_ options: Options) throws {
    let directory = URL(fileURLWithPath: try options.text("directory"))
    let encoder = EncoderShape(
      layers: 2, width: 32, heads: 4, intermediate: 64, vocabulary: 50, positions: 16, normEpsilon: 1e-12)
    let decoder = DecoderShape(
      layers: 2, width: 32, heads: 4, keyValueHeads: 2, headWidth: 8, intermediate: 64, vocabulary: 50, positions: 16)
    let cases: [(name: String, shape: LanguageShape, task: LanguageTask, recipe: AdapterRecipe)] = [
      (
        "encoder", .encoder(encoder), .classification(labels: ["a", "b"]),
        AdapterRecipe(rank: 4, alpha: 6, targets: [.query, .value, .down], rankStabilised: true)
      ),
      (
        "decoder", .decoder(decoder), .generation,
        AdapterRecipe(rank: 2, alpha: 8, targets: AdapterTarget.allCases, trainA: true)
      ),
    ]
    for (name, shape, task, recipe) in cases {
      var generator = SplitMix64(state: 1)
      var values: [WeightName: [Float]] = [:]
      for (weight, extents) in shape.weights {
        values[weight] = (0..<extents.reduce(1, *)).map { _ in Float.random(in: -0.2...0.2, using: &generator) }
      }
      let training = LanguageTraining(
        shape: shape, method: .adapters, adapters: recipe, task: task, maximumTokens: 16, seed: 3)
      var parameters = training.initialParameters()
      for index in parameters.values.indices {
        parameters.values[index] += Float.random(in: -0.1...0.1, using: &generator)
      }
      let base = directory.appending(path: name)
      try write(LanguageWeights(shape: shape, values: values).huggingFaceFiles(as: .f32), to: base)
      try write(
        AdapterFiles.files(parameters, training: training, base: base.path),
        to: directory.appending(path: "\(name)-adapter"))
    }
  }

  private static func write(_ files: [LanguageWeights.File], to directory: URL) throws {
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    for (name, bytes) in files { try Data(bytes).write(to: directory.appending(path: name)) }
  }
}
