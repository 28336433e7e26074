extension ParticipantRound {
  /// S0 to M1: checks the roster and returns the encrypted shares.
  ///
  /// The roster must be ascending, hold this node's own advert, every advert signed and for this plan, no key twice, one
  /// participant for each organisation, the pinned peers unchanged, enough of the policy's known peers, and no point of
  /// low order; and the shape, which follows from the plan and the roster's size, must be allowed. Nothing leaves before
  /// all of that holds.
  ///
  /// - Parameter shape: What the round's uploads hold, computed by the caller from the plan and `roster.count`.
  public mutating func share(
    _ roster: Roster, shape: VectorShape, policy: AveragingPolicy, ledger: inout NodeLedger
  ) throws(AveragingError) -> ShareMessage {
    let hash = planHash
    if let known = self.roster {
      let same = known.root == roster.root && self.shape == shape
      let message = try guarded(&ledger) { _ throws(AveragingError) in
        guard same else { throw known.root == roster.root ? .inputShape("another shape than before") : .secondRoster }
        return try self.shares(known, transcript: roster.transcript(planHash: hash))
      }
      return message
    }
    let transcript = roster.transcript(planHash: hash)
    let message = try guarded(&ledger) { ledger throws(AveragingError) in
      try self.check(roster, shape: shape, policy: policy)
      try ledger.checkPins(roster.peers)
      try ledger.checkRoster(roster.keys, subject: self.subject)
      let message = try self.shares(roster, transcript: transcript)
      // Last, so that a roster that is refused leaves no name behind.
      try ledger.pin(roster.peers)
      return message
    }
    self.roster = roster
    self.shape = shape
    self.transcript = transcript
    return message
  }

  private func check(_ roster: Roster, shape: VectorShape, policy: AveragingPolicy) throws(AveragingError) {
    guard roster.isAscending else { throw .malformed("the roster is not in ascending order of names") }
    let thresholds = Thresholds(participants: roster.count, plan: plan.plan)
    try thresholds.validate(plan.plan)
    guard let own = roster.rank(of: peer.name) else { throw .absentFromRoster(peer.name) }
    guard roster.adverts[own].advert == advert.advert else { throw .changedAdvert(peer.name) }
    for signed in roster.adverts {
      try signed.advert.validate()
      guard signed.isSigned else { throw .forgedSignature(of: signed.advert.peer.name, on: "its advert") }
      guard signed.advert.planHash == planHash else { throw .wrongPlan(from: signed.advert.peer.name) }
    }
    if let (first, second) = roster.sharedKey { throw .repeatedKey(first, second) }
    if let organisation = roster.repeatedOrganisation { throw .repeatedOrganisation(organisation) }
    try shape.validate(plan.plan)
    try policy.check(plan.plan)
    try policy.check(shape)
    try policy.checkKnown(roster.keys.subtracting([peer.key]))
    try checkProducts(roster, own: own)
  }

  /// Both products with every peer: a zero one would make the round's keys known to all.
  private func checkProducts(_ roster: Roster, own: Int) throws(AveragingError) {
    let keys = keys
    for (rank, signed) in roster.adverts.enumerated() where rank != own {
      guard try Primitives.x25519(keys.shareScalar, signed.advert.shareKey) != nil,
        try Primitives.x25519(keys.maskScalar, signed.advert.maskKey) != nil
      else { throw .zeroProduct(signed.advert.peer.name) }
    }
  }

  private func shares(_ roster: Roster, transcript: Digest) throws(AveragingError) -> ShareMessage {
    guard let own = roster.rank(of: peer.name) else { throw .absentFromRoster(peer.name) }
    let keys = keys
    let threshold = Thresholds(participants: roster.count, plan: plan.plan).threshold
    var shares = try keys.shares(threshold: threshold, participants: roster.count, transcript: transcript)
    defer { for rank in shares.indices { Primitives.cleanse(&shares[rank]) } }
    var sealed: [SealedShare] = []
    for (rank, signed) in roster.adverts.enumerated() where rank != own {
      let product = try shareProduct(signed.advert, keys)
      let (key, data) = RoundKeys.sealing(product, from: own, to: rank, transcript: transcript)
      let ciphertext = try Primitives.aesGCMSeal(shares[rank], key: key, authenticating: data)
      sealed.append(SealedShare(rank: UInt16(rank), ciphertext: ciphertext))
    }
    return ShareMessage(rank: UInt16(own), shares: sealed)
  }

  func shareProduct(_ advert: Advert, _ keys: RoundKeys) throws(AveragingError) -> Secret {
    guard let product = try Primitives.x25519(keys.shareScalar, advert.shareKey) else {
      throw .zeroProduct(advert.peer.name)
    }
    return product
  }
}

extension Roster {
  /// Two names that show one key, over share keys and mask keys together, or one identity key.
  var sharedKey: (String, String)? {
    var owners: [[UInt8]: String] = [:]
    var identities: [IdentityKey: String] = [:]
    for advert in adverts.map(\.advert) {
      if let other = identities.updateValue(advert.peer.name, forKey: advert.peer.key) {
        return (other, advert.peer.name)
      }
      for key in [advert.shareKey, advert.maskKey] {
        if let other = owners.updateValue(advert.peer.name, forKey: key) { return (other, advert.peer.name) }
      }
    }
    return nil
  }

  var repeatedOrganisation: String? {
    var seen: Set<String> = []
    return peers.first { !seen.insert($0.organisation).inserted }?.organisation
  }
}
