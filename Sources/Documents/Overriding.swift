extension DocumentNode {
  /// Puts a value at a path, as `--set cohort.size=4` asks; mappings on the way are made where there are none.
  ///
  /// The path is not checked here: the decoder refuses a key that it does not know, at the place of the override.
  mutating func apply(override: String) throws(DocumentError) {
    guard let equals = override.firstIndex(of: "=") else {
      throw .badOverride(override, problem: "there is no \"=\"")
    }
    let path = override[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard path.allSatisfy({ !$0.isEmpty }) else { throw .badOverride(override, problem: "the path has an empty key") }
    guard path.count <= Self.depthLimit else { throw .badOverride(override, problem: "the path is too long") }
    let place = DocumentPlace(source: "--set \(override)")
    let text = String(override[override.index(after: equals)...])
    let value: DocumentNode
    do { value = try DocumentNode(yaml: text, file: place.source) } catch {
      throw .badOverride(override, problem: "the value is not YAML")
    }
    set(value.moved(to: place, emptyIsNull: text.allSatisfy(\.isWhitespace)), at: path[...], place: place)
  }

  private mutating func set(_ value: DocumentNode, at path: ArraySlice<String>, place: DocumentPlace) {
    guard let key = path.first else {
      self = value
      return
    }
    switch content {
    case .list(var elements):
      guard let index = Int(key), elements.indices.contains(index) else { break }
      elements[index].set(value, at: path.dropFirst(), place: place)
      content = .list(elements)
      return
    case .mapping(var entries):
      if let index = entries.firstIndex(where: { $0.key == key }) {
        entries[index].value.set(value, at: path.dropFirst(), place: place)
        entries[index].place = path.count == 1 ? place : entries[index].place
      } else {
        var made = DocumentNode(place: place, content: .mapping([]))
        made.set(value, at: path.dropFirst(), place: place)
        entries.append(Entry(key: key, place: place, value: made))
      }
      content = .mapping(entries)
      return
    default: break
    }
    // Where the path leads through a number, text or a place beyond a list, a mapping takes that place: the decoder then
    // says what it expected there, with the name of this override.
    var made = DocumentNode(place: place, content: .mapping([]))
    made.set(value, at: path, place: place)
    self = made
  }

  private func moved(to place: DocumentPlace, emptyIsNull: Bool) -> DocumentNode {
    if emptyIsNull { return DocumentNode(place: place, content: .null) }
    switch content {
    case .list(let elements):
      return DocumentNode(place: place, content: .list(elements.map { $0.moved(to: place, emptyIsNull: false) }))
    case .mapping(let entries):
      return DocumentNode(
        place: place,
        content: .mapping(
          entries.map { Entry(key: $0.key, place: place, value: $0.value.moved(to: place, emptyIsNull: false)) }))
    default:
      return DocumentNode(place: place, content: content)
    }
  }
}
