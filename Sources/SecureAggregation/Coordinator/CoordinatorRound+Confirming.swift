extension CoordinatorRound {
  /// M3: a survivor's signature over h2. One that comes after the quorum was frozen is still taken, so that a survivor
  /// which restarted can go on to its answer.
  @discardableResult
  public mutating func submit(_ message: Confirmation, from name: String) throws(AveragingError) -> RoundEvent? {
    let rank = try survivorRank(name, claimed: message.rank, message: "confirmation")
    guard let roster, let survivorsHash else { throw outOfPhase("confirmation") }
    if let known = confirmations[rank] {
      guard known == message else { throw .changedMessage(from: name, message: "confirmation") }
      return nil
    }
    guard message.isSigned(by: roster.adverts[rank].advert.peer.key, over: survivorsHash) else {
      throw .badSignature(from: name, on: "confirmation")
    }
    confirmations[rank] = message
    return .confirmation(message)
  }

  /// Fixes S3, once there are enough confirmations.
  @discardableResult
  public mutating func freezeConfirmations() throws(AveragingError) -> RoundEvent {
    guard let survivorsHash, let thresholds else { throw outOfPhase("quorum") }
    guard phase == .confirming else { throw .alreadyFrozen("quorum") }
    guard confirmations.count >= thresholds.quorum else {
      throw .tooFewConfirmations(have: confirmations.count, need: thresholds.quorum)
    }
    quorum = Quorum(
      survivorsHash: survivorsHash, confirmations: confirmations.sorted { $0.key < $1.key }.map(\.value))
    phase = .unmasking
    return .confirmationsFrozen
  }

  /// M4: for each sharer but those that the sender could not open, the share that is due and no other.
  @discardableResult
  public mutating func submit(_ message: UnmaskAnswer, from name: String) throws(AveragingError) -> RoundEvent? {
    let rank = try survivorRank(name, claimed: message.rank, message: "answer")
    guard phase == .unmasking, let sharers, let survivors, let statement = uploads[rank] else {
      throw outOfPhase("answer")
    }
    if let known = answers[rank] {
      guard known == message else { throw .changedMessage(from: name, message: "answer") }
      return nil
    }
    let due = sharers.ranks.filter { !statement.unopened.contains($0) }
    guard message.entries.map({ Int($0.rank) }) == due else {
      throw .malformed("answer of \(name) does not hold one share for each participant that is due")
    }
    for entry in message.entries {
      guard entry.ofSelfMask == survivors.contains(Int(entry.rank)) else {
        throw .malformed("answer of \(name) holds a share of the wrong secret")
      }
      guard entry.share.count == 32 else {
        throw .wrongLength(of: "share in the answer of \(name)", expected: 32, found: entry.share.count)
      }
    }
    answers[rank] = message
    return .answer(message)
  }

  private func survivorRank(_ name: String, claimed: UInt16, message: String) throws(AveragingError) -> Int {
    let rank = try memberRank(name, claimed: claimed, message: message)
    guard let survivors else { throw outOfPhase(message) }
    guard survivors.contains(rank) else { throw .notASurvivor(name) }
    return rank
  }
}
