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

  /// The newest upload of each participant in the round at hand.
  var uploads: [String: MaskedUpload] {
    var uploads: [String: MaskedUpload] = [:]
    for case .received(.upload(let upload, _), machine.round?.roundID, let name) in events { uploads[name] = upload }
    return uploads
  }

  /// S2 with any survivors, as a coordinator can make it: the root is over their uploads, and over nothing for those that
  /// sent none.
  func survivorSet(_ survivors: [String], for name: String) -> SurvivorSet {
    let ranks = survivors.compactMap(roster.rank).sorted()
    let uploads = uploads
    let leaves = ranks.map { uploads[roster.name($0)]?.statement.digest.bytes ?? Digest.zero.bytes }
    let place = ranks.firstIndex { roster.name($0) == name }
    return SurvivorSet(
      sharers: machine.round?.sharers ?? Bitmap(capacity: roster.count),
      survivors: Bitmap(capacity: roster.count, ranks: ranks), root: MerkleTree.root(leaves),
      inclusionProof: place.map { MerkleTree.inclusionProof(leaves, index: $0) } ?? [])
  }
}
