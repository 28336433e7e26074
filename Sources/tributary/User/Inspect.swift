import ArgumentParser
import Specialists

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Print what a specialist reads, what it predicts, and where it comes from.")

  @Argument(help: "A specialist that `tributary export` wrote.")
  var file: String
  @OptionGroup var options: OutputOptions

  func run() throws {
    try options.output.print(Inspection(Specialist(path: file))) { $0.description }
  }
}
