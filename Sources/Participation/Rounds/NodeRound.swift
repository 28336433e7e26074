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

  var plan: RoundPlan { averaging.plan.plan }
}

extension NodeHome {
  private func roundFile(_ roundID: UInt64) -> String { "\(stateDirectory)/round-\(roundID).jsonl" }

  /// The round's state, if it is under way here.
  func round(_ roundID: UInt64) throws(ParticipationError) -> NodeRound? { try readRound(roundFile(roundID)) }

  /// Makes the round's state durable. Always before the message that it holds is sent.
  ///
  /// The state is one more line of the round's file, and the last whole line counts. A file that only grows costs one
  /// fsync a step, and leaves no replaced copy of its secrets behind where erasing could not reach it.
  func save(_ round: NodeRound) throws(ParticipationError) {
    let file = roundFile(round.plan.roundID)
    try OwnedFile.append(line: try jsonLine(round, for: file), to: file)
  }

  private func readRound(_ file: String) throws(ParticipationError) -> NodeRound? {
    guard let bytes = try OwnedFile.readSecret(file) else { return nil }
    let decoder = JSONDecoder()
    for line in bytes.split(separator: UInt8(ascii: "\n")).reversed() {
      if let round = try? decoder.decode(NodeRound.self, from: Data(line)) { return round }
    }
    return nil
  }

  /// Overwrites and deletes the round's secrets.
  func eraseRound(_ roundID: UInt64) throws(ParticipationError) { try OwnedFile.erase(roundFile(roundID)) }

  /// Every round that is under way here, oldest first.
  func rounds() throws(ParticipationError) -> [NodeRound] {
    var rounds: [NodeRound] = []
    for name in OwnedFile.names(in: stateDirectory) where name.hasPrefix("round-") && name.hasSuffix(".jsonl") {
      if let round = try readRound("\(stateDirectory)/\(name)") { rounds.append(round) }
    }
    return rounds.sorted { $0.plan.roundID < $1.plan.roundID }
  }
}

// MARK: - Ledger

extension NodeHome {
  private var ledgerFile: String { stateDirectory + "/ledger.json" }

  /// What rounds have bound this node to; empty at first.
  public func ledger() throws(ParticipationError) -> NodeLedger {
    try readJSON(NodeLedger.self, from: ledgerFile) ?? NodeLedger()
  }

  /// Changes the ledger and makes it durable before it returns, also when `change` throws: an attack is recorded in it.
  ///
  /// The owner's commands and the participating process both do this, so it is done under a lock, from the file.
  func changeLedger<Value>(_ change: (inout NodeLedger) throws(AveragingError) -> Value) throws -> Value {
    try withStateLock {
      let before = try ledger()
      var ledger = before
      let result = Swift.Result { try change(&ledger) }
      if ledger != before { try writeJSON(ledger, to: ledgerFile) }
      return try result.get()
    }
  }

  /// Adds a close to its run's chain and to the run's history.
  ///
  /// The history goes first and takes a close once, so that a crash in between is mended by the same close again; what a
  /// power failure takes back of it is asked for again.
  ///
  /// - Parameter genesis: What the run begins with; only its first close needs it.
  func take(_ signed: SignedRoundClose, coordinator: IdentityKey, genesis: Digest?) throws {
    try withStateLock {
      let before = try ledger()
      var ledger = before
      let recorded = Swift.Result { try ledger.record(signed, coordinator: coordinator, genesis: genesis) }
      if case .success = recorded { try unlockedChangeHistory(of: signed.close.run) { $0.apply(signed.close) } }
      if ledger != before { try writeJSON(ledger, to: ledgerFile) }
      try recorded.get()
    }
  }

  /// Runs `body` while no other process or task changes the state's shared files. Never held while waiting for anyone.
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
