import Documents
import Foundation
import Identities

/// What `home.yaml` says of a coordinator.
public struct HomeSettings: Sendable, Hashable, Codable {
  /// The host that invitations name: where participants find the coordinator.
  public var host: String
  /// The address to listen on.
  public var listen: String
  /// The one port for participants.
  public var port: Int
  /// How long an invitation may be used.
  public var invitationHours: Double
  /// How long a participant's certificate lasts; nodes renew theirs after two thirds of it.
  public var certificateHours: Double
  /// How long after its last call a participant still counts as present.
  public var presenceSeconds: Double
  /// The upper half of every round's identifier. Raise it by one after restoring a backup, so that no round that
  /// participants have seen is ever opened again.
  public var epoch: UInt32

  public init(
    host: String = "localhost", listen: String = "127.0.0.1", port: Int = 7461, invitationHours: Double = 72,
    certificateHours: Double = 24, presenceSeconds: Double = 5, epoch: UInt32 = 1
  ) {
    self.host = host
    self.listen = listen
    self.port = port
    self.invitationHours = invitationHours
    self.certificateHours = certificateHours
    self.presenceSeconds = presenceSeconds
    self.epoch = epoch
  }

  public init(from decoder: any Decoder) throws {
    let home = try decoder.container(keyedBy: CodingKeys.self)
    let usual = HomeSettings()
    host = try home.decodeIfPresent(String.self, forKey: .host) ?? usual.host
    listen = try home.decodeIfPresent(String.self, forKey: .listen) ?? usual.listen
    port = try home.decodeIfPresent(Int.self, forKey: .port) ?? usual.port
    invitationHours = try home.decodeIfPresent(Double.self, forKey: .invitationHours) ?? usual.invitationHours
    certificateHours = try home.decodeIfPresent(Double.self, forKey: .certificateHours) ?? usual.certificateHours
    presenceSeconds = try home.decodeIfPresent(Double.self, forKey: .presenceSeconds) ?? usual.presenceSeconds
    epoch = try home.decodeIfPresent(UInt32.self, forKey: .epoch) ?? usual.epoch
  }

  /// Refuses settings that no coordinator could serve with.
  ///
  /// - Parameter path: of `home.yaml`, for the message.
  public func validate(path: String) throws(CoordinationError) {
    func require(_ holds: Bool, _ key: String, _ found: Any, _ expected: String) throws(CoordinationError) {
      guard holds else { throw .invalidSetting(path: path, key: key, found: "\(found)", expected: expected) }
    }
    try require((0...65_535).contains(port), "port", port, "0 to 65535 (0 picks a free one)")
    try require(InviteLine.isHost(host), "host", "\"\(host)\"", "a host name or address, without a port")
    try require(
      Self.isAddress(listen), "listen", "\"\(listen)\"", "an address of this machine, or 0.0.0.0 or :: for all of them")
    try require((0.01...8760).contains(invitationHours), "invitationHours", invitationHours, "0.01 to 8760")
    try require((0.01...8760).contains(certificateHours), "certificateHours", certificateHours, "0.01 to 8760")
    try require((0.05...3600).contains(presenceSeconds), "presenceSeconds", presenceSeconds, "0.05 to 3600")
    try require(epoch >= 1, "epoch", epoch, "at least 1")
  }

  private static func isAddress(_ text: String) -> Bool {
    var v4 = in_addr()
    var v6 = in6_addr()
    return inet_pton(AF_INET, text, &v4) == 1 || inet_pton(AF_INET6, text, &v6) == 1
  }

  /// The file as `init` writes it.
  var yaml: String {
    """
    # A coordinator's home, made by `tributary init`. Restart `tributary serve` after a change.

    # Where participants find this coordinator; invitations carry it.
    host: \(Self.quoted(host))
    # The address to listen on: 127.0.0.1 for this machine only, 0.0.0.0 for every interface.
    listen: \(Self.quoted(listen))
    port: \(port)

    invitationHours: \(invitationHours)
    certificateHours: \(certificateHours)
    # How long after its last call a participant still counts as present.
    presenceSeconds: \(presenceSeconds)

    # Raise by one after restoring this home from a backup.
    epoch: \(epoch)

    """
  }

  private static func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}
