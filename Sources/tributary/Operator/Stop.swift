import ArgumentParser

struct Stop: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop a run, or the coordinator.",
    discussion: "A stopped coordinator goes on where it was when it is served again; a stopped run does not.")

  @Argument(help: "The run to stop; without it, the coordinator itself stops.")
  var run: String?
  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions

  struct Stopped: Encodable { let stopped: String }

  func run() async throws {
    try await withOperator(of: home) { client in
      if let run { try await client.stopRun(run) } else { try await client.shutdown() }
    }
    try options.output.print(Stopped(stopped: run ?? "coordinator")) {
      "stopped the \(run.map { "run \($0)" } ?? $0.stopped)"
    }
  }
}
