import Foundation
import Texts

/// Decodes a value from a tree and then refuses every key of it that the value's `init(from:)` did not ask for.
struct StrictDecoder: Decoder {
  let node: DocumentNode
  let path: String
  let codingPath: [any CodingKey]
  /// Shared by all containers over this node, since an initialiser may take several.
  let asked = AskedKeys()
  let userInfo: [CodingUserInfoKey: Any] = [:]

  static func decode<T: Decodable>(_ type: T.Type, from node: DocumentNode) throws(DocumentError) -> T {
    do {
      return try StrictDecoder(node: node, path: "", codingPath: []).decodeWhole(type)
    } catch let error as DocumentError {
      throw error
    } catch {
      throw .invalid(node.place, path: "", problem: "\(error)", hint: nil)
    }
  }

  /// The value, with every key accounted for and every foreign error told with its place.
  func decodeWhole<T: Decodable>(_ type: T.Type) throws -> T {
    let value: T
    do {
      value = try decodeValue(type)
    } catch let error as DocumentError {
      throw error
    } catch let error as DecodingError {
      throw translated(error, for: type)
    } catch {
      throw DocumentError.invalid(
        node.place, path: path, problem: "\(error)", hint: (error as? any HintedError)?.hint)
    }
    try refuseUnknownKeys()
    return value
  }

  /// The value from this very node, for containers that pass it on; keys are accounted for by the outermost.
  func decodeValue<T: Decodable>(_ type: T.Type) throws -> T {
    if type == Data.self {
      guard let data = Data(base64Encoded: try text()) else { throw mismatch("base64 text") }
      return data as! T
    }
    return try T(from: self)
  }

  func refuseUnknownKeys() throws(DocumentError) {
    for child in asked.children { try child.refuseUnknownKeys() }
    guard asked.isMapping, case .mapping(let entries) = node.content else { return }
    let present = Set(entries.map(\.key))
    for entry in entries where !asked.keys.contains(entry.key) {
      let known = asked.keys.sorted()
      throw .unknownKey(
        entry.place, path: path.appending(key: entry.key),
        nearest: nearest(entry.key, in: known.filter { !present.contains($0) }), known: known)
    }
  }

  func child(_ node: DocumentNode, _ key: any CodingKey) -> StrictDecoder {
    StrictDecoder(node: node, path: path.appending(key: key.stringValue), codingPath: codingPath + [key])
  }

  func mismatch(_ expected: String) -> DocumentError {
    .wrongType(node.place, path: path, expected: expected, found: node.found)
  }

  private func translated(_ error: DecodingError, for type: any Any.Type) -> DocumentError {
    if case .dataCorrupted(let context) = error {
      if context.codingPath.count == codingPath.count, let names = caseNames(type) {
        return .invalid(
          node.place, path: path, problem: "expected one of \(names.joined(separator: ", ")), found \(node.found)",
          hint: nil)
      }
      let (place, path) = locate(context.codingPath.dropFirst(codingPath.count))
      return .invalid(place, path: path, problem: context.debugDescription, hint: nil)
    }
    switch error {
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context):
      return .invalid(node.place, path: path, problem: context.debugDescription, hint: nil)
    default:
      return .invalid(node.place, path: path, problem: "cannot be understood", hint: nil)
    }
  }

  /// The place and path of a value below this one.
  private func locate(_ keys: some Sequence<any CodingKey>) -> (place: DocumentPlace, path: String) {
    var node = node
    var path = path
    for key in keys {
      guard case .mapping(let entries) = node.content,
        let entry = entries.first(where: { $0.key == key.stringValue })
      else { break }
      node = entry.value
      path = path.appending(key: entry.key)
    }
    return (node.place, path)
  }

  /// The texts that an enumeration with cases of text can be.
  private func caseNames(_ type: any Any.Type) -> [String]? {
    func names<T: CaseIterable>(_: T.Type) -> [String]? {
      let names = T.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
      return names.isEmpty ? nil : names
    }
    guard let type = type as? any CaseIterable.Type else { return nil }
    return names(type)
  }
}

extension StrictDecoder {
  /// The keys that were asked for, and the nested containers that were taken, while one node was decoded.
  final class AskedKeys {
    var keys: Set<String> = []
    /// Whether it was read key by key at all.
    var isMapping = false
    var children: [StrictDecoder] = []
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .mapping(let entries) = node.content else { throw mismatch("a mapping") }
    asked.isMapping = true
    return KeyedDecodingContainer(KeyedNodes<Key>(decoder: self, entries: entries))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .list(let elements) = node.content else { throw mismatch("a list") }
    return ListedNodes(decoder: self, elements: elements)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { SingleNode(decoder: self) }
}
