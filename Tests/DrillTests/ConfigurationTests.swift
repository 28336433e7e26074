import Federation
import Participation
import SecureAggregation
import Testing

@testable import Drill

@Suite("The cohort that a policy is drilled with")
struct ConfigurationTests {
  // t = floor((n + c) / 2) + 1, and one participant may be lost.
  @Test(
    "The fewest participants that keep every bound without one of them",
    arguments: [
      (3, 0, 0, 5, 4),  // c = 1, t = 4
      (4, 1, 2, 5, 4),
      (10, 1, 0, 11, 10),
      (3, 4, 0, 7, 6),  // n = 6 has t = 6
      (3, 0, 6, 8, 5),  // six known peers, this node and the lost one
    ])
  func sizes(cohort: Int, colluders: Int, known: Int, participants: Int, survivors: Int) throws {
    let policy = try Self.policy(cohort, colluders, known)
    let configuration = try DrillConfiguration(policy: policy)
    #expect(configuration.participants == participants)
    #expect(configuration.minimumSurvivors == survivors)
    #expect(try policy.allowing(configuration.plan()).refusal(of: configuration.plan()) == nil)
  }

  @Test("Bounds that no cohort can keep are refused")
  func impossible() {
    #expect(throws: DrillError.noCohort(minimumCohort: 254, colluders: 1)) {
      _ = try DrillConfiguration(policy: NodePolicy(minimumCohort: 254))
    }
    #expect(throws: DrillError.noCohort(minimumCohort: 3, colluders: 300)) {
      _ = try DrillConfiguration(policy: NodePolicy(assumedColluders: 300))
    }
  }

  @Test("Each weaker plan breaks one bound, for which a policy that allows it refuses it")
  func weaker() throws {
    let policy = try Self.policy(6, 2, 0)
    let weaker = try DrillConfiguration(policy: policy).weakerPlans()
    #expect(
      weaker.map(\.refusal) == [
        .cohortTooSmall(plan: 5, policy: 6), .tooFewColluders(plan: 1, policy: 2),
        .clipNormTooLarge(plan: 200, policy: 100),
      ])
    for (plan, refusal) in weaker { #expect(try policy.allowing(plan).refusal(of: plan) == refusal) }
  }

  private static func policy(_ cohort: Int, _ colluders: Int, _ known: Int) throws -> NodePolicy {
    let peers = try (0..<known).map { number in
      NodePolicy.KnownPeer(
        fingerprint: try IdentitySigner(seed: [UInt8](repeating: UInt8(number), count: 32)).publicKey)
    }
    return NodePolicy(
      minimumCohort: cohort, assumedColluders: colluders, peers: peers, minimumKnownPeers: known)
  }
}

extension NodePolicy {
  fileprivate func allowing(_ plan: RunPlan) throws -> NodePolicy {
    var policy = self
    policy.plans = [AllowedPlan(digest: try plan.digest())]
    return policy
  }
}
