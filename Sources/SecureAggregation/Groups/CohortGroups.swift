/// A cohort cut at random into groups that one complete graph can hold: one group up to 255 participants, above that as
/// few as possible, of 128 to 255 each. Every group is one whole round of its own, with its own roster, threshold and
/// close; the groups' sums add up (``RoundSum/add(_:bits:)``).
///
/// **Coordinator-chosen groups: semi-honest.** Inside a group everything that holds of a round holds. Which group a
/// participant is in, however, is the coordinator's choice, and one that cheats could put its accomplices around a victim:
/// more than c of them in one group is what the rest of the protocol does not survive. It also learns each group's sum,
/// so that a participant hides among its group and not among the cohort. A public random choice would mend the first.
///
/// The choice follows from a key, so that a coordinator that restarts makes the same groups again: a participant that saw
/// two rosters under one plan would take it for an attack.
public struct CohortGroups: Hashable, Sendable {
  /// Places in the cohort, ascending in each group; every place is in exactly one.
  public let members: [[Int]]

  /// - Parameters:
  ///   - participants: At least 1.
  ///   - key: 32 secret bytes of the coordinator's for this cohort alone.
  public init(participants: Int, key: Secret) throws(AveragingError) {
    precondition(participants >= 1, "a cohort has members")
    let groups = (participants + Thresholds.largestCohort - 1) / Thresholds.largestCohort
    let order = try Self.permutation(participants, key: key)
    members = (0..<groups).map { group in
      order[group * participants / groups..<(group + 1) * participants / groups].sorted()
    }
  }

  /// Refuses a plan under which the weights of the whole cohort could overflow the lane that they are summed in.
  public func validate(_ plan: RoundPlan) throws(AveragingError) {
    let participants = members.reduce(0) { $0 + $1.count }
    guard UInt64(participants) * UInt64(plan.maximumWeight) < 1 << 31 else {
      throw .weightOverflow(participants: participants, maximumWeight: plan.maximumWeight)
    }
  }

  /// The shuffle of Fisher and Yates, with u32 draws of AES-256-CTR under HKDF(key, "fsa1/groups"); a draw from the
  /// incomplete last stretch of the range is thrown away, so that every order is equally likely.
  private static func permutation(_ count: Int, key: Secret) throws(AveragingError) -> [Int] {
    let stream = try Keystream(key.derive(info: derivation("fsa1/groups")))
    var order = Array(0..<count)
    for place in stride(from: count - 1, to: 0, by: -1) {
      let choices = UInt64(place + 1)
      let whole = (1 << 32) / choices * choices
      var draw: UInt64
      repeat { draw = UInt64(try stream.nextWord()) } while draw >= whole
      order.swapAt(place, Int(draw % choices))
    }
    return order
  }
}

extension RoundSum {
  /// Adds the sum of another group of the same cohort, whose vector has the same `bits` a lane.
  ///
  /// Lanes are counted mod 2^`bits`, 2^32 and 2^64 as inside a group, so the grid must be one that holds the whole cohort's
  /// sum.
  public mutating func add(_ other: RoundSum, bits: Int) throws(AveragingError) {
    for (what, found, expected) in [
      ("vector", other.vector.count, vector.count), ("tail", other.tail.count, tail.count),
      ("statistics", other.statistics.count, statistics.count),
    ] where found != expected {
      throw .inputShape("\(found) \(what) lanes in a group's sum, expected \(expected)")
    }
    let mask: UInt32 = bits == 32 ? .max : 1 << UInt32(bits) - 1
    for k in vector.indices { vector[k] = (vector[k] &+ other.vector[k]) & mask }
    for k in tail.indices { tail[k] &+= other.tail[k] }
    for k in statistics.indices { statistics[k] &+= other.statistics[k] }
    survivors += other.survivors
    wrongShares += other.wrongShares
  }
}
