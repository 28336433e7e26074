import Foundation
import SecureAggregation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// One round that is under way on this node: the content of its file, which alone lets a restarted node go on.
struct NodeRound: Codable, Sendable {
  var averaging: ParticipantRound
  /// The run's plan, canonical JSON.
  var runPlan: String
  /// Of the rows that the round began with: others have no part in it.
  var rows: Digest
  /// How the update is trained; nil in rounds of other kinds and without formal privacy.
  var privately: PrivateRound?
  /// Of what was sent without masks.
  var sentClear: Digest?

  var plan: RoundPlan { averaging.plan.plan }
}

extension NodeHome {
  private func roundFile(_ roundID: UInt64) -> String { "\(stateDirectory)/round-\(roundID).jsonl" }

  /// The round's state, if it is under way here.
  ///
  /// A file whose last whole line cannot be read is erased and on record: an earlier line might not know what this node has
  /// signed since, and a round without a file is one that this node takes no part in.
  func round(_ roundID: UInt64) throws(ParticipationError) -> NodeRound? {
    do throws(ParticipationError) {
      return try readRound(roundFile(roundID))
    } catch .damaged(_, let reason) {
      try eraseRound(roundID)
      try record(RecordEntry(at: Date(), event: .declined, round: roundID, note: "given up: \(reason)"))
      return nil
    }
  }

  /// Makes the round's state durable. Always before the message that it holds is sent.
  ///
  /// The state is one more line of the round's file, and the last whole line counts. A file that only grows costs one
  /// fsync a step, and leaves no replaced copy of its secrets behind where erasing could not reach it.
  func save(_ round: NodeRound) throws(ParticipationError) {
    let file = roundFile(round.plan.roundID)
    try OwnedFile.append(line: try jsonLine(round, for: file), to: file, cuttingTornLine: true)
  }

  /// The last line, or the one before it when the last has no line feed: what it holds was never sent.
  private func readRound(_ file: String) throws(ParticipationError) -> NodeRound? {
    guard let bytes = try OwnedFile.readSecret(file) else { return nil }
    let feed = UInt8(ascii: "\n")
    guard let end = bytes.lastIndex(of: feed) else { return nil }
    let line = bytes[(bytes[..<end].lastIndex(of: feed).map { $0 + 1 } ?? 0)..<end]
    guard let round = try? JSONDecoder().decode(NodeRound.self, from: Data(line)) else {
      throw .damaged(path: file, reason: "the state of the round is not what this version wrote")
    }
    return round
  }

  /// Overwrites and deletes the round's secrets.
  func eraseRound(_ roundID: UInt64) throws(ParticipationError) { try OwnedFile.erase(roundFile(roundID)) }

  /// Every round that is under way here, oldest first.
  func rounds() throws(ParticipationError) -> [NodeRound] {
    var rounds: [NodeRound] = []
    for name in OwnedFile.names(in: stateDirectory) where name.hasPrefix("round-") && name.hasSuffix(".jsonl") {
      guard let roundID = UInt64(name.dropFirst("round-".count).dropLast(".jsonl".count)) else { continue }
      if let round = try round(roundID) { rounds.append(round) }
    }
    return rounds.sorted { $0.plan.roundID < $1.plan.roundID }
  }
}

// MARK: - Ends of rounds

extension NodeHome {
  /// Adds a close to its run's chain and to the run's history.
  ///
  /// The chain goes first and is durable: what the history loses in a crash is asked for again, and the chain takes a close
  /// once.
  ///
  /// - Parameter genesis: What the run begins with; only its first close needs it.
  func take(_ signed: SignedRoundClose, coordinator: IdentityKey, genesis: Digest?) throws {
    try changeLedger { ledger throws(AveragingError) in
      try ledger.record(signed, coordinator: coordinator, genesis: genesis)
    }
    try changeHistory(of: signed.close.run) { $0.apply(signed.close) }
  }

  /// Runs `body` while no other process or task changes the policy or the state's shared files. Never held while waiting for anyone.
  func withStateLock<Value>(_ body: () throws -> Value) throws -> Value {
    let file = stateDirectory + "/change.lock"
    let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw OwnedFile.failure(file) }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw OwnedFile.failure(file) }
    }
    return try body()
  }
}
