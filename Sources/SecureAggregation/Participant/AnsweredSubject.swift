/// The sets that a node has answered for one model or one set of rows, and the rule for answering again.
///
/// The difference of two averages over overlapping sets is an average over their difference, and several such differences
/// can isolate one participant although no two do. So after the first answer the roster is fixed, the same set may be
/// answered again, and one other set of that roster only when each non-empty difference holds at least nMin organisations.
/// More needs the owner's command, which permits exactly what the owner was shown.
public struct AnsweredSubject: Codable, Sendable, Hashable {
  /// Identity keys of the roster of the first answer.
  public private(set) var roster: Set<IdentityKey>
  /// Identity keys of each answered set.
  public private(set) var sets: [Set<IdentityKey>] = []
  /// What the owner has allowed beyond the rule. A permission stays: what was answered under it may be answered again.
  public private(set) var permitted: Set<Permission> = []

  /// One question that the owner said yes to.
  public struct Permission: Codable, Sendable, Hashable {
    /// Identity keys of the whole roster.
    public var roster: Set<IdentityKey>
    /// The set to be opened; nil permits only to go on with the roster, and the set is asked about when it is known.
    public var survivors: Set<IdentityKey>?

    public init(roster: Set<IdentityKey>, survivors: Set<IdentityKey>? = nil) {
      self.roster = roster
      self.survivors = survivors
    }
  }

  init(roster: Set<IdentityKey>) {
    self.roster = roster
  }

  func check(roster found: Set<IdentityKey>) throws(AveragingError) {
    guard !sets.isEmpty, found != roster, !permitted.contains(where: { $0.roster == found }) else { return }
    throw .differencingRetry(
      "it was answered in a roster of \(roster.count), and \(roster.symmetricDifference(found).count) members differ")
  }

  func check(survivors: Set<IdentityKey>, roster found: Set<IdentityKey>, minimum: Int) throws(AveragingError) {
    if permitted.contains(Permission(roster: found, survivors: survivors)) { return }
    try check(roster: found)
    guard let first = sets.first, !sets.contains(survivors) else { return }
    guard sets.count == 1, found == roster else {
      throw .ownerMustDecide(
        "sets of \(sets.map { String($0.count) }.joined(separator: " and ")), and now one of \(survivors.count)")
    }
    for difference in [first.subtracting(survivors), survivors.subtracting(first)]
    where !difference.isEmpty && difference.count < minimum {
      throw .differencingRetry(
        "the sum over \(difference.count) of the participants, expected none or at least \(minimum)")
    }
  }

  /// Remembers an answer.
  mutating func record(survivors: Set<IdentityKey>) {
    if !sets.contains(survivors) { sets.append(survivors) }
  }

  mutating func permit(_ permission: Permission) {
    permitted.insert(permission)
  }
}
