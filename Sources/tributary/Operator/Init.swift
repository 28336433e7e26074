import ArgumentParser
import Coordination

struct Init: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Make a coordinator's home: its certificate authority, signing key and settings.")

  @OptionGroup var home: HomeOptions
  @Option(help: "The host name or address at which participants reach this coordinator; invitations carry it.")
  var host = "localhost"
  @Option(
    help: ArgumentHelp(
      "The address and port to listen on for participants; 0.0.0.0 is every interface, port 0 a free one at each start.",
      valueName: "address:port"))
  var listen = "127.0.0.1:7461"
  @OptionGroup var options: OutputOptions

  struct Made: Encodable {
    let home: String
    let authority: String
  }

  func run() throws {
    let (address, port) = try Self.split(listen)
    let made = try CoordinatorHome.create(
      at: home.path, settings: HomeSettings(host: host, listen: address, port: port))
    let authority = try made.authority()
    try options.output.print(Made(home: made.path, authority: "\(authority.digest)")) {
      """
      made a coordinator's home in \($0.home)
      its certificate authority: \($0.authority)
      next: tributary serve --home \($0.home)
      """
    }
  }

  /// `127.0.0.1:7461` or `[::1]:7461`, in two.
  private static func split(_ listen: String) throws -> (address: String, port: Int) {
    guard let colon = listen.lastIndex(of: ":"), let port = Int(listen[listen.index(after: colon)...]),
      (0...65_535).contains(port)
    else { throw ValidationError("--listen is \"\(listen)\", expected an address and a port, as in 127.0.0.1:7461") }
    var address = listen[..<colon]
    if address.hasPrefix("["), address.hasSuffix("]") { address = address.dropFirst().dropLast() }
    return (String(address), port)
  }
}
