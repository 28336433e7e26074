import ArgumentParser
import Coordination
import Federation
import Foundation
import Participation
import Wire

struct Status: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "How a coordinator's runs stand, or how a node does.",
    discussion: """
      For a coordinator's home: its runs, the cohort's metrics, and who is late and why. For a node's home: what it takes
      part in, what left it, and its own rows' metrics, which are shown here and sent to nobody.
      """)

  @Argument(help: "A run of the coordinator; all of them when it is not given.")
  var run: String?
  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions

  func run() async throws {
    let node = NodeHome(path: home.path)
    if node.exists {
      return try options.output.print(NodeStatus(of: node)) { $0.description }
    }
    guard FileManager.default.fileExists(atPath: home.path + "/home.yaml") else { throw CommandError.noHome(home.path) }
    try await withOperator(of: home) { client in
      if let run {
        try options.output.print(try await client.run(run)) { RunText.summary($0) }
      } else {
        try options.output.print(try await client.runs()) { runs in
          guard !runs.isEmpty else { return "no runs yet: tributary run PLAN" }
          return runs.map(RunText.summary).joined(separator: "\n\n")
        }
      }
    }
  }
}
