import SecureAggregation
import Wire

/// The long-polls that are open: each waits for an instruction, for its time to pass, or for its caller to hang up.
struct WaitingList: Sendable {
  struct Poll: Sendable {
    var id: UInt64
    var name: String
    /// The averaging key of the caller's certificate.
    var key: IdentityKey
    /// The token of the last instruction that the participant handled.
    var after: String
    /// Unix seconds at which it is answered with nothing to do.
    var expiresAt: Double
    var answer: AsyncStream<Instruction>.Continuation
  }

  private var polls: [UInt64: Poll] = [:]

  /// The poll that each participant waits with.
  private var newest: [String: UInt64] = [:]

  var count: Int { polls.count }

  /// A participant waits with one poll at a time: one that was waiting is answered with nothing to do.
  mutating func add(_ poll: Poll) {
    if let earlier = newest[poll.name].flatMap({ polls[$0] }) { finish(earlier, with: .idle(after: earlier.after)) }
    polls[poll.id] = poll
    newest[poll.name] = poll.id
  }

  /// - Returns: The poll, if it was still waiting.
  @discardableResult
  mutating func remove(_ id: UInt64) -> Poll? {
    guard let poll = polls.removeValue(forKey: id) else { return nil }
    if newest[poll.name] == id { newest[poll.name] = nil }
    return poll
  }

  /// Answers every poll for which there is something new.
  ///
  /// - Parameter ids: Those to look at; nil for all.
  mutating func answer(only ids: Set<UInt64>?, _ instruction: (Poll) -> Instruction?) {
    for id in ids ?? Set(polls.keys) {
      guard let poll = polls[id], let next = instruction(poll) else { continue }
      finish(poll, with: next)
    }
  }

  /// Answers polls whose time has passed.
  mutating func expire(now: Double) {
    for poll in polls.values where poll.expiresAt <= now { finish(poll, with: .idle(after: poll.after)) }
  }

  /// Answers everyone: come back later.
  mutating func drain(reconnectAfter: Duration) {
    for poll in polls.values { finish(poll, with: .idle(after: poll.after, reconnectAfter: reconnectAfter)) }
  }

  private mutating func finish(_ poll: Poll, with instruction: Instruction) {
    remove(poll.id)
    poll.answer.yield(instruction)
    poll.answer.finish()
  }
}
