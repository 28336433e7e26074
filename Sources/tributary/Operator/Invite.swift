import ArgumentParser
import Foundation
import Wire

struct Invite: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "invite",
    abstract: "Print the one line that a data owner joins with: address, authority's fingerprint, single-use token.")

  @Argument(help: "The participant's name: a to z, 0 to 9 and hyphens.")
  var name: String
  @Option(help: "The organisation that it belongs to; a round counts organisations, not participants.")
  var organisation: String
  @Option(help: "How long the line may be used, in hours; the home's own setting when it is not given.")
  var hours: Double?
  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions

  func validate() throws {
    if let hours, !(hours * 3600 >= 1 && hours <= 8760) {
      throw ValidationError("--hours is \(hours), expected a second (0.0003) to 8760")
    }
  }

  func run() async throws {
    let invitation = try await withOperator(of: home) {
      try await $0.invite(name: name, organisation: organisation, lifetime: hours.map { .seconds($0 * 3600) })
    }
    try options.output.print(invitation) { $0.line }
  }
}
