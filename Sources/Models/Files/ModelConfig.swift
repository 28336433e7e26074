import Tensors
import Texts

/// A JSON file that describes a model, and errors that name its keys.
struct ModelConfig {
  /// For errors.
  let file: String
  private let root: JSONValue

  private static let byteLimit = 1 << 20

  init(_ file: ReadOnlyFile) throws(ModelError) {
    self.file = file.path
    guard file.byteCount <= Self.byteLimit else {
      throw .badModel(file: file.path, problem: "\(file.byteCount) bytes, at most \(Self.byteLimit) are read")
    }
    let bytes: [UInt8]
    do { bytes = try file.read(0..<file.byteCount) } catch { throw .reading(file.path, error) }
    do { root = try JSONValue(parsing: bytes, depthLimit: 16) } catch {
      throw .badModel(file: file.path, problem: error.description)
    }
  }

  private init(file: String, root: JSONValue) {
    self.file = file
    self.root = root
  }

  /// The value of a key; nil when it is missing or null.
  func value(_ key: String) -> JSONValue? {
    guard let value = root[key], value != .null else { return nil }
    return value
  }

  /// The object of a key; nil when it is missing or null.
  func object(_ key: String) throws(ModelError) -> ModelConfig? {
    guard let value = value(key) else { return nil }
    guard case .object = value else { throw bad(key, "an object", value) }
    return ModelConfig(file: file, root: value)
  }

  /// The elements of the file, which is a list, or of the list of a key.
  func elements(_ key: String? = nil) throws(ModelError) -> [ModelConfig] {
    let list = key.map { root[$0] ?? .null } ?? root
    guard case .array(let elements) = list else {
      throw .badModel(file: file, problem: "\(list.kind) where a list is expected")
    }
    return elements.map { ModelConfig(file: file, root: $0) }
  }

  /// The names and values of the file, which is an object.
  func members() throws(ModelError) -> [JSONValue.Member] {
    guard case .object(let members) = root else {
      throw .badModel(file: file, problem: "\(root.kind) where an object is expected")
    }
    return members
  }

  func integer(_ key: String, default absent: Int? = nil) throws(ModelError) -> Int {
    guard let value = value(key) else { return try require(absent, key) }
    guard case .number(let digits) = value, let integer = Int(digits) else { throw bad(key, "a whole number", value) }
    return integer
  }

  func number(_ key: String, default absent: Double? = nil) throws(ModelError) -> Double {
    guard let value = value(key) else { return try require(absent, key) }
    guard case .number(let digits) = value, let number = Double(digits) else { throw bad(key, "a number", value) }
    return number
  }

  func bool(_ key: String, default absent: Bool) throws(ModelError) -> Bool {
    guard let value = value(key) else { return absent }
    guard case .bool(let bool) = value else { throw bad(key, "true or false", value) }
    return bool
  }

  func text(_ key: String, default absent: String? = nil) throws(ModelError) -> String {
    guard let value = value(key) else { return try require(absent, key) }
    guard let text = value.string else { throw bad(key, "text", value) }
    return text
  }

  /// Refuses a model whose configuration asks for something that is not implemented.
  func refuse(_ condition: Bool, _ what: @autoclosure () -> String) throws(ModelError) {
    if condition { throw .unsupportedModel(file: file, what: what()) }
  }

  private func require<Value>(_ value: Value?, _ key: String) throws(ModelError) -> Value {
    guard let value else { throw .badModel(file: file, problem: "\"\(key)\" is missing") }
    return value
  }

  private func bad(_ key: String, _ expected: String, _ value: JSONValue) -> ModelError {
    .badModel(file: file, problem: "\"\(key)\" is \(value.kind), expected \(expected)")
  }
}
