import Federation
import Participation
import SecureAggregation

/// What a participant sends in a round, in the order of its phases.
enum MessageKind: String, CaseIterable, Comparable, Sendable {
  case advert, shares, upload, confirmation, answer

  init(_ message: RoundMessage) {
    self =
      switch message {
      case .advert: .advert
      case .shares: .shares
      case .upload: .upload
      case .confirmation: .confirmation
      case .answer: .answer
      }
  }

  static func < (left: Self, right: Self) -> Bool {
    allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
  }
}

/// What one participant did from the moment that it was shown the first lie.
struct Conduct: Sendable, Equatable {
  /// The messages that reached the coordinator.
  var sent: [MessageKind] = []
  /// Why it took no further part, as it told the coordinator.
  var reasons: [String] = []
  /// What it told its owner, from its start.
  var said: [String] = []
  /// The attack that its ledger is locked by.
  var lock: AveragingError?
}

extension ScriptedCoordinator {
  func conduct(of name: String) -> Conduct {
    var conduct = Conduct()
    let first = events.firstIndex { event in
      if case .shown(_, name) = event { true } else { false }
    }
    for event in events[(first ?? events.endIndex)...] {
      switch event {
      case .received(let message, _, name): conduct.sent.append(MessageKind(message))
      case .declined(let reason, name): conduct.reasons.append(reason)
      default: break
      }
    }
    return conduct
  }

  /// The participants of a round whose mask secrets t others have revealed both of: what must never be.
  func bothRevealed() -> [String] {
    var holders: [Secret: Set<String>] = [:]
    for case .received(.answer(let answer), let round, let name) in events {
      for entry in answer.entries {
        holders[Secret(round: round, rank: entry.rank, ofSelfMask: entry.ofSelfMask), default: []].insert(name)
      }
    }
    let threshold = Thresholds.threshold(
      participants: members.count, assumedColluders: configuration.assumedColluders)
    let known = holders.filter { $0.value.count >= threshold }.keys
    return known.filter { !$0.ofSelfMask && known.contains($0.otherOne) }.map { members[Int($0.rank)] }.sorted()
  }

  private struct Secret: Hashable {
    var round: UInt64
    var rank: UInt16
    var ofSelfMask: Bool

    var otherOne: Secret { Secret(round: round, rank: rank, ofSelfMask: !ofSelfMask) }
  }
}
