import Testing

@testable import SecureAggregation

@Suite("Merkle tree of RFC 9162")
struct MerkleTreeTests {
  /// The eight leaves and roots of the certificate-transparency reference tests.
  static let leaves = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
  ].map(hex)
  static let roots = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ]

  @Test("Roots of one to eight leaves, and of none")
  func roots() {
    for count in 1...8 { #expect(MerkleTree.root(Array(Self.leaves[..<count])).hex == Self.roots[count - 1]) }
    #expect(MerkleTree.root([]).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test("The proof of the first of eight leaves is the published one")
  func proof() {
    #expect(
      MerkleTree.inclusionProof(Self.leaves, index: 0).map(\.hex) == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
      ])
  }

  @Test("Every proof verifies at its own place and nowhere else", arguments: 1...19)
  func everyProof(count: Int) {
    let leaves = (0..<count).map { [UInt8($0), 7] }
    let root = MerkleTree.root(leaves)
    for index in 0..<count {
      let proof = MerkleTree.inclusionProof(leaves, index: index)
      for place in 0..<count {
        #expect(
          MerkleTree.verify(proof, leaf: leaves[index], index: place, count: count, root: root) == (place == index))
      }
      #expect(!MerkleTree.verify(proof, leaf: [9, 9], index: index, count: count, root: root))
      #expect(!MerkleTree.verify(proof + [root], leaf: leaves[index], index: index, count: count, root: root))
      #expect(!MerkleTree.verify(proof, leaf: leaves[index], index: index, count: count, root: .zero))
      #expect(!MerkleTree.verify(proof, leaf: leaves[index], index: count, count: count, root: root))
    }
  }
}
