/// The Merkle tree of RFC 9162, section 2.1: 0x00 before a leaf, 0x01 before two children.
public enum MerkleTree {
  /// The tree's head. That of no leaves is the digest of nothing.
  public static func root(_ leaves: [[UInt8]]) -> Digest {
    guard !leaves.isEmpty else { return Digest(sha256: []) }
    return root(leaves.map(leafHash)[...])
  }

  /// The siblings from the leaf upwards (section 2.1.3.1).
  public static func inclusionProof(_ leaves: [[UInt8]], index: Int) -> [Digest] {
    precondition(leaves.indices.contains(index), "the leaf must be in the tree")
    var path: [Digest] = []
    var rest = leaves.map(leafHash)[...]
    var position = index
    while rest.count > 1 {
      let middle = rest.startIndex + split(rest.count)
      if position < middle - rest.startIndex {
        path.append(root(rest[middle...]))
        rest = rest[..<middle]
      } else {
        path.append(root(rest[..<middle]))
        position -= middle - rest.startIndex
        rest = rest[middle...]
      }
    }
    return path.reversed()
  }

  /// Whether `leaf` is at `index` of a tree of `count` leaves under `root` (section 2.1.3.2).
  public static func verify(_ proof: [Digest], leaf: [UInt8], index: Int, count: Int, root: Digest) -> Bool {
    guard index >= 0, index < count else { return false }
    var position = index
    var last = count - 1
    var hash = leafHash(leaf)
    for sibling in proof {
      guard last > 0 else { return false }
      if position & 1 == 1 || position == last {
        hash = nodeHash(sibling, hash)
        while position & 1 == 0, position != 0 {
          position >>= 1
          last >>= 1
        }
      } else {
        hash = nodeHash(hash, sibling)
      }
      position >>= 1
      last >>= 1
    }
    return last == 0 && hash == root
  }

  private static func root(_ hashes: ArraySlice<Digest>) -> Digest {
    guard hashes.count > 1 else { return hashes[hashes.startIndex] }
    let middle = hashes.startIndex + split(hashes.count)
    return nodeHash(root(hashes[..<middle]), root(hashes[middle...]))
  }

  /// The largest power of two smaller than `count`.
  private static func split(_ count: Int) -> Int {
    1 << (Int.bitWidth - 1 - (count - 1).leadingZeroBitCount)
  }

  private static func leafHash(_ leaf: [UInt8]) -> Digest { Digest(sha256: [0] + leaf) }

  private static func nodeHash(_ left: Digest, _ right: Digest) -> Digest {
    Digest(sha256: [1] + left.bytes + right.bytes)
  }
}
