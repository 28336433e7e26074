import Texts

/// A document as a tree in which every value knows where it stands; YAML and JSON both become one.
struct DocumentNode {
  enum Content {
    case null
    /// Text of YAML without quotes: a number, a boolean or text, as the reader asks.
    case plain(String)
    /// Quoted text.
    case text(String)
    case bool(Bool)
    /// A number of JSON, in its digits.
    case number(String)
    case list([DocumentNode])
    /// In the order of the document; no key occurs twice.
    case mapping([Entry])
  }

  struct Entry {
    var key: String
    var place: DocumentPlace
    var value: DocumentNode
  }

  var place: DocumentPlace
  var content: Content

  /// A document nests at most this deep: all that walks one recurses.
  static let depthLimit = 64

  /// Where the value at `path` stands, or the deepest key on the way that is there.
  func place(of path: ArraySlice<String>) -> DocumentPlace { below(path) ?? place }

  private func below(_ path: ArraySlice<String>) -> DocumentPlace? {
    guard let key = path.first else { return nil }
    switch content {
    case .mapping(let entries):
      return entries.first { $0.key == key }.map { $0.value.below(path.dropFirst()) ?? $0.place }
    case .list(let elements):
      guard let index = Int(key), elements.indices.contains(index) else { return nil }
      return elements[index].place(of: path.dropFirst())
    default: return nil
    }
  }

  /// What this is, in the words of an error message.
  var found: String {
    switch content {
    case .null: "nothing"
    case .plain(let text), .text(let text): "\"\(text.count > 40 ? text.prefix(40) + "…" : text)\""
    case .bool(let value): "\(value)"
    case .number(let digits): String(digits.prefix(40))
    case .list: "a list"
    case .mapping: "a mapping"
    }
  }
}

extension DocumentNode {
  init(_ value: JSONValue, place: DocumentPlace) {
    self.place = place
    content =
      switch value {
      case .null: .null
      case .bool(let value): .bool(value)
      case .number(let digits): .number(digits)
      case .string(let text): .text(text)
      case .array(let elements): .list(elements.map { DocumentNode($0, place: place) })
      case .object(let members):
        .mapping(members.map { Entry(key: $0.name, place: place, value: DocumentNode($0.value, place: place)) })
      }
  }
}
