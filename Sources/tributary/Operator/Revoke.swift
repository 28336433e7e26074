import ArgumentParser

struct Revoke: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Bar a participant from its next call on; nobody else is disturbed.")

  @Argument(help: "The participant's name.")
  var name: String
  @OptionGroup var home: HomeOptions
  @OptionGroup var options: OutputOptions

  struct Revoked: Encodable { let revoked: String }

  func run() async throws {
    try await withOperator(of: home) { try await $0.revoke(name: name) }
    try options.output.print(Revoked(revoked: name)) { "revoked \($0.revoked); its key will not be admitted again" }
  }
}
