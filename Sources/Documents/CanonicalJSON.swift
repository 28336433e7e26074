import Foundation
import Texts

/// JSON with one spelling per value: keys sorted by their bytes, no whitespace, no escape that is not needed. Digests and
/// signatures are made over these bytes.
public enum CanonicalJSON {
  public static func encode<T: Encodable>(_ value: T) throws(DocumentError) -> [UInt8] {
    try encode(value, without: [])
  }

  /// Leaves out the members at those paths (keys joined by dots), and so gives two documents that differ only there the
  /// same bytes. A path that leads nowhere leaves out nothing.
  public static func encode<T: Encodable>(_ value: T, without paths: [String]) throws(DocumentError) -> [UInt8] {
    var json: JSONValue
    do { json = try JSONValue(parsing: try JSONEncoder().encode(value)) } catch {
      throw .notEncodable("\(error)")
    }
    for path in paths { json = json.without(path.split(separator: ".").map(String.init)[...]) }
    return json.encoded(sortingMembers: true)
  }

  /// Reads JSON of anyone as strictly as `StrictYAML` reads YAML. The spelling need not be canonical.
  public static func decode<T: Decodable>(_ type: T.Type, from bytes: [UInt8]) throws(DocumentError) -> T {
    let place = DocumentPlace(source: "JSON")
    let json: JSONValue
    do { json = try JSONValue(parsing: bytes, depthLimit: DocumentNode.depthLimit) } catch {
      throw .malformed(place, problem: error.description)
    }
    return try StrictDecoder.decode(type, from: DocumentNode(json, place: place))
  }
}

extension JSONValue {
  fileprivate func without(_ path: ArraySlice<String>) -> JSONValue {
    guard case .object(let members) = self, let name = path.first else { return self }
    return .object(
      members.compactMap { member in
        if member.name != name { return member }
        return path.count == 1 ? nil : .init(name, member.value.without(path.dropFirst()))
      })
  }
}
