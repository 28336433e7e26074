import Federation
import SecureAggregation

// Lies about who takes part, and with which keys.

extension Attack {
  static let substitutedKeys = Attack(
    name: "substituted-keys", row: "server substitutes public keys", breaks: "the coordinator is in the middle of each pair",
    does: "shows each participant the others' adverts with keys of its own", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .sharing, of: .update)
      var reasons: [String: Reason] = [:]
      for name in coordinator.members {
        let adverts = try coordinator.roster.adverts.map { signed in
          guard signed.advert.peer.name != name else { return signed }
          var changed = signed
          changed.advert.shareKey = try Primitives.x25519PublicKey(.random())
          changed.advert.maskKey = try Primitives.x25519PublicKey(.random())
          return changed
        }
        coordinator.show(.share(Roster(adverts)), to: name)
        let first = coordinator.members.first { $0 != name } ?? ""
        reasons[name] = Reason(.forgedSignature(of: first, on: "its advert"))
      }
      return Abort(reasons: reasons, before: .shares)
    })
}
