public import Identities

/// Where a coordinator's participant port is.
public struct CoordinatorAddress: Sendable, Hashable, CustomStringConvertible {
  /// A DNS name or an IP address, IPv6 without brackets.
  public var host: String
  public var port: Int

  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  public init(_ invite: InviteLine) {
    self.init(host: invite.host, port: invite.port)
  }

  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
