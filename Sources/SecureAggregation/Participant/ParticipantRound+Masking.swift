extension ParticipantRound {
  /// S1: takes the shares that the others sent and who they are. Keep the round before going on.
  public mutating func receive(_ delivery: ShareDelivery, ledger: inout NodeLedger) throws(AveragingError) {
    let known = self.delivery
    try guarded(&ledger) { _ throws(AveragingError) in
      guard let roster, let own = rank else { throw outOfPhase("share delivery") }
      if let known {
        guard known == delivery else { throw .secondSharerSet }
        return
      }
      guard delivery.sharers.capacity == roster.count else {
        throw .malformed("the bitmap of sharers has another size")
      }
      guard delivery.sharers.contains(own) else { throw .notASurvivor(peer.name) }
      guard delivery.shares.map({ Int($0.rank) }) == delivery.sharers.ranks.filter({ $0 != own }) else {
        throw .malformed("the delivered shares are not those of the sharers")
      }
      for share in delivery.shares where share.ciphertext.count != SealedShare.byteCount {
        throw .wrongLength(
          of: "share of \(roster.name(Int(share.rank)))", expected: SealedShare.byteCount,
          found: share.ciphertext.count)
      }
      let need = Thresholds(participants: roster.count, plan: plan.plan).minimumSurvivors
      guard delivery.sharers.count >= need else { throw .tooFewSharers(have: delivery.sharers.count, need: need) }
    }
    self.delivery = delivery
  }

  /// M2: the input under the own mask and one mask for each other sharer, packed and signed.
  ///
  /// When an upload was made before, the input is masked again and must come out the same: two vectors under one mask would
  /// show their difference, so a node that cannot repeat itself leaves the round with `.uploadChanged`. Send ``upload``
  /// again to spare that work.
  public mutating func mask(
    _ input: MaskedInput, signer: IdentitySigner, ledger: inout NodeLedger
  ) throws(AveragingError) -> MaskedUpload {
    let earlier = upload
    let made = try guarded(&ledger) { ledger throws(AveragingError) in
      guard let roster, let shape, let transcript, let delivery, let own = rank else { throw outOfPhase("upload") }
      try input.validate(shape, maximumWeight: plan.plan.maximumWeight)
      try ledger.checkRoster(roster.keys, subject: subject)
      let payload = try masked(input, shape, roster, delivery.sharers, own: own, transcript: transcript)
      let digest = MaskedUpload.digest(of: payload)
      if let earlier {
        guard earlier.statement.digest == digest else { throw .uploadChanged }
        return earlier
      }
      var (opened, ranks) = try openShares(roster, delivery, own: own, transcript: transcript)
      for rank in Array(opened.keys) { Primitives.cleanse(&opened[rank]!) }
      let unopened = Bitmap(capacity: roster.count, ranks: ranks)
      let message = UploadStatement.signedBytes(
        transcript: transcript, rank: UInt16(own), digest: digest, unopened: unopened)
      let statement = UploadStatement(
        rank: UInt16(own), digest: digest, unopened: unopened,
        signature: try signer.sign(label: "fsa1/sig/y", message))
      return MaskedUpload(statement: statement, payload: payload)
    }
    upload = made
    return made
  }

  private func masked(
    _ input: MaskedInput, _ shape: VectorShape, _ roster: Roster, _ sharers: Bitmap, own: Int, transcript: Digest
  ) throws(AveragingError) -> [UInt8] {
    let keys = keys
    var masks: [MaskedLanes.Application] = [
      (.own(keys.selfSecret, rank: own, transcript: transcript), subtract: false)
    ]
    for rank in sharers.ranks where rank != own {
      let advert = roster.adverts[rank].advert
      guard let product = try Primitives.x25519(keys.maskScalar, advert.maskKey) else {
        throw .zeroProduct(advert.peer.name)
      }
      masks.append((.pair(product, own, rank, transcript: transcript), subtract: rank < own))
    }
    var lanes = MaskedLanes(input, shape: shape)
    try lanes.apply(masks)
    return lanes.packed()
  }

  /// The shares of mu and b from each other sharer, 64 bytes each, and the ranks whose shares did not open.
  func openShares(
    _ roster: Roster, _ delivery: ShareDelivery, own: Int, transcript: Digest
  ) throws(AveragingError) -> (opened: [Int: [UInt8]], unopened: [Int]) {
    let keys = keys
    var opened: [Int: [UInt8]] = [:]
    var unopened: [Int] = []
    for share in delivery.shares {
      let sender = Int(share.rank)
      let product = try shareProduct(roster.adverts[sender].advert, keys)
      let (key, data) = RoundKeys.sealing(product, from: sender, to: own, transcript: transcript)
      if let plaintext = try Primitives.aesGCMOpen(share.ciphertext, key: key, authenticating: data) {
        opened[sender] = plaintext
      } else {
        unopened.append(sender)
      }
    }
    return (opened, unopened)
  }
}
