import Foundation

/// The base models that `scripts/setup` can fetch, for tests that need real weights.
enum ModelCache {
  /// `TRIBUTARY_MODELS`, or `.cache/models` of this checkout.
  private static let directory =
    ProcessInfo.processInfo.environment["TRIBUTARY_MODELS"]
    ?? URL(fileURLWithPath: #filePath).appending(path: "../../../../.cache/models").standardizedFileURL.path

  static let minilm = "\(directory)/minilm"
  static let smollm2 = "\(directory)/smollm2-q4_1.gguf"
  /// The same weights, as `scripts/setup` derives them for peers.
  static let smollm2Directory = "\(directory)/smollm2"
  static let smollm2Q8 = "\(directory)/smollm2-q8_0.gguf"

  static func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
