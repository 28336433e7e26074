import Federation
import SecureAggregation

// Lies about who survived.

extension Attack {
  static let neighboursDead = Attack(
    name: "neighbours-dead", row: "declare all neighbours of one client dead", breaks: "that client's masks come off",
    does: "tells each participant that it alone survived", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .confirming, of: .update)
      for name in coordinator.members {
        coordinator.show(.confirm(coordinator.survivorSet([name], for: name)), to: name)
      }
      let need = coordinator.thresholds?.minimumSurvivors ?? 0
      return .all(coordinator.members, before: .confirmation, Reason(.tooFewSurvivors(have: 1, need: need)))
    })
}
