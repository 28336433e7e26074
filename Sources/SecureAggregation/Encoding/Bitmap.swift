/// A set of ranks of one roster: rank r is bit r mod 8 of byte r / 8, least significant first; spare bits are zero.
public struct Bitmap: Hashable, Codable, Sendable, CustomStringConvertible {
  /// The roster's size, not the number of members.
  public let capacity: Int
  @Base64 public private(set) var bytes: [UInt8]

  public init(capacity: Int, ranks: some Sequence<Int> = EmptyCollection<Int>()) {
    self.capacity = capacity
    bytes = [UInt8](repeating: 0, count: (capacity + 7) / 8)
    for rank in ranks { insert(rank) }
  }

  /// Takes a bitmap that came from elsewhere; nil when its length is wrong, a spare bit is set, or no
  /// roster could be that large.
  public init?(bytes: [UInt8], capacity: Int) {
    guard (0...Int(UInt16.max)).contains(capacity), bytes.count == (capacity + 7) / 8 else { return nil }
    if capacity % 8 != 0, bytes[bytes.count - 1] >> UInt8(capacity % 8) != 0 { return nil }
    self.capacity = capacity
    self.bytes = bytes
  }

  private enum CodingKeys: String, CodingKey { case capacity, bytes }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let bytes = try container.decode(Base64.self, forKey: .bytes).wrappedValue
    guard let bitmap = Bitmap(bytes: bytes, capacity: try container.decode(Int.self, forKey: .capacity)) else {
      throw DecodingError.dataCorruptedError(forKey: .bytes, in: container, debugDescription: "not a bitmap")
    }
    self = bitmap
  }

  public func contains(_ rank: Int) -> Bool {
    rank >= 0 && rank < capacity && bytes[rank / 8] >> UInt8(rank % 8) & 1 == 1
  }

  public mutating func insert(_ rank: Int) {
    precondition(rank >= 0 && rank < capacity, "rank outside the roster")
    bytes[rank / 8] |= 1 << UInt8(rank % 8)
  }

  /// The members in ascending order.
  public var ranks: [Int] { (0..<capacity).filter(contains) }

  public var count: Int { bytes.reduce(0) { $0 + $1.nonzeroBitCount } }

  public func isSubset(of other: Bitmap) -> Bool {
    capacity == other.capacity && zip(bytes, other.bytes).allSatisfy { $0 & ~$1 == 0 }
  }

  public var description: String { "\(ranks) of \(capacity)" }
}
