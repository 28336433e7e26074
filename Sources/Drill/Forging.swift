import Federation
import SecureAggregation
import Wire

// What scripts make lies of: the messages of the round at hand.

extension ScriptedCoordinator {
  /// The roster of the round at hand, as its coordinator froze it.
  var roster: Roster { machine.round?.roster ?? Roster([]) }

  /// T of the round at hand.
  var transcript: Digest {
    machine.round.map { roster.transcript(planHash: $0.plan.hash) } ?? .zero
  }

  var thresholds: Thresholds? {
    machine.round.map { Thresholds(participants: roster.count, plan: $0.plan) }
  }

  /// The newest message of each participant in the round at hand, as far as `pick` wants it.
  func messages<Picked>(_ pick: (RoundMessage) -> Picked?) -> [String: Picked] {
    var messages: [String: Picked] = [:]
    for case .received(let message, machine.round?.roundID, let name) in events {
      if let picked = pick(message) { messages[name] = picked }
    }
    return messages
  }

  /// The adverts of some members of the roster.
  func adverts(of names: [String]) -> [SignedAdvert] {
    roster.adverts.filter { names.contains($0.advert.peer.name) }
  }

  /// A signed advert of somebody that the coordinator has made up.
  func invented(
    _ name: String, organisation: String, _ change: (inout Advert) -> Void = { _ in }
  ) throws -> SignedAdvert {
    let identity = try IdentitySigner()
    var advert = Advert(
      peer: Peer(name: name, organisation: organisation, key: identity.publicKey),
      planHash: machine.round?.plan.hash ?? .zero, shareKey: try Primitives.x25519PublicKey(.random()),
      maskKey: try Primitives.x25519PublicKey(.random()), commitment: Digest(sha256: try Primitives.randomBytes(32)),
      nonce: try Primitives.randomBytes(16))
    change(&advert)
    return SignedAdvert(
      advert: advert, signature: try identity.sign(label: "fsa1/sig/adv", advert.canonicalBytes))
  }

  /// S1 from some of the sharers only.
  func delivery(of names: [String], to name: String) -> Instruction.Step {
    guard case .upload(let whole) = machine.step(for: name)?.step else { return .idle(reconnectAfter: .zero) }
    let ranks = names.compactMap(roster.rank)
    return .upload(
      ShareDelivery(
        sharers: Bitmap(capacity: roster.count, ranks: ranks),
        shares: whole.shares.filter { ranks.contains(Int($0.rank)) }))
  }

  /// S2 with any survivors, as a coordinator can make it: the root is over their uploads, and over nothing for those that
  /// sent none.
  func survivorSet(_ survivors: [String], for name: String) -> SurvivorSet {
    let ranks = survivors.compactMap(roster.rank).sorted()
    let digests = messages { message in
      if case .upload(let upload, _) = message { upload.statement.digest } else { nil }
    }
    let leaves = ranks.map { (digests[roster.name($0)] ?? .zero).bytes }
    let place = ranks.firstIndex { roster.name($0) == name }
    return SurvivorSet(
      sharers: machine.round?.sharers ?? Bitmap(capacity: roster.count),
      survivors: Bitmap(capacity: roster.count, ranks: ranks), root: MerkleTree.root(leaves),
      inclusionProof: place.map { MerkleTree.inclusionProof(leaves, index: $0) } ?? [])
  }
}
