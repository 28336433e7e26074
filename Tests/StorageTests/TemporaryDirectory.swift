import Foundation

/// A directory of its own for one test, removed with it.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "tributary-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The names in the directory, or in one inside it.
  func names(_ inside: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(inside)").sorted()
  }

  /// The path of `name` in the directory.
  func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
