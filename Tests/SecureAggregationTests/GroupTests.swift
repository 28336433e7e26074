import Testing

@testable import SecureAggregation

@Suite("Cohorts above 255, in groups")
struct GroupTests {
  @Test(
    "Groups hold everyone once, 128 to 255 each and as few as possible",
    arguments: [(1, 1), (3, 1), (255, 1), (256, 2), (510, 2), (511, 3), (1000, 4), (10_000, 40)])
  func sizes(participants: Int, groups: Int) throws {
    let cohort = try CohortGroups(participants: participants, key: Secret([UInt8](repeating: 7, count: 32)))
    #expect(cohort.members.count == groups)
    #expect(cohort.members.flatMap { $0 }.sorted() == Array(0..<participants))
    #expect(cohort.members.allSatisfy { $0 == $0.sorted() })
    if groups > 1 { #expect(cohort.members.allSatisfy { (128...255).contains($0.count) }) }
    let sizes = cohort.members.map(\.count)
    #expect(sizes.max()! - sizes.min()! <= 1)
  }

  @Test("The same key gives the same groups, another key others")
  func keyed() throws {
    let key = Secret([UInt8](repeating: 1, count: 32))
    let cohort = try CohortGroups(participants: 600, key: key)
    #expect(try CohortGroups(participants: 600, key: key) == cohort)
    #expect(try CohortGroups(participants: 600, key: Secret([UInt8](repeating: 2, count: 32))) != cohort)
  }

  @Test("Every pair is as likely to meet as chance has it")
  func uniform() throws {
    // 256 in two groups of 128: two given places share a group with chance 127/255. Over 400 keys and 128 disjoint pairs
    // the count is 51,200 draws, all but independent: sd = sqrt(51,200 * 0.498 * 0.502) = 113; five of them are allowed.
    var together = 0
    for key in 0..<400 {
      var bytes = [UInt8](repeating: 0, count: 32)
      bytes[0] = UInt8(key & 255)
      bytes[1] = UInt8(key >> 8)
      let first = Set(try CohortGroups(participants: 256, key: Secret(bytes)).members[0])
      for pair in 0..<128 where first.contains(2 * pair) == first.contains(2 * pair + 1) { together += 1 }
    }
    #expect(abs(Double(together) - 51_200 * 127 / 255) < 5 * 113)
  }

  @Test("Weights that could overflow over all groups together are refused")
  func overflow() throws {
    let cohort = try CohortGroups(participants: 1000, key: Secret([UInt8](repeating: 7, count: 32)))
    #expect(throws: Never.self) { try cohort.validate(Rehearsal.plan(maximumWeight: 2_147_483)) }
    #expect(throws: AveragingError.weightOverflow(participants: 1000, maximumWeight: 2_147_484)) {
      try cohort.validate(Rehearsal.plan(maximumWeight: 2_147_484))
    }
  }

  @Test("Sums of groups add lane by lane, each mod its own width, and other shapes are refused")
  func totals() throws {
    let peers = try (1...2).map {
      Peer(
        name: "p\($0)", organisation: "o\($0)",
        key: try IdentitySigner(seed: [UInt8](repeating: $0, count: 32)).publicKey)
    }
    var sum = RoundSum(vector: [0x1FF, 5], tail: [.max], statistics: [.max], survivors: [peers[0]], wrongShares: ["x"])
    let other = RoundSum(vector: [2, 6], tail: [3], statistics: [4], survivors: [peers[1]])
    try sum.add(other, bits: 9)
    #expect(sum == RoundSum(vector: [1, 11], tail: [2], statistics: [3], survivors: peers, wrongShares: ["x"]))
    #expect(throws: AveragingError.inputShape("1 vector lanes in a group's sum, expected 2")) {
      try sum.add(RoundSum(vector: [1], tail: [1], statistics: [1], survivors: []), bits: 9)
    }
  }
}
