import Foundation

/// The base models that `scripts/setup` can fetch, for tests that need real weights.
enum ModelCache {
  /// `TRIBUTARY_MODELS`, or `.cache/models` of this checkout.
  private static let directory =
    ProcessInfo.processInfo.environment["TRIBUTARY_MODELS"]
    ?? URL(fileURLWithPath: #filePath).appending(path: "../../../../.cache/models").standardizedFileURL.path

  static let minilm = "\(directory)/minilm"
  static let smollm2 = "\(directory)/smollm2-q4_1.gguf"

  static func has(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
