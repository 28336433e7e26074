/// The sets that a node has answered for one model or one set of rows, and the rule for answering again.
///
/// The difference of two averages over overlapping sets is an average over their difference, and several such differences
/// can isolate one participant although no two do. So after the first answer the roster is fixed, the same set may be
/// answered again, and one other set only when each non-empty difference holds at least nMin organisations. More needs
/// the owner's command.
public struct AnsweredSubject: Codable, Sendable, Hashable {
  /// Identity keys of the roster.
  public private(set) var roster: Set<IdentityKey>
  /// Identity keys of each answered set.
  public private(set) var sets: [Set<IdentityKey>] = []
  /// Answers that the owner has allowed beyond the rule.
  public internal(set) var permitted = 0

  init(roster: Set<IdentityKey>) {
    self.roster = roster
  }

  func check(roster found: Set<IdentityKey>) throws(AveragingError) {
    guard permitted == 0, !sets.isEmpty, found != roster else { return }
    throw .differencingRetry(
      "it was answered in a roster of \(roster.count), and \(roster.symmetricDifference(found).count) members differ")
  }

  func check(survivors: Set<IdentityKey>, roster found: Set<IdentityKey>, minimum: Int) throws(AveragingError) {
    try check(roster: found)
    guard permitted == 0, let first = sets.first, !sets.contains(survivors) else { return }
    guard sets.count == 1 else {
      throw .ownerMustDecide(
        "sets of \(sets.map { String($0.count) }.joined(separator: " and ")), and now one of \(survivors.count)")
    }
    for difference in [first.subtracting(survivors), survivors.subtracting(first)]
    where !difference.isEmpty && difference.count < minimum {
      throw .differencingRetry(
        "the sum over \(difference.count) of the participants, expected none or at least \(minimum)")
    }
  }

  /// Remembers an answer, using up one permission when the rule alone would not have let it pass.
  mutating func record(survivors: Set<IdentityKey>, roster found: Set<IdentityKey>, minimum: Int) {
    if permitted > 0 {
      let permissions = permitted
      permitted = 0
      do throws(AveragingError) {
        try check(survivors: survivors, roster: found, minimum: minimum)
        permitted = permissions
      } catch {
        permitted = permissions - 1
        roster = found
      }
    }
    if !sets.contains(survivors) { sets.append(survivors) }
  }
}
