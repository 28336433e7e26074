import ArgumentParser
import Bases
import Documents
import Federation
import Foundation
import Schemas
import SecureAggregation

struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Look at plans.", subcommands: [Check.self, Base.self])

  struct Base: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print the section model.base of a plan for a base model: its digest and its dimensions.",
      discussion: "The model is a directory as Hugging Face's tools write it, or a GGUF file. Nothing else reads it.")

    @Argument(help: "The base model.")
    var path: String
    @Option(help: "What the plan shall call it, best so that others find it; the file's own name by default.")
    var name: String?
    @OptionGroup var options: OutputOptions

    func run() throws {
      let base = try LocalBase(path)
      let name = name ?? URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
      let section = BaseSection(base: BaseReference(name: name, digest: base.digest), shape: base.model.shape)
      try options.output.print(section) { section in
        let yaml = (try? StrictYAML.encode(["base": section])) ?? ""
        return "# family: \(section.shape.family.rawValue)\n" + yaml.trimmingCharacters(in: .newlines)
      }
    }
  }

  struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Check a plan, and print the digest that owners allow it by.")

    @OptionGroup var plan: PlanOptions
    @Option(
      name: .customLong("free"),
      help: ArgumentHelp(
        "A key that may take any value: prints the digest of the template that leaves it free. Repeatable.",
        valueName: "key"))
    var free: [String] = []
    @OptionGroup var options: OutputOptions

    struct Checked: Encodable {
      let name: String
      let digest: Digest
      let template: Digest?
      let free: [String]
      let plan: RunPlan
    }

    func run() throws {
      let plan = try plan.read()
      let checked = Checked(
        name: plan.name, digest: try plan.digest(), template: free.isEmpty ? nil : try plan.digest(leavingFree: free),
        free: free, plan: plan)
      try options.output.print(checked) { checked in
        let cohort = checked.plan.cohort
        var lines = [
          "plan \(checked.name): \(checked.plan.rounds) rounds of up to \(cohort.size) participants",
          averaging(checked.plan),
          "  digest    \(checked.digest)",
        ]
        if let template = checked.template {
          lines.append("  template  \(template)  free: \(checked.free.joined(separator: ", "))")
        }
        return lines.joined(separator: "\n")
      }
    }

    private func averaging(_ plan: RunPlan) -> String {
      let cohort = plan.cohort
      switch plan.averaging {
      case .secure:
        return
          "  a sum opens with \(cohort.threshold) of \(cohort.size), over at least \(cohort.minimumSurvivors) organisations,"
          + " against \(cohort.assumedColluders) colluding with the coordinator\n"
          + "  averaging secure; \(plan.privacy.summary)"
          + (plan.privacy == .none ? ": masks hide an update in the sum, not what the sum tells" : "")
      case .clear:
        return "  averaging clear, WITHOUT masks: the coordinator reads every update; \(plan.privacy.summary)"
      }
    }
  }
}

/// A plan's file and what is set over it.
struct PlanOptions: ParsableArguments {
  @Argument(help: "The plan, a YAML file.")
  var plan: String
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Set a key of the plan, as in evaluation.fold=2. Repeatable.", valueName: "key=value"))
  var overrides: [String] = []

  func read() throws -> RunPlan { try Self.read(plan, overrides: overrides) }

  static func read(_ path: String, overrides: [String] = []) throws -> RunPlan {
    let text = try TextFile.read(path, what: "plan")
    let plan = try StrictYAML.decode(RunPlan.self, from: text, file: path, overrides: overrides)
    do {
      try plan.validate()
    } catch {
      guard let key = error.key,
        let place = StrictYAML.place(of: key, in: text, file: path, overrides: overrides)
      else { throw error }
      throw DocumentError.invalid(place, path: "", problem: error.description, hint: error.hint)
    }
    return plan
  }
}
