import ArgumentParser
import Participation

struct Leave: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "leave",
    abstract: "Leave the federation: revoke this node at the coordinator and delete its keys; the record stays.")

  @Flag(help: "Delete the keys although the coordinator cannot be reached; the certificate then ends by itself.")
  var evenIfUnreachable = false
  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions

  struct Left: Encodable { let left: String }

  func run() async throws {
    let node = NodeHome(path: home.path)
    do {
      try await node.leave(evenIfUnreachable: evenIfUnreachable)
    } catch ParticipationError.coordinator(.unreachable(let address, let reason)) {
      throw CommandError.cannotTell(address: address, reason: reason)
    }
    try options.output.print(Left(left: node.path)) {
      "left: the keys in \($0.left) are deleted, the record of what was shared is kept"
    }
  }
}
