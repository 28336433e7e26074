import ArgumentParser
import Foundation

/// The user's own copies of base models, and how much of the machine computes.
struct BaseOptions: ParsableArguments {
  @Option(
    name: .customLong("base"),
    help: ArgumentHelp(
      "Your copy of the base model, a directory or a GGUF file. Repeatable; TRIBUTARY_BASE names one too.",
      valueName: "path"))
  var bases: [String] = []
  @Option(help: "How many threads compute; all cores when it is not given.")
  var threads: Int?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) { throw ValidationError("--threads takes 1 to 1024") }
  }

  /// Those of the command line first.
  var paths: [String] { bases + (ProcessInfo.processInfo.environment["TRIBUTARY_BASE"].map { [$0] } ?? []) }
}
