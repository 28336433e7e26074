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

  public init(name: String, organisation: String? = nil, coordinator: String, authority: String, data: String? = nil) {
    self.name = name
    self.organisation = organisation
    self.coordinator = coordinator
    self.authority = authority
    self.data = data
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
