extension ParticipantRound {
  /// S2 to M3: checks the survivors and signs them, once and for all.
  ///
  /// The sharers must be those that this node masked for, the survivors among them and this node among the survivors, with
  /// its own upload proved to be under the root; there must be enough of them, and enough known ones, and the retry rule
  /// must allow them.
  public mutating func confirm(
    _ set: SurvivorSet, policy: AveragingPolicy, signer: IdentitySigner, ledger: inout NodeLedger
  ) throws(AveragingError) -> Confirmation {
    let made = try guarded(&ledger) { ledger throws(AveragingError) in
      guard let roster, let transcript, let delivery, let upload, let own = rank else {
        throw outOfPhase("survivor set")
      }
      let hash = set.hash(transcript: transcript)
      if let survivors, let confirmation {
        guard survivors.hash(transcript: transcript) == hash else { throw .secondSurvivorSet }
        return confirmation
      }
      guard set.sharers == delivery.sharers else { throw .secondSharerSet }
      guard set.survivors.isSubset(of: set.sharers) else { throw .overlappingSets }
      guard set.survivors.contains(own) else { throw .notASurvivor(peer.name) }
      let need = Thresholds(participants: roster.count, plan: plan.plan).minimumSurvivors
      let ranks = set.survivors.ranks
      guard ranks.count >= need else { throw .tooFewSurvivors(have: ranks.count, need: need) }
      guard let index = ranks.firstIndex(of: own),
        MerkleTree.verify(
          set.inclusionProof, leaf: upload.statement.digest.bytes, index: index, count: ranks.count, root: set.root)
      else { throw .uploadNotCounted }
      let members = Set(ranks.map { roster.adverts[$0].advert.peer.key })
      try policy.check(plan.plan)
      try policy.checkKnown(members.subtracting([peer.key]))
      try ledger.checkSurvivors(
        members, roster: roster.keys, subject: subject, minimum: Int(plan.plan.minimumSurvivors))
      return Confirmation(rank: UInt16(own), signature: try signer.sign(label: "fsa1/sig/h2", hash.bytes))
    }
    if confirmation == nil {
      survivors = set
      confirmation = made
    }
    return made
  }

  /// S3 to M4: counts the confirmations and reveals one share for each sharer.
  ///
  /// Only signatures of distinct survivors over the set that this node signed count; one that does not verify is an attack.
  /// The answer is kept and repeated byte for byte; for another set there is none, ever. **Store the round and the ledger
  /// before the first byte leaves.**
  public mutating func answer(_ quorum: Quorum, ledger: inout NodeLedger) throws(AveragingError) -> UnmaskAnswer {
    let made = try guarded(&ledger) { ledger throws(AveragingError) in
      guard let roster, let transcript, let delivery, let survivors, confirmation != nil, let own = rank else {
        throw outOfPhase("quorum")
      }
      let hash = survivors.hash(transcript: transcript)
      guard quorum.survivorsHash == hash else { throw .secondSurvivorSet }
      if let answer { return answer }
      try check(quorum, over: hash, roster, survivors.survivors)
      let members = Set(survivors.survivors.ranks.map { roster.adverts[$0].advert.peer.key })
      let minimum = Int(plan.plan.minimumSurvivors)
      try ledger.checkSurvivors(members, roster: roster.keys, subject: subject, minimum: minimum)
      let answer = try reveal(roster, delivery, survivors.survivors, own: own, transcript: transcript)
      ledger.recordAnswer(members, roster: roster.keys, subject: subject)
      return answer
    }
    if answer == nil { self.quorum = quorum }
    answer = made
    return made
  }

  private func check(
    _ quorum: Quorum, over hash: Digest, _ roster: Roster, _ survivors: Bitmap
  ) throws(AveragingError) {
    var signers: Set<UInt16> = []
    for confirmation in quorum.confirmations where survivors.contains(Int(confirmation.rank)) {
      let peer = roster.adverts[Int(confirmation.rank)].advert.peer
      guard confirmation.isSigned(by: peer.key, over: hash) else {
        throw .forgedSignature(of: peer.name, on: "the survivor set")
      }
      signers.insert(confirmation.rank)
    }
    let need = Thresholds(participants: roster.count, plan: plan.plan).quorum
    guard signers.count >= need else { throw .tooFewConfirmations(have: signers.count, need: need) }
  }

  /// For each sharer whose shares opened, the share of b of a survivor or the share of mu of one that was lost.
  private func reveal(
    _ roster: Roster, _ delivery: ShareDelivery, _ survivors: Bitmap, own: Int, transcript: Digest
  ) throws(AveragingError) -> UnmaskAnswer {
    var shares = try openShares(roster, delivery, own: own, transcript: transcript).opened
    defer { for rank in Array(shares.keys) { Primitives.cleanse(&shares[rank]!) } }
    let threshold = Thresholds(participants: roster.count, plan: plan.plan).threshold
    var dealt = try keys.shares(threshold: threshold, participants: roster.count, transcript: transcript)
    shares[own] = dealt.remove(at: own)
    for rank in dealt.indices { Primitives.cleanse(&dealt[rank]) }
    let entries = delivery.sharers.ranks.compactMap { rank -> RevealedShare? in
      guard let pair = shares[rank] else { return nil }
      let survived = survivors.contains(rank)
      return RevealedShare(
        rank: UInt16(rank), ofSelfMask: survived, share: Array(survived ? pair[32...] : pair[..<32]))
    }
    return UnmaskAnswer(rank: UInt16(own), entries: entries)
  }
}
