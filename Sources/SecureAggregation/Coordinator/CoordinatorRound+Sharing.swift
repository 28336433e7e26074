extension CoordinatorRound {
  /// M1. It must hold one sealed share for each other rank, in ascending order.
  @discardableResult
  public mutating func submit(_ message: ShareMessage, from name: String) throws(AveragingError) -> RoundEvent? {
    let rank = try memberRank(name, claimed: message.rank, message: "shares")
    if let known = shares[rank] {
      guard known == message else { throw .changedMessage(from: name, message: "share message") }
      return nil
    }
    guard phase == .sharing, let roster else { throw outOfPhase("shares") }
    guard message.shares.count == roster.count - 1 else {
      throw .wrongLength(of: "share message of \(name)", expected: roster.count - 1, found: message.shares.count)
    }
    guard message.shares.map({ Int($0.rank) }) == (0..<roster.count).filter({ $0 != rank }) else {
      throw .malformed("share message of \(name) is not in ascending order of the other ranks")
    }
    for share in message.shares where share.ciphertext.count != SealedShare.byteCount {
      throw .wrongLength(of: "share of \(name)", expected: SealedShare.byteCount, found: share.ciphertext.count)
    }
    shares[rank] = message
    return .shares(message)
  }

  /// Fixes U1: those who shared.
  @discardableResult
  public mutating func freezeSharers() throws(AveragingError) -> RoundEvent {
    guard let roster, let thresholds else { throw outOfPhase("set of sharers") }
    guard phase == .sharing else { throw .alreadyFrozen("set of sharers") }
    guard shares.count >= thresholds.minimumSurvivors else {
      throw .tooFewSharers(have: shares.count, need: thresholds.minimumSurvivors)
    }
    let frozen = Bitmap(capacity: roster.count, ranks: shares.keys)
    sharers = frozen
    phase = .collecting
    return .sharersFrozen(frozen)
  }

  /// S1 for one participant; nil for one that is not a sharer or before the sharers are fixed.
  public func delivery(for name: String) -> ShareDelivery? {
    guard let rank = roster?.rank(of: name), let sharers, sharers.contains(rank) else { return nil }
    let forwarded = sharers.ranks.filter { $0 != rank }.map { sender in
      // A message holds every rank but its sender's, in order.
      let share = shares[sender]!.shares[rank < sender ? rank : rank - 1]
      return SealedShare(rank: UInt16(sender), ciphertext: share.ciphertext)
    }
    return ShareDelivery(sharers: sharers, shares: forwarded)
  }
}
