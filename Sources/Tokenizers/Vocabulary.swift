/// The tokens of a model and those added to them, by id and by text.
struct Vocabulary: Sendable {
  /// A hostile file must not make us reserve memory for ids that it only mentions.
  static let idLimit = 1 << 22
  /// How many ids may have no token.
  static let gapLimit = 1 << 16

  /// By id; `nil` where the ids have a gap.
  private(set) var tokens: [[UInt8]?] = []
  private var ids: ByteTable

  init(capacity: Int) {
    ids = ByteTable(capacity: capacity)
  }

  mutating func add(_ token: [UInt8], id: Int32) {
    if Int(id) >= tokens.count { tokens += Array(repeating: nil, count: Int(id) + 1 - tokens.count) }
    tokens[Int(id)] = token
    ids.insert(token, id: id)
  }

  /// Gives a token another text, by which it is also found unless a token with that text is there.
  mutating func rename(_ id: Int32, _ token: [UInt8]) {
    tokens[Int(id)] = token
    if ids.id(token.span, 0, token.count) == nil { ids.insert(token, id: id) }
  }

  func id(of token: String) -> Int32? {
    let bytes = Array(token.utf8)
    return ids.id(bytes.span, 0, bytes.count)
  }

  func token(of id: Int32) -> String? {
    bytes(of: id).map { String(decoding: $0, as: UTF8.self) }
  }

  func bytes(of id: Int32) -> [UInt8]? {
    id >= 0 && id < tokens.count ? tokens[Int(id)] : nil
  }
}
