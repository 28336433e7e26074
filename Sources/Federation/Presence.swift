public import SecureAggregation

/// Who can be waited for, at one moment: an argument of the machines, since connections are not part of their state.
public struct Presence: Sendable, Equatable {
  /// Enrolled participants that are connected, or were a few seconds ago.
  public var present: Set<String>
  /// Participants whose own policy declines the run's plan, with the reason they gave.
  public var declined: [String: String]
  /// The organisation of every enrolled participant, present or not: a roster holds one of each.
  public var organisations: [String: String]
  /// The averaging key of every enrolled participant: whoever is enrolled anew under a name is somebody else.
  public var keys: [String: IdentityKey]
  /// What each participant last said that it is doing.
  public var activities: [String: String]

  public init(
    present: Set<String> = [], declined: [String: String] = [:], organisations: [String: String] = [:],
    keys: [String: IdentityKey] = [:], activities: [String: String] = [:]
  ) {
    self.present = present
    self.declined = declined
    self.organisations = organisations
    self.keys = keys
    self.activities = activities
  }

  /// Present, enrolled and not declining.
  public var willing: Set<String> { present.filter { organisations[$0] != nil && declined[$0] == nil } }
}
