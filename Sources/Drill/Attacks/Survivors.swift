import Federation
import SecureAggregation

// Lies about who survived, told to make survivors open more than one sum, or the sum of one.

extension Attack {
  static let aliveAndDead = Attack(
    name: "alive-and-dead", row: "same id in alive and dead lists", breaks: "that peer is fully unmasked",
    does: "lists a participant that never shared among the survivors", end: .abort,
    play: .abort { coordinator in
      let lost = coordinator.loses(.shares, in: .update)
      try await coordinator.follow(until: .confirming, of: .update)
      let survivors = coordinator.members.filter { $0 != lost }
      for name in survivors {
        coordinator.show(.confirm(coordinator.survivorSet(coordinator.members, for: name)), to: name)
      }
      return .all(survivors, before: .confirmation, Reason(.overlappingSets))
    })

  static let secondAnswer = Attack(
    name: "second-answer", row: "same id in alive and dead lists", breaks: "that peer is fully unmasked",
    does: "has the sum opened, and then declares one survivor dead", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .unmasking, of: .update)
      try await coordinator.asks(for: .answer)
      let survivors = Array(coordinator.members.dropLast())
      for name in survivors {
        coordinator.show(.confirm(coordinator.survivorSet(survivors, for: name)), to: name)
      }
      return .all(survivors, before: .confirmation, Reason(.secondSurvivorSet))
    })

  static let splitSurvivors = Attack(
    name: "split-survivors", row: "different alive sets to different clients", breaks: "two overlapping sums",
    does: "shows each half another set, and to each the confirmations of its own half", end: .abort,
    play: .abort { coordinator in
      let halves = try await coordinator.confirmsInHalves()
      var reasons: [String: Reason] = [:]
      let need = coordinator.thresholds?.quorum ?? 0
      for half in halves {
        for name in half.names {
          coordinator.show(.unmask(half.quorum(of: half.names)), to: name)
          reasons[name] = Reason(.tooFewConfirmations(have: half.names.count, need: need))
        }
      }
      return Abort(reasons: reasons, before: .answer)
    })

  static let mixedConfirmations = Attack(
    name: "mixed-confirmations", row: "different alive sets to different clients", breaks: "two overlapping sums",
    does: "shows each half another set, and to each the confirmations of both halves", end: .abort,
    play: .abort { coordinator in
      let halves = try await coordinator.confirmsInHalves()
      var reasons: [String: Reason] = [:]
      for half in halves {
        let quorum = half.quorum(of: coordinator.members)
        let other = half.told.first { !half.names.contains($0) } ?? ""
        for name in half.names {
          coordinator.show(.unmask(quorum), to: name)
          reasons[name] = Reason(.forgedSignature(of: other, on: "the survivor set"))
        }
      }
      return Abort(reasons: reasons, before: .answer)
    })

  static let secondSharers = Attack(
    name: "second-sharers", row: "different alive sets to different clients",
    breaks: "masks that one of two sets leaves",
    does: "delivers shares a second time, without those of one participant", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .collecting, of: .update)
      try await coordinator.asks(for: .upload)
      let sharers = Array(coordinator.members.dropLast())
      for name in sharers { coordinator.show(coordinator.delivery(of: sharers, to: name), to: name) }
      return .all(sharers, before: .upload, Reason(.secondSharerSet))
    })

  static let neighboursDead = Attack(
    name: "neighbours-dead", row: "declare all neighbours of one client dead", breaks: "that client is exposed",
    does: "tells each participant that it alone survived", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .confirming, of: .update)
      for name in coordinator.members {
        coordinator.show(.confirm(coordinator.survivorSet([name], for: name)), to: name)
      }
      let need = coordinator.thresholds?.minimumSurvivors ?? 0
      return .all(coordinator.members, before: .confirmation, Reason(.tooFewSurvivors(have: 1, need: need)))
    })

  static let replayedAnswer = Attack(
    name: "replayed-quorum", row: "replay M4 of an old T, or reuse keys", breaks: "the difference of two rounds",
    does: "asks for the answer of a round with the confirmations of the one before", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .unmasking, of: .moments)
      let old = coordinator.members.compactMap { name in coordinator.machine.step(for: name)?.step }.first
      try await coordinator.follow(until: .unmasking, of: .update)
      guard case .unmask(let quorum) = old else { throw DrillError.stalled(waitingFor: "a quorum to replay") }
      for name in coordinator.members { coordinator.show(.unmask(quorum), to: name) }
      return .all(coordinator.members, before: .answer, Reason(.secondSurvivorSet))
    })
}

/// Those that are told one of two sets of survivors.
private struct Half {
  var names: [String]
  /// The survivors that they are told of: all but one of the other half.
  var told: [String]
  var hash: Digest
  var confirmations: [String: Confirmation]

  func quorum(of names: [String]) -> Quorum {
    Quorum(survivorsHash: hash, confirmations: names.compactMap { confirmations[$0] })
  }
}

extension ScriptedCoordinator {
  /// Has each half sign a set of survivors that lacks one of the other half.
  fileprivate func confirmsInHalves() async throws -> [Half] {
    try await follow(until: .confirming, of: .update)
    let names = [0, 1].map { parity in members.indices.filter { $0 % 2 == parity }.map { members[$0] } }
    var halves: [Half] = []
    for (half, other) in [(names[0], names[1]), (names[1], names[0])] {
      let told = members.filter { $0 != other.last }
      for name in half { show(.confirm(survivorSet(told, for: name)), to: name) }
      let hash = survivorSet(told, for: half[0]).hash(transcript: transcript)
      halves.append(Half(names: half, told: told, hash: hash, confirmations: [:]))
    }
    try await replies(.confirmation, from: members)
    let signed = messages { message in if case .confirmation(let signed) = message { signed } else { nil } }
    for half in halves.indices { halves[half].confirmations = signed }
    return halves
  }
}
