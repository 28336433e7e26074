import Yams

/// YAML files that people write (home, plan, policy), read so that no mistake passes for an answer.
///
/// An unknown key, a key that occurs twice, a missing key, a value of another type: each is an error that names the line,
/// the path and, where there is one, the nearest known key. Text needs no quotes where text is expected, so `name: 5` is
/// the text "5". Anchors, aliases and tags are refused.
public enum StrictYAML {
  /// - Parameter file: The name for errors.
  public static func decode<T: Decodable>(
    _ type: T.Type, from text: String, file: String
  ) throws(DocumentError) -> T {
    try decode(type, from: text, file: file, overrides: [])
  }

  /// - Parameter overrides: `path=value`, applied in their order before decoding: the path is keys and places in lists
  ///   (counted from 0) joined by dots, the value YAML of one line.
  public static func decode<T: Decodable>(
    _ type: T.Type, from text: String, file: String, overrides: [String]
  ) throws(DocumentError) -> T {
    var root = try DocumentNode(yaml: text, file: file)
    for override in overrides { try root.apply(override: override) }
    return try StrictDecoder.decode(type, from: root)
  }

  /// The value as YAML, keys in the order in which it encodes them.
  public static func encode<T: Encodable>(_ value: T) throws(DocumentError) -> String {
    do { return try YAMLEncoder().encode(value) } catch { throw .notEncodable("\(error)") }
  }
}
