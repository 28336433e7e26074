import ArgumentParser
import Drill
import Participation

struct DrillCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "drill",
    abstract: "Play a hostile coordinator's attacks against participants with this node's policy.",
    discussion: """
      Starts a coordinator that lies and as many real participants as the policy asks for, with TLS, on loopback, and plays \
      every attack of docs/threat-model.md. What is printed is what reached that coordinator. Each attack has a stated end: \
      abort (every participant that meets it refuses by name and reveals nothing), refused (by the policy or the coordinator, \
      and the round goes on), property (something holds in every run) and limit (masks cannot prevent it; what remains, and \
      what bounds it). The status is 1 unless each ends as stated.

      With --home the participants have the bounds of that node's policy.yaml: minimumCohort, assumedColluders, \
      maximumClipNorm, maximumBits, minimumKnownPeers, and as many known peers as it lists. A privacyBudget is \
      left out. Nothing else is read there and \
      nothing is written: no keys, no rows, no ledger. The rows of the drill are synthetic, its plan is a small table's, its \
      homes are scratch and go away, and the node may be taking part meanwhile. An attack that a policy leaves open succeeds \
      here as it would there. Without --home the bounds are the recommended ones.
      """)

  @Option(
    help: ArgumentHelp("The home of the node whose policy is drilled.", valueName: "directory"))
  var home: String?
  @Option(
    name: .customLong("attack"), help: ArgumentHelp("Play this attack alone. Repeatable.", valueName: "name"))
  var attacks: [String] = []
  @Flag(help: "Name the attacks, and play none.")
  var list = false
  @OptionGroup var options: OutputOptions

  func run() async throws {
    let chosen = attacks.isEmpty ? Attack.all : try attacks.map(Attack.named)
    if list { return try options.output.print(chosen.map(\.name)) { $0.joined(separator: "\n") } }
    let configuration =
      try home.map { try DrillConfiguration(policy: NodeHome(path: $0).policy()) } ?? .recommended
    let output = options.output
    if !output.json { output.line(DrillText.heading(configuration, home: home)) }
    let report = try await Drill(configuration).run(chosen) { row in
      if !output.json { output.line(DrillText.row(row)) }
    }
    try output.print(report) { DrillText.summary($0) }
    guard report.passed else { throw CommandError.drillFailed(report.rows.filter { !$0.asStated }.map(\.attack)) }
  }
}

/// A drill in lines.
enum DrillText {
  static func heading(_ configuration: DrillConfiguration, home: String?) -> String {
    let bounds = configuration.bounds
    let known =
      bounds.minimumKnownPeers == 0
      ? "no peer must be known" : "at least \(bounds.minimumKnownPeers) known peers"
    return """
      \(configuration.participants) participants with the policy of \(home ?? "the documentation"): sums over at least \
      \(bounds.minimumCohort), \(bounds.assumedColluders) assumed colluders, clip norm up to \(bounds.maximumClipNorm), \
      \(bounds.maximumBits) bits, \(known)

      \(columns("attack", "stated", "on", "seen"))
      """
  }

  static func row(_ row: DrillReport.Row) -> String {
    let mark = row.asStated ? "" : "NOT AS STATED: "
    let lines = [
      columns(row.attack, row.statedEnd.rawValue, row.participants.map { "\($0)" } ?? "", mark + row.seen),
      "    \(row.row) (\(row.breaks)): it \(row.did)",
    ]
    return (lines + row.complaints.dropFirst().map { "    also: \($0)" }).joined(separator: "\n")
  }

  static func summary(_ report: DrillReport) -> String {
    let failed = report.rows.count { !$0.asStated }
    return failed == 0
      ? "\nall \(report.rows.count) ended as stated" : "\n\(failed) of \(report.rows.count) did not end as stated"
  }

  private static func columns(_ attack: String, _ stated: String, _ on: String, _ seen: String) -> String {
    func padded(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
    return "\(padded(attack, 24))\(padded(stated, 10))\(padded(on, 4))\(seen)"
  }
}
