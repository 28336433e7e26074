import ArgumentParser

/// The one executable: an operator's, a data owner's and a user's commands.
struct Tributary: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tributary",
    abstract: "Trains small specialist models where the data lives, and opens nothing but their average.",
    discussion: ExitStatus.discussion,
    version: "0.1.0",
    groupedSubcommands: [
      CommandGroup(
        name: "Operator",
        subcommands: [
          Init.self, Serve.self, Invite.self, Participants.self, Revoke.self, Plan.self, Run.self, Watch.self,
          Stop.self,
        ]),
      CommandGroup(
        name: "Data owner",
        subcommands: [Join.self, PreviewPlan.self, Policy.self, DrillCommand.self, Leave.self]),
      CommandGroup(name: "Operator and data owner", subcommands: [Status.self]),
      CommandGroup(
        name: "User",
        subcommands: [Export.self, Inspect.self, Predict.self, Ask.self, Evaluate.self, Train.self]),
    ])
}

@main
enum Main {
  static func main() async {
    do {
      var command = try Tributary.parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      ExitStatus.end(with: error)
    }
  }
}
