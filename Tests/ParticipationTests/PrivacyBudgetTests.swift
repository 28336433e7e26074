import Federation
import Privacy
import SecureAggregation
import Testing

@testable import Participation

@Suite("A node's privacy budget")
struct PrivacyBudgetTests {
  /// Two full steps a round at a noise of two clip norms.
  private static func plan(rounds: Int = 2, noise: ExamplePrivacy.Noise = .multiplier(2)) -> RunPlan {
    var plan = TestPlan.plan(rounds: rounds)
    plan.update.weights = .uniform
    plan.privacy = .examples(ExamplePrivacy(clipNorm: 1, noise: noise, delta: 1e-5))
    return plan
  }

  /// n full steps of σ are one of σ / √n, whose δ is that of Balle and Wang, arXiv:1805.06530, theorem 8.
  private static func epsilon(rounds: Int) throws -> Double {
    var accountant = PrivacyAccountant()
    try accountant.compose(
      SampledGaussian(noiseMultiplier: 2 / Double(2 * rounds).squareRoot(), samplingRate: 1), times: 1)
    return try accountant.epsilon(delta: 1e-5)
  }

  private static func setBudgets(_ federation: TestFederation, _ epsilon: Double) throws {
    for node in federation.nodes {
      try node.home.changePolicy { $0.privacyBudget = PrivacyBudget(epsilon: epsilon, delta: 1e-5) }
    }
  }

  @Test("A run within the budget finishes, each update is charged once, and status and preview say what is spent")
  func within() async throws {
    let federation = try await TestFederation(plan: Self.plan())
    defer { federation.remove() }
    try Self.setBudgets(federation, try Self.epsilon(rounds: 2) * 1.01)
    try await federation.connectAll()
    try await federation.settle()
    #expect(await federation.coordinator.standing == .finished)
    let home = federation.nodes[0].home
    let charges = try home.ledger().charges.values
    #expect(charges.count == 2)
    #expect(Set(charges) == [PrivacyCharge(noiseMultiplier: 2, samplingRate: 1, steps: 2)])
    let status = try NodeStatus(of: home)
    let spent = try #require(status.privacy)
    #expect(abs(spent.epsilon - (try Self.epsilon(rounds: 2))) < 1e-3 * spent.epsilon)
    #expect("\(status)".contains("spent at delta 1e-05") && !"\(status)".contains("no formal privacy"))
    let preview = try Preview.make(plan: Self.plan(), home: home)
    let forecast = try #require(preview.privacy)
    #expect(abs(forecast.run - spent.epsilon) < 1e-3 && forecast.spent == spent.epsilon)
    #expect(!forecast.isWithinBudget)
    #expect("\(preview)".contains("will decline the rounds") && !"\(preview)".contains("no formal privacy"))
  }

  @Test("The round that would exceed the budget is declined, and a restart forgets nothing")
  func exceeded() async throws {
    let federation = try await TestFederation(plan: Self.plan())
    defer { federation.remove() }
    let (one, two) = (try Self.epsilon(rounds: 1), try Self.epsilon(rounds: 2))
    try Self.setBudgets(federation, (one + two) / 2)
    try await federation.connectAll()
    try await federation.settle()
    #expect(await federation.coordinator.standing != .finished)
    for node in federation.nodes {
      #expect(try node.home.ledger().charges.count == 1)
      let declined = try #require(await federation.coordinator.declined[node.peer.name])
      #expect(declined.contains("epsilon") && declined.contains("policy allows"))
      try node.restart()
    }
    try await federation.settle()
    for node in federation.nodes {
      #expect(try node.home.ledger().charges.count == 1)
      let fresh = try NodeHome(path: node.home.path).ledger()
      #expect(fresh.charges == (try node.home.ledger().charges))
      #expect(NodeLedger(replaying: fresh.summary) == fresh)
    }
  }

  @Test("A node that dies before or after its update is sent repeats the same bytes and is charged once")
  func restart() async throws {
    for fault in TestCoordinator.Fault.allCases {
      let federation = try await TestFederation(plan: Self.plan(rounds: 1))
      defer { federation.remove() }
      let once = OncePerRound()
      await federation.coordinator.setFault { call, name, kind in
        call == .submitUpload && name == "coast" && once.first(kind) ? fault : nil
      }
      try await federation.connectAll()
      try await federation.settle()
      #expect(await federation.coordinator.standing == .finished)
      let sent = await federation.coordinator.sent.filter { $0.name == "coast" && $0.call == .submitUpload }
      for (_, messages) in Dictionary(grouping: sent, by: \.roundID) { #expect(Set(messages.map(\.bytes)).count == 1) }
      let coast = try #require(federation.nodes.first { $0.peer.name == "coast" })
      #expect(try coast.home.ledger().charges.count == 1)
    }
  }

  @Test("A budget refuses plans without formal privacy, and stands in the policy's file")
  func withoutPrivacy() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    try Self.setBudgets(federation, 3)
    try await federation.connectAll()
    try await federation.settle()
    let declined = try #require(await federation.coordinator.declined["bay"])
    #expect(declined.contains("no formal privacy"))
    let home = federation.nodes[0].home
    #expect(try home.policy().privacyBudget == PrivacyBudget(epsilon: 3, delta: 1e-5))
    try home.changePolicy { $0.privacyBudget = nil }
    #expect(try home.policy().privacyBudget == nil)
  }

  @Test("A target becomes the noise that all rounds of the run keep it with")
  func target() throws {
    let plan = Self.plan(rounds: 5, noise: .epsilon(4))
    let round = try #require(try PrivateRound(plan, rowCount: 30))
    var accountant = PrivacyAccountant()
    try accountant.compose(
      SampledGaussian(noiseMultiplier: round.charge.noiseMultiplier, samplingRate: 1), times: round.charge.steps * 5)
    let epsilon = try accountant.epsilon(delta: 1e-5)
    #expect(epsilon <= 4 && epsilon > 3.9)
    #expect(try PrivateRound(TestPlan.plan(), rowCount: 30) == nil)
  }
}
