import Federation
import Wire

/// Who is reachable now: a participant is present while its long-poll is open, or ended less than `presenceSeconds` ago.
///
/// For the first `returnSeconds` after the coordinator started, everyone enrolled counts as present: after a restart all
/// connections are gone, and a round must not go on without those that are only on their way back.
struct PresenceBook: Sendable {
  let presenceSeconds: Double
  let returnSeconds: Double
  let startedAt: Double
  private var openPolls: [String: Int] = [:]
  private var lastSeen: [String: Double] = [:]
  private var activities: [String: Activity] = [:]
  /// Participants that decline the round in work, with their reasons.
  private var declined: [String: String] = [:]
  private var declinedRound: UInt64?

  init(presenceSeconds: Double = 5, returnSeconds: Double = 15, startedAt: Double) {
    self.presenceSeconds = presenceSeconds
    self.returnSeconds = returnSeconds
    self.startedAt = startedAt
  }

  mutating func pollOpened(_ name: String, activity: Activity, now: Double) {
    openPolls[name, default: 0] += 1
    lastSeen[name] = now
    activities[name] = activity
  }

  mutating func pollEnded(_ name: String, now: Double) {
    guard let open = openPolls[name] else { return }
    openPolls[name] = open > 1 ? open - 1 : nil
    lastSeen[name] = now
  }

  /// Any call but a poll: the participant is at work.
  mutating func seen(_ name: String, now: Double) { lastSeen[name] = now }

  /// Nobody waits for this participant in this round any more.
  mutating func decline(_ name: String, round: UInt64, reason: String) {
    if declinedRound != round {
      declinedRound = round
      declined = [:]
    }
    declined[name] = reason
  }

  /// A participant that sends a message of the round after all has changed its mind.
  mutating func accept(_ name: String) { declined[name] = nil }

  /// A participant that was revoked or left.
  mutating func forget(_ name: String) {
    openPolls[name] = nil
    lastSeen[name] = nil
    activities[name] = nil
    declined[name] = nil
  }

  func isConnected(_ name: String, now: Double) -> Bool {
    openPolls[name] != nil || lastSeen[name].map { now - $0 < presenceSeconds } ?? false
  }

  func lastSeen(_ name: String) -> Double? { lastSeen[name] }

  /// What the participant says of itself, for the operator.
  func activity(_ name: String) -> String { activities[name].map { "\($0)" } ?? "" }

  /// - Parameters:
  ///   - enrolled: Those that may take part; anyone else is never present.
  ///   - round: The round in work.
  func presence(of enrolled: [RegisteredParticipant], round: UInt64?, now: Double) -> Presence {
    let returning = now - startedAt < returnSeconds
    var presence = Presence()
    for participant in enrolled {
      let name = participant.name
      presence.organisations[name] = participant.organisation
      presence.keys[name] = participant.averagingKey
      if isConnected(name, now: now) || (returning && lastSeen[name] == nil) { presence.present.insert(name) }
      if round != nil, round == declinedRound, let reason = declined[name] { presence.declined[name] = reason }
      switch activities[name] {
      case nil, .idle: break
      case .working(let working, _) where working != round: break
      case .waitingForOwner(let reason)?: presence.declined[name] = "waiting for its owner: \(reason)"
      case let activity?: presence.activities[name] = "\(activity)"
      }
    }
    return presence
  }
}
