import ArgumentParser
import Wire

struct Participants: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "participants", abstract: "List who was invited and who joined, what each does, and why it waits.")

  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions

  func run() async throws {
    let participants = try await withOperator(of: home) { try await $0.participants() }
    try options.output.print(participants) { participants in
      guard !participants.isEmpty else { return "nobody was invited yet: tributary invite NAME --organisation ORG" }
      var table = TextTable(["NAME", "ORGANISATION", "MEMBERSHIP", "PRESENT", "ACTIVITY", "FINGERPRINT"])
      for participant in participants {
        table.append([
          participant.name, participant.organisation, participant.membership.rawValue,
          participant.present ? "yes" : "no", participant.activity, participant.fingerprint?.fingerprint ?? "-",
        ])
      }
      return table.text
    }
  }
}
