public import Foundation
public import SecureAggregation

/// A further answer for one model, or one set of rows, that the retry rule does not allow: what the owner is asked.
///
/// It is asked about exactly one roster, or one set of survivors of one roster, and the owner's yes is for that alone.
public struct RetryQuestion: Sendable, Hashable, Codable, CustomStringConvertible {
  public var run: String
  public var roundID: UInt64
  public var kind: String
  /// What the answers are about: the model, or rows and schema.
  public var subject: Digest
  public var reason: String
  /// What a yes permits.
  public var permission: AnsweredSubject.Permission
  /// The participants whose sums could be worked out from this answer and the earlier ones, by name; while only the roster
  /// is known, if all of it survives.
  public var reveals: [[String]]

  /// - Parameters:
  ///   - round: As it was before the step that was refused.
  ///   - members: The roster's keys before this node has uploaded, and then the survivors'.
  init(_ error: AveragingError, round: NodeRound, members: Set<IdentityKey>, ledger: NodeLedger) {
    run = round.plan.run
    roundID = round.plan.roundID
    kind = "\(round.plan.kind)"
    subject = round.averaging.subject
    reason = "\(error)"
    permission =
      if round.averaging.upload != nil, let roster = round.averaging.roster?.keys {
        AnsweredSubject.Permission(roster: roster, survivors: members)
      } else {
        AnsweredSubject.Permission(roster: members)
      }
    let names = Dictionary(ledger.pins.values.map { ($0.key, $0.name) }, uniquingKeysWith: { first, _ in first })
    let differences = (ledger.answers[subject.hex]?.sets ?? []).flatMap { answered in
      [answered.subtracting(members), members.subtracting(answered)]
    }
    reveals = Set(differences.filter { !$0.isEmpty }.map { set in set.map { names[$0] ?? $0.fingerprint }.sorted() })
      .sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// Names the question: the digest of its subject and of what a yes would permit.
  public var digest: Digest {
    func bytes(_ keys: Set<IdentityKey>) -> [UInt8] {
      keys.map(\.bytes).sorted { $0.lexicographicallyPrecedes($1) }.flatMap { $0 }
    }
    let survivors = permission.survivors.map { [1] + bytes($0) } ?? [0]
    return Digest(label: "tributary/retry", subject.bytes + survivors + bytes(permission.roster))
  }

  /// What happened and what a further answer could reveal.
  public var description: String {
    let sums = reveals.map { $0.joined(separator: " + ") }
    let revealed =
      sums.isEmpty ? "differences between the answers" : "the sum over " + sums.joined(separator: ", over ")
    let consequence =
      permission.survivors == nil
      ? "if all of this roster survive, it can reveal \(revealed); who survives is asked again before anything is opened"
      : "with the earlier answers it can reveal \(revealed)"
    return "round \(roundID) of run \(run): \(reason); \(consequence)"
  }
}

extension NodeHome {
  private var questionFile: String { stateDirectory + "/retry.json" }

  /// What waits for the owner's word, if anything does: the newest question.
  public func retryQuestion() throws(ParticipationError) -> RetryQuestion? {
    try readJSON(RetryQuestion.self, from: questionFile)
  }

  func ask(_ question: RetryQuestion) throws(ParticipationError) { try writeJSON(question, to: questionFile) }

  /// The owner's command: answers what the question with this digest asks, whatever the difference reveals.
  ///
  /// A node that waits in that round notices at once.
  ///
  /// - Throws: `.otherQuestion` when another question waits by now: the owner has not seen that one.
  @discardableResult
  public func allowRetry(_ digest: String, now: Date = Date()) throws(ParticipationError) -> RetryQuestion {
    guard let asked = Digest(hex: digest) else { throw .notADigest(digest) }
    guard let question = try retryQuestion() else { throw .nothingToRetry }
    guard question.digest == asked else { throw .otherQuestion(asked: asked, waiting: question.digest) }
    try permitting { ledger in ledger.permit(question.permission, subject: question.subject) }
    try record(RecordEntry(at: now, event: .retryAllowed, run: question.run, note: question.description))
    // A newer question may have come in the meantime.
    if try retryQuestion() == question { try OwnedFile.erase(questionFile) }
    return question
  }

  /// The owner's command: takes part again after an attack. Returns what had happened, to be repeated to the owner.
  ///
  /// - Parameter forgetting: A peer whose key has changed for a good reason; its next key is pinned anew.
  @discardableResult
  public func resume(forgetting peer: String? = nil, now: Date = Date()) throws(ParticipationError) -> String {
    guard let attack = try ledger().attack else { throw .notLocked }
    let what = "round \(attack.roundID) of run \(attack.run): \(attack.error)"
    try permitting { ledger in
      if let peer { ledger.unpin(peer) }
      ledger.resume()
    }
    try record(RecordEntry(at: now, event: .resumed, run: attack.run, round: attack.roundID, note: what))
    return what
  }

  private func permitting(_ change: (inout NodeLedger) -> Void) throws(ParticipationError) {
    do {
      try changeLedger { ledger throws(AveragingError) in change(&ledger) }
    } catch {
      throw ParticipationError(anyError: error)
    }
  }
}
