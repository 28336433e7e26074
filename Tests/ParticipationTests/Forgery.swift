import Federation
import Schemas
import SecureAggregation
import Wire

@testable import Participation

/// What a coordinator that does not follow its plan can sign: a run that leads from the plan's genesis to any checkpoint, and
/// a round that starts from it.
struct Forgery {
  let federation: TestFederation
  var run = "forged"
  var plan: RunPlan
  var closes: [SignedRoundClose] = []
  private(set) var roundID: UInt64 = 1000
  private(set) var model: Digest

  init(_ federation: TestFederation, plan: RunPlan? = nil) async throws {
    self.federation = federation
    self.plan = plan ?? federation.plan
    let genesis = try self.plan.genesis().encoded()
    model = Digest(sha256: genesis)
    await federation.coordinator.forge(checkpoint: genesis)
  }

  /// A checkpoint of the plan after its statistics, with all columns kept.
  func trained(plan: RunPlan? = nil) throws -> TableCheckpoint {
    let plan = plan ?? self.plan
    let counts = ColumnCounts(present: [120, 120, 120], contributors: [4, 4, 4])
    let counted = try plan.tableGenesis().applying(
      counts: counts, minimumContributors: plan.cohort.minimumSurvivors)
    return try counted.applying(
      moments: ColumnMoments(plan.table.schema, kept: counted.kept!), hidden: plan.table.hidden,
      activation: plan.table.activation, seed: plan.seed)
  }

  /// Closes a round that ends with these bytes.
  mutating func close(with bytes: [UInt8], _ change: (inout RoundClose) -> Void = { _ in }) async throws {
    await federation.coordinator.forge(checkpoint: bytes)
    let next = Digest(sha256: bytes)
    roundID += 1
    var close = RoundClose(
      run: run, roundID: roundID, planHash: .zero, rosterRoot: .zero, survivorsHash: .zero, modelIn: model,
      modelOut: next, meanNorm: 0, totalWeight: 0, survivors: 4, outcome: .done)
    change(&close)
    closes.append(try SignedRoundClose(close, signer: federation.coordinator.signer))
    model = next
    await federation.coordinator.forge(closes: closes, of: run)
  }

  /// The instruction to take part in a round from the newest checkpoint.
  mutating func advertise(
    _ kind: RoundKind, from checkpoint: TableCheckpoint, _ change: (inout RoundPlan) -> Void = { _ in }
  ) throws -> Instruction {
    roundID += 1
    var round = try plan.roundPlan(
      kind: kind, run: run, roundID: roundID, checkpoint: .table(checkpoint), modelIn: model,
      gridClose: closes.last { $0.close.outcome != .abandoned }?.close.hash ?? .zero, deadlineSeconds: 1000)
    change(&round)
    let signed = try SignedRoundPlan(round, signer: federation.coordinator.signer)
    return Instruction(
      token: "\(roundID).0", roundID: roundID, step: .advertise(signed, runPlan: try plan.canonicalBytes))
  }
}
