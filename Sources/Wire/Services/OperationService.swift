public import Federation
public import SecureAggregation

/// The coordinator's side of `Operation`: what the operator's commands ask for over the Unix socket.
public protocol OperationService: Sendable {
  /// - Parameter lifetime: Nil for the default.
  func invite(name: String, organisation: String, lifetime: Duration?) async throws -> Invitation
  /// Sorted by name.
  func participants() async throws -> [ParticipantSnapshot]
  /// - Throws: ``WireError/unknownParticipant(_:)``.
  func revoke(name: String) async throws
  /// Queues a run.
  /// - Parameter plan: Canonical JSON.
  /// - Returns: The run's identifier.
  func submitRun(plan: [UInt8]) async throws -> String
  /// Oldest first.
  func runs() async throws -> [RunSnapshot]
  /// - Parameter run: Nil for the newest.
  /// - Throws: ``WireError/unknownRun(_:)``.
  func run(_ run: String?) async throws -> RunSnapshot
  /// The run now, and again whenever it changes, until it has ended. The task is cancelled when the operator hangs up.
  func watchRun(_ run: String?) async throws -> AsyncThrowingStream<RunSnapshot, any Error>
  func stopRun(_ run: String) async throws
  /// Begins to stop the coordinator; returns at once.
  func shutdown() async throws
}

/// An invitation as the operator passes it on. The line is a secret until it is used.
public struct Invitation: Sendable, Hashable, Codable {
  public var line: String
  /// Unix seconds.
  public var expires: Double

  public init(line: String, expires: Double) {
    self.line = line
    self.expires = expires
  }
}

/// One participant as the coordinator sees it; encodes as `--json` prints it.
public struct ParticipantSnapshot: Sendable, Hashable, Codable {
  public var name: String
  public var organisation: String
  /// The averaging key; nil before enrolment.
  public var fingerprint: IdentityKey?
  public var membership: Membership
  /// Whether it waits for instructions, or did a moment ago.
  public var present: Bool
  /// Unix seconds.
  public var lastSeen: Double?
  public var certificateExpires: Double?
  /// What it is doing, or why it waits, in its own words.
  public var activity: String

  public enum Membership: String, Sendable, Hashable, Codable, CaseIterable {
    case invited, enrolled, revoked, left
  }

  public init(
    name: String, organisation: String, fingerprint: IdentityKey? = nil, membership: Membership, present: Bool = false,
    lastSeen: Double? = nil, certificateExpires: Double? = nil, activity: String = ""
  ) {
    self.name = name
    self.organisation = organisation
    self.fingerprint = fingerprint
    self.membership = membership
    self.present = present
    self.lastSeen = lastSeen
    self.certificateExpires = certificateExpires
    self.activity = activity
  }
}
