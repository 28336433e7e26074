import Foundation
import Texts
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

  /// Where the value at a path stands, or the nearest mapping or list around it that is there: for an error that is found
  /// only when the document has been understood. `nil` when it is no YAML.
  public static func place(of path: String, in text: String, file: String, overrides: [String] = []) -> DocumentPlace? {
    guard var root = try? DocumentNode(yaml: text, file: file) else { return nil }
    for override in overrides {
      guard (try? root.apply(override: override)) != nil else { return nil }
    }
    return root.place(of: path.split(separator: ".").map(String.init)[...])
  }

  /// The value as YAML, keys in the order in which it encodes them, and numbers that read back exactly.
  ///
  /// The order is that of Yams, the values those of JSON: Yams writes numbers with 15 digits and an exponent.
  public static func encode<T: Encodable>(_ value: T) throws(DocumentError) -> String {
    do {
      let json = try JSONValue(parsing: try JSONEncoder().encode(value))
      let ordered = try Yams.compose(yaml: try YAMLEncoder().encode(value))
      return try Yams.serialize(node: node(json, inOrderOf: ordered))
    } catch { throw .notEncodable("\(error)") }
  }

  private static func node(_ json: JSONValue, inOrderOf ordered: Node?) -> Node {
    switch json {
    case .null: return Node("null")
    case .bool(let value): return Node(value ? "true" : "false")
    case .number(let digits): return Node(digits)
    case .string(let text): return .scalar(text.represented())
    case .array(let elements):
      let places = ordered?.sequence.map(Array.init) ?? []
      return Node(
        elements.enumerated().map { node($1, inOrderOf: places.indices.contains($0) ? places[$0] : nil) })
    case .object(let members):
      let places = ordered?.mapping.map { Array($0.keys).map(\.string) } ?? []
      let sorted = members.map { (places.firstIndex(of: $0.name) ?? places.count, $0) }.sorted { $0.0 < $1.0 }
      return Node(
        sorted.map { (.scalar($1.name.represented()), node($1.value, inOrderOf: ordered?.mapping?[$1.name])) })
    }
  }
}
