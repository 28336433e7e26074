import ArgumentParser
import Coordination
import Logging

struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Run the coordinator of a home until it is stopped.")

  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions
  @Flag(help: "Log every round's phases.")
  var verbose = false

  struct Served: Encodable {
    let host: String
    let port: Int
    let home: String
  }

  func run() async throws {
    let logger = Log.make("coordinator", verbose: verbose)
    let opened = try CoordinatorHome(opening: home.path)
    let output = options.output
    let coordinator = try Coordinator(home: opened, logger: logger) { port in
      let served = Served(host: opened.settings.listen, port: port, home: opened.path)
      try? output.printLine(served) {
        "serving \($0.home) on \($0.host):\($0.port); stop with Ctrl-C, or: tributary stop --home \($0.home)"
      }
    } onStuck: {
      logger.error("stopping takes too long; the process ends now, and loses nothing that anybody was told")
      Tributary.exit(withError: ExitCode(ExitStatus.failed.rawValue))
    }
    try await Log.untilStopped(logger, service: coordinator)
  }
}
