import Wire

/// What a node is and where it belongs: the content of `node.yaml`, written by `join`.
public struct NodeSettings: Sendable, Hashable, Codable {
  /// The participant's name, as the coordinator's certificate has it.
  public var name: String
  /// As the certificate has it; absent until the node is enrolled.
  public var organisation: String?
  /// The coordinator's `host:port`.
  public var coordinator: String
  /// The SHA-256 of the coordinator's certificate authority (DER), in hexadecimal, from the invitation.
  public var authority: String
  /// The file with this node's rows, CSV or JSONL. Nothing is read until a plan is previewed or allowed.
  public var data: String?
  /// This node's own copies of base models, directories or GGUF files; a plan names the one it needs by its digest.
  public var bases: [String]
  /// How many threads train a language model; all cores when it is not given.
  public var threads: Int?
  /// The most memory that training may take, in MiB; what the machine has available when it is not given.
  public var memoryMiB: Int?

  public init(
    name: String, organisation: String? = nil, coordinator: String, authority: String, data: String? = nil,
    bases: [String] = [], threads: Int? = nil, memoryMiB: Int? = nil
  ) {
    self.name = name
    self.organisation = organisation
    self.coordinator = coordinator
    self.authority = authority
    self.data = data
    self.bases = bases
    self.threads = threads
    self.memoryMiB = memoryMiB
  }

  public init(from decoder: any Decoder) throws {
    let settings = try decoder.container(keyedBy: CodingKeys.self)
    name = try settings.decode(String.self, forKey: .name)
    organisation = try settings.decodeIfPresent(String.self, forKey: .organisation)
    coordinator = try settings.decode(String.self, forKey: .coordinator)
    authority = try settings.decode(String.self, forKey: .authority)
    data = try settings.decodeIfPresent(String.self, forKey: .data)
    bases = try settings.decodeIfPresent([String].self, forKey: .bases) ?? []
    threads = try settings.decodeIfPresent(Int.self, forKey: .threads)
    memoryMiB = try settings.decodeIfPresent(Int.self, forKey: .memoryMiB)
  }

  /// Numbers that a machine can have.
  func validate(file: String) throws(ParticipationError) {
    if let threads, !(1...1024).contains(threads) {
      throw .document(message: "\(file): threads is \(threads), expected 1 to 1024", hint: nil)
    }
    if let memoryMiB, memoryMiB < 1 {
      throw .document(message: "\(file): memoryMiB is \(memoryMiB), expected at least 1", hint: nil)
    }
  }
}

extension NodeSettings {
  /// The coordinator's address; a port is needed, and an IPv6 host stands in brackets.
  var address: CoordinatorAddress {
    get throws(ParticipationError) {
      let parts = coordinator.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count >= 2, let port = parts.last.flatMap({ Int($0) }), (1...65_535).contains(port) else {
        throw .document(
          message: "node.yaml: coordinator is \"\(coordinator)\", expected HOST:PORT",
          hint: "write the address as the invitation has it")
      }
      let host = parts.dropLast().joined(separator: ":")
      let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
      return CoordinatorAddress(host: bare, port: port)
    }
  }
}
