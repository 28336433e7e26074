import Federation
import Schemas
import SecureAggregation
import Tensors
import Testing

@Suite("What a plan makes of statistics")
struct CheckpointsOfPlanTests {
  @Test("Every checkpoint that the statistics lead to is as the plan gives it")
  func honest() throws {
    let plan = try plan(planText(more: "seed: 3"), overrides: ["model.hidden=[4]"])
    var checkpoint = try plan.tableGenesis()
    #expect(try plan.difference(from: .table(checkpoint)) == nil)
    checkpoint = try checkpoint.applying(
      counts: ColumnCounts(present: [40, 9], contributors: [4, 1]), minimumContributors: plan.cohort.minimumSurvivors)
    #expect(checkpoint.kept?.kept == ["age"])
    #expect(try plan.difference(from: .table(checkpoint)) == nil)
    checkpoint = try checkpoint.applying(
      moments: ColumnMoments(plan.table.schema, kept: checkpoint.kept!), hidden: [4], activation: .relu, seed: 3)
    #expect(try plan.difference(from: .table(checkpoint)) == nil)
  }

  @Test("Another plan, schema, network, activation or column is found")
  func different() throws {
    let plan = try plan(planText())
    let counts = ColumnCounts(present: [40, 9], contributors: [4, 1])
    let kept = try plan.tableGenesis().applying(counts: counts, minimumContributors: 1)
    #expect(try plan.difference(from: .table(kept)) == "its model keeps other columns than the counts leave")

    var wide = try plan.tableGenesis().applying(counts: counts, minimumContributors: 3)
    wide = try wide.applying(
      moments: ColumnMoments(plan.table.schema, kept: wide.kept!), hidden: [8], activation: .relu, seed: 0)
    #expect(try plan.difference(from: .table(wide)) == "its model has another network")
    wide.network?.hidden = []
    wide.network?.activation = .gelu
    #expect(try plan.difference(from: .table(wide)) == "its model has another network")

    var other = try plan.tableGenesis()
    other.planDigest = "another"
    #expect(try plan.difference(from: .table(other)) == "its model is of another plan")
    other = try plan.tableGenesis()
    other.schema.ignore = ["id"]
    #expect(try plan.difference(from: .table(other)) == "its model is of another plan")
  }
}
