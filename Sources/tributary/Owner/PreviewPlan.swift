import ArgumentParser
import Federation
import Participation
import Wire

struct PreviewPlan: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "preview",
    abstract:
      "What taking part would mean: rows used and dropped and why, the cohort, and everything that would leave.",
    discussion: """
      Reads this node's rows here and sends nothing of them. Without a plan it asks the coordinator which plans it offers.
      """)

  @Argument(help: "A plan, a YAML file; the plans that the coordinator offers when it is not given.")
  var plan: String?
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Set a key of the plan, as in evaluation.fold=2. Repeatable.", valueName: "key=value"))
  var overrides: [String] = []
  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions

  func run() async throws {
    let node = NodeHome(path: home.path)
    let plans: [RunPlan]
    if let plan {
      plans = [try PlanOptions.read(plan, overrides: overrides)]
    } else {
      plans = try await node.credentials().connected { try await $0.offeredPlans() }.map {
        try RunPlan(canonicalBytes: $0.plan)
      }
    }
    let previews = try plans.map { try Preview.make(plan: $0, home: node) }
    try options.output.print(previews) { previews in
      guard !previews.isEmpty else { return "the coordinator offers no plan now; pass a plan's file to preview it" }
      return previews.map(\.description).joined(separator: "\n")
    }
  }
}
