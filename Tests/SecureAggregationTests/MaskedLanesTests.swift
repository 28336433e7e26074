import Testing

@testable import SecureAggregation

@Suite("Masked lanes")
struct MaskedLanesTests {
  @Test(
    "Many masks together are those masks one after the other, and their opposites take them off",
    arguments: [8, 10, 24])
  func together(bits: Int) throws {
    let shape = VectorShape(bits: bits, count: 5000, tailLanes: 3, statisticLanes: 2)
    let masks: [MaskedLanes.Application] = (0..<300).map { rank in
      let secret = Secret([UInt8](repeating: UInt8(rank & 255), count: 32))
      return (mask: .own(secret, rank: rank, transcript: .zero), subtract: rank.isMultiple(of: 3))
    }
    var together = MaskedLanes(shape)
    try together.apply(masks)
    var single = MaskedLanes(shape)
    for mask in masks { try single.apply([mask]) }
    #expect(together.packed() == single.packed())
    #expect(together.packed() != MaskedLanes(shape).packed())

    try together.apply(masks.map { (mask: $0.mask, subtract: !$0.subtract) })
    #expect(together.packed() == MaskedLanes(shape).packed())
  }
}
