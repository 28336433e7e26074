import Foundation
import Tensors
import Texts

/// What the metadata of every family's checkpoints has in common: some keys, and parts as JSON with sorted keys and no
/// whitespace, so that equal checkpoints have equal bytes.
enum CheckpointMetadata {
  static let format = "tributary.format"
  static let plan = "tributary.plan"
  static let schema = "tributary.schema"

  static func json(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do { return String(decoding: try encoder.encode(value), as: UTF8.self) } catch {
      preconditionFailure("the parts of a checkpoint hold finite numbers and text only: \(error)")
    }
  }

  static func text(_ key: String, of file: Safetensors) throws(SchemaError) -> String {
    guard let text = file.metadata[key] else { throw .badCheckpoint("metadata \"\(key)\" is missing") }
    return text
  }

  static func needed<T: Decodable>(_ key: String, of file: Safetensors) throws(SchemaError) -> T {
    guard let value: T = try value(key, of: file) else { throw .badCheckpoint("metadata \"\(key)\" is missing") }
    return value
  }

  static func value<T: Decodable>(_ key: String, of file: Safetensors) throws(SchemaError) -> T? {
    guard let text = file.metadata[key] else { return nil }
    do {
      _ = try JSONValue(parsing: text.utf8)
      return try JSONDecoder().decode(T.self, from: Data(text.utf8))
    } catch let error as JSONError {
      throw .badCheckpoint("metadata \"\(key)\" is \(error)")
    } catch {
      throw .badCheckpoint("metadata \"\(key)\" does not have the expected members")
    }
  }
}
