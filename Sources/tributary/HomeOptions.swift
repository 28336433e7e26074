import ArgumentParser
import Foundation

/// `--home`: the directory that holds a coordinator or a node.
struct HomeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The home directory of the coordinator or node; TRIBUTARY_HOME when it is not given.", valueName: "directory"))
  var home: String = ProcessInfo.processInfo.environment["TRIBUTARY_HOME"] ?? "tributary-home"

  /// Absolute, so that messages name it in full.
  var path: String { URL(fileURLWithPath: home).standardizedFileURL.path }
}

/// `--json`, which every command has.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print JSON instead of text.")
  var json = false

  var output: Output { Output(json: json) }
}
