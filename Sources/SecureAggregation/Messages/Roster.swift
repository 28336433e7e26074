/// S0: everyone whose advert was taken, in ascending order of the bytes of their names. A rank is a place in it.
public struct Roster: Hashable, Codable, Sendable {
  public let adverts: [SignedAdvert]

  /// Sorts the adverts.
  public init(_ adverts: [SignedAdvert]) {
    self.adverts = adverts.sorted { Roster.precedes($0.advert.peer.name, $1.advert.peer.name) }
  }

  /// Takes a roster as it was received, in whatever order; a participant checks it before use.
  public init(received adverts: [SignedAdvert]) {
    self.adverts = adverts
  }

  public var count: Int { adverts.count }

  public var peers: [Peer] { adverts.map(\.advert.peer) }

  /// The identity keys, which is what a roster is as a set.
  public var keys: Set<IdentityKey> { Set(adverts.map(\.advert.peer.key)) }

  public func rank(of name: String) -> Int? {
    adverts.firstIndex { $0.advert.peer.name == name }
  }

  public func name(_ rank: Int) -> String { adverts[rank].advert.peer.name }

  /// R: the RFC 9162 root over the adverts without their signatures.
  public var root: Digest { MerkleTree.root(adverts.map(\.advert.canonicalBytes)) }

  /// T: H("fsa1/T", planHash || R || beacon). Up to 255 participants the graph is complete and the beacon is empty;
  /// it stands last behind two fixed widths and so has no length.
  public func transcript(planHash: Digest, beacon: [UInt8] = []) -> Digest {
    Digest(label: "fsa1/T", planHash.bytes + root.bytes + beacon)
  }

  /// Whether every name comes before the next by its bytes, and so none stands twice.
  var isAscending: Bool {
    zip(adverts, adverts.dropFirst()).allSatisfy { Roster.precedes($0.advert.peer.name, $1.advert.peer.name) }
  }

  private static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
}
