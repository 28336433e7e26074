import Federation
import Participation
import SecureAggregation

// Lies about who takes part, and with which keys.

extension Attack {
  static let substitutedKeys = Attack(
    name: "substituted-keys", row: "server substitutes public keys",
    breaks: "it reads every share, and knows every mask",
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

  static let substitutedIdentity = Attack(
    name: "substituted-identity", row: "server substitutes public keys", breaks: "it takes one participant's place",
    does: "signs one participant's advert with an identity of its own", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .sharing, of: .update)
      let victim = coordinator.members.last ?? ""
      let forged = try coordinator.invented(victim, organisation: coordinator.peers[victim]?.organisation ?? "")
      let roster = Roster(coordinator.roster.adverts.dropLast() + [forged])
      var reasons: [String: Reason] = [:]
      for name in coordinator.members {
        coordinator.show(.share(roster), to: name)
        reasons[name] = Reason(name == victim ? .changedAdvert(victim) : .peerChanged(victim))
      }
      return Abort(reasons: reasons, before: .shares)
    })

  static let sybilCohort = Attack(
    name: "sybil-cohort", row: "sybil cohort (1 honest + n-1 fake)", breaks: "the sum is the victim's update",
    does: "surrounds each participant with peers that it has made up", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .sharing, of: .update)
      try coordinator.surroundEach { "invented trust \($0)" }
      let need = coordinator.configuration.bounds.minimumKnownPeers
      var abort = Abort.all(
        coordinator.members, before: .shares, Reason(Refusal.tooFewKnownPeers(known: 0, policy: need)))
      if need == 0 { abort.context = "the policy asks for no known peers (minimumKnownPeers: 0)" }
      return abort
    })

  static let oneOrganisation = Attack(
    name: "one-organisation", row: "sybil cohort (1 honest + n-1 fake)", breaks: "the sum is the victim's update",
    does: "surrounds each participant with many peers of one organisation", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .sharing, of: .update)
      try coordinator.surroundEach { _ in "invented trust" }
      return .all(coordinator.members, before: .shares, Reason(.repeatedOrganisation("invented trust")))
    })

  static let chosenNeighbours = Attack(
    name: "chosen-neighbours", row: "server-chosen graph", breaks: "the victim's neighbours are all corrupt",
    does: "gives each participant one neighbour of its choice", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .collecting, of: .update)
      for (rank, name) in coordinator.members.enumerated() {
        let neighbour = coordinator.members[(rank + 1) % coordinator.members.count]
        coordinator.show(coordinator.delivery(of: [name, neighbour], to: name), to: name)
      }
      let need = coordinator.thresholds?.minimumSurvivors ?? 0
      return .all(coordinator.members, before: .upload, Reason(.tooFewSharers(have: 2, need: need)))
    })

  static let secondRoster = Attack(
    name: "second-roster", row: "server-chosen graph", breaks: "the victim's neighbours are all corrupt",
    does: "shows a second roster, without one participant, after shares were dealt for the first", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .collecting, of: .update)
      let left = Array(coordinator.members.dropLast())
      for name in left { coordinator.show(.share(Roster(coordinator.adverts(of: left))), to: name) }
      return .all(left, before: .shares, Reason(.secondRoster))
    })

  static let lowOrderPoints = Attack(
    name: "low-order-points", row: "low-order X25519 points", breaks: "a shared key that everyone knows",
    does: "adds a signed colluder whose keys are points of low order", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .sharing, of: .update)
      for (rank, name) in coordinator.members.enumerated() {
        let point = LowOrder.points[rank % LowOrder.points.count]
        let colluder = try coordinator.invented("colluder", organisation: "colluding trust") { advert in
          if rank % 2 == 0 { advert.shareKey = point } else { advert.maskKey = point }
        }
        coordinator.show(.share(Roster(coordinator.roster.adverts + [colluder])), to: name)
      }
      return .all(coordinator.members, before: .shares, Reason(.zeroProduct("colluder")))
    })
}

extension ScriptedCoordinator {
  /// Shows each participant a roster of itself and invented others, as many as there are.
  fileprivate func surroundEach(organisation: (_ number: Int) -> String) throws {
    for name in members {
      let sybils = try members.dropFirst().indices.map { number in
        try invented("invented-\(number)", organisation: organisation(number))
      }
      show(.share(Roster(adverts(of: [name]) + sybils)), to: name)
    }
  }
}

/// The points of Curve25519 whose order divides the cofactor, by their u-coordinates: 0, 1, two of order 8, and p - 1.
enum LowOrder {
  static let points: [[UInt8]] = [
    [UInt8](repeating: 0, count: 32),
    [1] + [UInt8](repeating: 0, count: 31),
    [
      0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
      0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
      0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
      0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    [0xec] + [UInt8](repeating: 0xff, count: 30) + [0x7f],
  ]
}
