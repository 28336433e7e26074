extension CoordinatorRound {
  /// S4: reconstructs what the masks came from, adds the survivors' uploads and takes the masks off.
  ///
  /// - Parameter upload: Gives the bytes of a survivor's upload; called once for each, in rank order, so that one vector
  ///   and the accumulator are all that is in memory. What it throws is thrown on.
  /// - Throws: `.tooFewShares` or `.sharesDoNotReconstruct` when a secret cannot be had, `.wrongDigest` when stored bytes
  ///   are not those that arrived, `.impossibleTotalWeight` when the weights of the survivors cannot sum to what came
  ///   out. Nothing of the sum is published then.
  public func unmask(upload: (UploadStatement) throws -> [UInt8]) throws -> RoundSum {
    guard phase == .unmasking, let roster, let shape, let sharers, let survivors, let transcript, let thresholds else {
      throw outOfPhase("unmasking")
    }
    let secrets = try recover(roster, sharers, survivors, thresholds)
    var lanes = MaskedLanes(shape)
    var masks: [MaskedLanes.Application] = []
    for rank in survivors.ranks {
      let statement = uploads[rank]!
      let payload = try upload(statement)
      try shape.check(payload, from: roster.name(rank))
      guard MaskedUpload.digest(of: payload) == statement.digest else {
        throw AveragingError.wrongDigest(from: roster.name(rank))
      }
      lanes.add(packed: payload)
      masks.append((.own(secrets.own[rank]!, rank: rank, transcript: transcript), subtract: true))
    }
    for (lost, scalar) in secrets.scalars.sorted(by: { $0.key < $1.key }) {
      for rank in survivors.ranks {
        let advert = roster.adverts[rank].advert
        guard let product = try Primitives.x25519(scalar, advert.maskKey) else {
          throw AveragingError.lowOrderPoint(from: advert.peer.name)
        }
        masks.append((.pair(product, rank, lost, transcript: transcript), subtract: rank < lost))
      }
    }
    try lanes.apply(masks)
    let sum = RoundSum(
      vector: lanes.reducedVector, tail: lanes.tail, statistics: lanes.statistics,
      survivors: survivors.ranks.map { roster.adverts[$0].advert.peer },
      wrongShares: secrets.wrong.sorted().map(roster.name))
    try checkWeight(sum, survivors: survivors.count)
    return sum
  }

  private func checkWeight(_ sum: RoundSum, survivors: Int) throws(AveragingError) {
    guard let total = sum.totalWeight else { return }
    let maximum = plan.plan.maximumWeight
    guard total >= UInt64(survivors), total <= UInt64(survivors) * UInt64(maximum) else {
      throw .impossibleTotalWeight(total: total, survivors: survivors, maximumWeight: maximum)
    }
  }

  /// The shares that the answers hold for one rank.
  func revealed(_ rank: Int) -> [ShamirSharing.Share] {
    answers.sorted { $0.key < $1.key }.compactMap { holder, answer in
      answer.entries.first { Int($0.rank) == rank }.map {
        ShamirSharing.Share(point: RoundKeys.point(holder), bytes: $0.share)
      }
    }
  }

  private struct RecoveredSecrets {
    /// b of each survivor.
    var own: [Int: Secret] = [:]
    /// The mask key's private half of each one lost.
    var scalars: [Int: Secret] = [:]
    var wrong: Set<Int> = []
  }

  private func recover(
    _ roster: Roster, _ sharers: Bitmap, _ survivors: Bitmap, _ thresholds: Thresholds
  ) throws(AveragingError) -> RecoveredSecrets {
    var found = RecoveredSecrets()
    var recovery = SecretRecovery(threshold: thresholds.threshold, colluders: thresholds.assumedColluders)
    for rank in sharers.ranks {
      let advert = roster.adverts[rank].advert
      let survived = survivors.contains(rank)
      let shares = revealed(rank)
      guard shares.count >= thresholds.threshold else {
        throw .tooFewShares(of: advert.peer.name, have: shares.count, need: thresholds.threshold)
      }
      let planHash = planHash
      let recovered = try recovery.recover(shares) { candidate throws(AveragingError) in
        if survived {
          return RoundKeys.commitment(planHash: planHash, name: advert.peer.name, selfSecret: candidate)
            == advert.commitment
        }
        return try Primitives.x25519PublicKey(RoundKeys.maskScalar(Secret(candidate))) == advert.maskKey
      }
      guard let recovered else { throw .sharesDoNotReconstruct(advert.peer.name) }
      if survived {
        found.own[rank] = Secret(recovered.secret)
      } else {
        found.scalars[rank] = RoundKeys.maskScalar(Secret(recovered.secret))
      }
      found.wrong.formUnion(recovered.wrong.map { Int($0) - 1 })
    }
    return found
  }
}
