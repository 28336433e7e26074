import ArgumentParser
import Identities
import Participation

struct Join: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "join",
    abstract: "Join a federation by its one line, and take part until stopped.",
    discussion: """
      Makes the node's keys here, where they stay. The first policy allows nothing: look with `tributary preview`, allow
      with `tributary policy allow`. Without a line, an enrolled home goes on where it was, as after a reboot.
      """)

  @Argument(help: "The line that the operator's `tributary invite` printed.")
  var line: String?
  @Option(help: "The file with this node's rows, .csv or .jsonl. It is read here and never sent.")
  var data: String?
  @Option(
    name: .customLong("base"),
    help: ArgumentHelp(
      "This node's own copy of a base model, a directory or a GGUF file. Repeatable.", valueName: "path"))
  var bases: [String] = []
  @Flag(help: "Stop after enrolling.")
  var enrolOnly = false
  @Flag(help: "Log every step of every round.")
  var verbose = false
  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions

  struct Joined: Encodable {
    let name: String
    let organisation: String?
    let coordinator: String
    let fingerprint: String
    let home: String
    let allowedPlans: Int
  }

  func run() async throws {
    let node = NodeHome(path: home.path)
    if let line {
      try await node.enrol(by: InviteLine(line), data: data)
    } else if let data {
      try node.setData(file: data)
    }
    for base in bases { try node.addBase(base) }
    let settings = try node.settings()
    let joined = Joined(
      name: settings.name, organisation: settings.organisation, coordinator: settings.coordinator,
      fingerprint: try node.fingerprint(), home: node.path, allowedPlans: try node.policy().plans.count)
    try options.output.printLine(joined) { joined in
      let policy =
        joined.allowedPlans == 0
        ? "policy.yaml allows nothing yet: tributary preview PLAN --home \(joined.home)"
        : "policy.yaml allows \(joined.allowedPlans) plan\(joined.allowedPlans == 1 ? "" : "s")"
      return """
        \(joined.name)\(joined.organisation.map { " of \($0)" } ?? ""), enrolled with \(joined.coordinator)
        fingerprint \(joined.fingerprint), for the other owners' policies
        \(policy)
        """
    }
    if enrolOnly { return }
    let log = Log.make("node", verbose: verbose)
    try await Log.untilStopped(log, service: Participant(home: node, log: log))
  }
}
