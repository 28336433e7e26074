import ArgumentParser

@main
struct Tributary: AsyncParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Federated training of small specialist models.")
}
