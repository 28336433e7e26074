import Yams

extension DocumentNode {
  /// More than any plan, policy or home needs.
  static let sizeLimit = 1 << 20

  /// Reads one YAML document; an empty one is an empty mapping.
  ///
  /// Anchors, aliases and tags are refused. Aliases could make a few lines expand beyond all memory while they are read,
  /// so a text with many that look like one is refused before that; the others are found in the tree.
  init(yaml text: String, file: String) throws(DocumentError) {
    let start = DocumentPlace(source: file, line: 1, column: 1)
    guard text.utf8.count <= Self.sizeLimit else {
      throw .tooLarge(DocumentPlace(source: file), bytes: text.utf8.count, limit: Self.sizeLimit)
    }
    guard Self.possibleAliases(text) <= Self.possibleAliasLimit else {
      throw .notAccepted(DocumentPlace(source: file), what: "aliases")
    }
    let parser: Parser
    let root: Node?
    do {
      parser = try Parser(yaml: text)
      root = try parser.singleRoot()
    } catch { throw Self.malformed(error, file: file) }
    // Nodes hold their anchors weakly; the parser keeps them until they have been looked for.
    defer { withExtendedLifetime(parser) {} }
    guard let root else {
      self.init(place: start, content: .mapping([]))
      return
    }
    try self.init(root, file: file, path: "", depth: 0)
    if case .null = content { content = .mapping([]) }
  }

  /// With so few aliases no document expands to more than 3^(16/3) < 400 times its size.
  private static let possibleAliasLimit = 16

  /// Counts every `*` that stands where an alias could, in comments and quotes too.
  private static func possibleAliases(_ text: String) -> Int {
    var count = 0
    var previous = UInt8(ascii: "\n")
    for byte in text.utf8 {
      if byte == UInt8(ascii: "*"), " \t\r\n[{,:-?".utf8.contains(previous) { count += 1 }
      previous = byte
    }
    return count
  }

  private init(_ node: Node, file: String, path: String, depth: Int) throws(DocumentError) {
    place = DocumentPlace(source: file, line: node.mark?.line, column: node.mark?.column)
    guard depth <= Self.depthLimit else { throw .tooDeep(place, limit: Self.depthLimit) }
    guard node.anchor == nil else { throw .notAccepted(place, what: "anchors and aliases") }
    switch node {
    case .alias:
      throw .notAccepted(place, what: "anchors and aliases")
    case .scalar(let scalar):
      let isQuoted = scalar.style != .plain && scalar.style != .any
      guard scalar.tag.description.isEmpty || isQuoted && scalar.tag == Tag(.str) else {
        throw .notAccepted(place, what: "tags")
      }
      content =
        isQuoted
        ? .text(scalar.string)
        : ["", "~", "null", "Null", "NULL"].contains(scalar.string) ? .null : .plain(scalar.string)
    case .sequence(let sequence):
      guard sequence.tag.description.isEmpty else { throw .notAccepted(place, what: "tags") }
      var elements: [DocumentNode] = []
      for (index, element) in sequence.enumerated() {
        elements.append(try DocumentNode(element, file: file, path: path.appending(key: "\(index)"), depth: depth + 1))
      }
      content = .list(elements)
    case .mapping(let mapping):
      guard mapping.tag.description.isEmpty else { throw .notAccepted(place, what: "tags") }
      var entries: [Entry] = []
      var keys: Set<String> = []
      for (key, value) in mapping {
        let keyPlace = DocumentPlace(source: file, line: key.mark?.line, column: key.mark?.column)
        guard key.anchor == nil else { throw .notAccepted(keyPlace, what: "anchors and aliases") }
        guard case .scalar(let scalar) = key else {
          throw .wrongType(keyPlace, path: path, expected: "a key", found: "a list or mapping")
        }
        let keyPath = path.appending(key: scalar.string)
        guard keys.insert(scalar.string).inserted else { throw .duplicateKey(keyPlace, path: keyPath) }
        entries.append(
          Entry(
            key: scalar.string, place: keyPlace,
            value: try DocumentNode(value, file: file, path: keyPath, depth: depth + 1)))
      }
      content = .mapping(entries)
    }
  }

  private static func malformed(_ error: any Error, file: String) -> DocumentError {
    func place(_ mark: Mark) -> DocumentPlace { DocumentPlace(source: file, line: mark.line, column: mark.column) }
    switch error as? YamlError {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _):
      return .malformed(place(mark), problem: "not valid YAML: \(problem)")
    case .composer(_, "but found another document", let mark, _):
      return .malformed(place(mark), problem: "a second document, expected only one")
    case .composer(_, let problem, let mark, _):
      return .malformed(place(mark), problem: "not valid YAML: \(problem)")
    case .duplicatedKeysInMapping(let keys, let context):
      return .duplicateKey(place(context.mark), path: keys.first ?? "")
    case .reader(let problem, let offset, _, let text):
      let before = text.prefix(offset ?? 0)
      let line = 1 + before.count { $0.isNewline }
      let column = 1 + before.reversed().prefix { !$0.isNewline }.count
      return .malformed(
        DocumentPlace(source: file, line: line, column: column), problem: "not valid YAML: \(problem)")
    default:
      return .malformed(DocumentPlace(source: file), problem: "cannot be read as YAML")
    }
  }
}

extension String {
  /// The path of a value under a key of the value at this path.
  func appending(key: String) -> String { isEmpty ? key : "\(self).\(key)" }
}
