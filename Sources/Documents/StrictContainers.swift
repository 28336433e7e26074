import Texts

/// The values of a mapping by their keys. Every key that is asked for is remembered, whether it is there or not.
struct KeyedNodes<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let decoder: StrictDecoder
  let entries: [DocumentNode.Entry]
  private let nodes: [String: DocumentNode]

  init(decoder: StrictDecoder, entries: [DocumentNode.Entry]) {
    self.decoder = decoder
    self.entries = entries
    nodes = Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
  }

  var codingPath: [any CodingKey] { decoder.codingPath }
  var allKeys: [Key] { entries.compactMap { Key(stringValue: $0.key) } }

  func contains(_ key: Key) -> Bool {
    decoder.asked.keys.insert(key.stringValue)
    return nodes[key.stringValue] != nil
  }

  /// - Throws: For a missing key; where an unknown one resembles it, that is the error to tell.
  private func child(_ key: any CodingKey) throws(DocumentError) -> StrictDecoder {
    let name = key.stringValue
    decoder.asked.keys.insert(name)
    if let node = nodes[name] { return decoder.child(node, key) }
    let unknown = entries.filter { Key(stringValue: $0.key) == nil && !decoder.asked.keys.contains($0.key) }
    if let meant = nearest(name, in: unknown.map(\.key)), let entry = unknown.first(where: { $0.key == meant }) {
      throw .unknownKey(entry.place, path: decoder.path.appending(key: meant), nearest: name, known: [])
    }
    throw .missingKey(decoder.node.place, path: decoder.path, key: name)
  }

  func decodeNil(forKey key: Key) throws -> Bool { try child(key).isNull }
  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try child(key).decodeWhole(type) }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    let child = try child(key)
    decoder.asked.children.append(child)
    return try child.container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try child(key).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { try superDecoder(PlainKey(stringValue: "super")) }
  func superDecoder(forKey key: Key) throws -> any Decoder { try superDecoder(key) }

  private func superDecoder(_ key: any CodingKey) throws -> any Decoder {
    let child = try child(key)
    decoder.asked.children.append(child)
    return child
  }
}

/// The values of a list, one after the other.
struct ListedNodes: UnkeyedDecodingContainer {
  let decoder: StrictDecoder
  let elements: [DocumentNode]
  private(set) var currentIndex = 0

  init(decoder: StrictDecoder, elements: [DocumentNode]) {
    self.decoder = decoder
    self.elements = elements
  }

  var codingPath: [any CodingKey] { decoder.codingPath }
  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex >= elements.count }

  private func next() throws(DocumentError) -> StrictDecoder {
    guard !isAtEnd else {
      throw .wrongType(
        decoder.node.place, path: decoder.path, expected: "more than \(elements.count) elements", found: "no more")
    }
    return decoder.child(elements[currentIndex], PlainKey(intValue: currentIndex))
  }

  mutating func decodeNil() throws -> Bool {
    guard try next().isNull else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let value = try next().decodeWhole(type)
    currentIndex += 1
    return value
  }

  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) throws -> KeyedDecodingContainer<Nested> {
    let child = try superChild()
    return try child.container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try superChild().unkeyedContainer()
  }

  mutating func superDecoder() throws -> any Decoder { try superChild() }

  private mutating func superChild() throws(DocumentError) -> StrictDecoder {
    let child = try next()
    currentIndex += 1
    decoder.asked.children.append(child)
    return child
  }
}

/// A key that is no one's `CodingKeys`: a place in a list, or a fixed name.
struct PlainKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  init(stringValue: String) {
    self.stringValue = stringValue
    intValue = nil
  }

  init(intValue: Int) {
    stringValue = String(intValue)
    self.intValue = intValue
  }
}
