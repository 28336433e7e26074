import Foundation
import SecureAggregation
import Synchronization

/// The ledger on the disk: a file that only grows, one line for each set of changes, so that a round costs the same
/// however much the node remembers.
///
///     {"id":"…","ledger":1}
///     [{"tookUp":{…}}]
///     [{"pinned":{…}},{"pinned":{…}}]
///
/// The ledger is the fold of all lines. A last line without its line feed was never acted upon, and counts for nothing; any
/// other line that does not decode is damage, and the node stops: it must not forget what it has answered. What was folded
/// is kept, and only what another process of this owner (`policy resume`, `policy retry`) has added since is read.
///
/// Changes are made under the home's state lock; `Mutex` only hands the folded value from one task to the next.
final class LedgerJournal: Sendable {
  private let file: String
  private let held = Mutex<Folded?>(nil)

  init(file: String) { self.file = file }

  private struct Header: Codable {
    /// The layout's version.
    var ledger = 1
    /// New with each compaction, so that a process notices that another one has rewritten the file.
    var id = UUID().uuidString
  }

  private struct Folded: Sendable {
    var ledger = NodeLedger()
    /// The file's first line.
    var header: [UInt8] = []
    /// How much of the file is folded; the end of a line.
    var end = 0
  }

  /// Makes an empty ledger, unless there is one.
  func create() throws(ParticipationError) {
    if !OwnedFile.exists(file) { try OwnedFile.replace(file, with: line(Header())) }
  }

  /// The ledger as it stands on the disk.
  func read() throws(ParticipationError) -> NodeLedger {
    let folded = try upToDate()
    held.withLock { $0 = folded }
    return folded.ledger
  }

  /// Lets `body` change the ledger, and makes what has changed durable before it returns, also when `body` throws.
  ///
  /// For a caller that holds the state lock.
  func change<Value>(_ body: (inout NodeLedger) throws(AveragingError) -> Value) throws -> Value {
    // Until it is put back nothing is held: a change that cannot be written is forgotten, and the file is read again.
    var folded = try upToDate()
    let result = Swift.Result { () throws(AveragingError) in try body(&folded.ledger) }
    let changes = folded.ledger.takeChanges()
    if !changes.isEmpty {
      let line = try line(changes)
      try OwnedFile.append(line: line.dropLast(), to: file, cuttingTornLine: true)
      folded.end += line.count
    }
    held.withLock { $0 = folded }
    return try result.get()
  }

  /// Rewrites the file as the fewest lines that fold to the same, when that is less than half of it.
  ///
  /// For a caller that holds the state lock.
  func compact() throws(ParticipationError) {
    let folded = try upToDate()
    held.withLock { $0 = folded }
    guard folded.end > 1 << 16 else { return }
    var bytes = try line(Header())
    for change in folded.ledger.summary { bytes += try line([change]) }
    guard bytes.count < folded.end / 2 else { return }
    try OwnedFile.replace(file, with: bytes)
    held.withLock { $0 = nil }
  }

  /// What is held, taken out, with what has come to the file since.
  private func upToDate() throws(ParticipationError) -> Folded {
    let known = held.withLock { held in
      defer { held = nil }
      return held
    }
    if var folded = known, try OwnedFile.readSecret(file, from: 0, count: folded.header.count) == folded.header {
      try fold(into: &folded)
      return folded
    }
    var folded = Folded()
    try fold(into: &folded)
    return folded
  }

  private func fold(into folded: inout Folded) throws(ParticipationError) {
    guard let bytes = try OwnedFile.readSecret(file, from: folded.end) else {
      throw damaged("it is missing or cut short")
    }
    let decoder = JSONDecoder()
    var rest = bytes[...]
    while let feed = rest.firstIndex(of: UInt8(ascii: "\n")) {
      let line = rest[...feed]
      let data = Foundation.Data(line)
      if folded.end == 0 {
        guard let header = try? decoder.decode(Header.self, from: data), header.ledger == 1 else {
          throw damaged("its first line is not that of a ledger of this version")
        }
        folded.header = Array(line)
      } else {
        guard let changes = try? decoder.decode([LedgerChange].self, from: data) else {
          throw damaged("the line at byte \(folded.end) is not what this version wrote")
        }
        for change in changes { folded.ledger.apply(change) }
      }
      folded.end += line.count
      rest = rest[(feed + 1)...]
    }
    if folded.end == 0 { throw damaged("it is empty") }
  }

  private func damaged(_ reason: String) -> ParticipationError { .damaged(path: file, reason: reason) }

  private func line(_ value: some Encodable) throws(ParticipationError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let bytes = try? encoder.encode(value) else { throw damaged("a change does not encode") }
    return [UInt8](bytes) + [UInt8(ascii: "\n")]
  }
}

extension NodeHome {
  /// What rounds have bound this node to; empty before enrolment.
  public func ledger() throws(ParticipationError) -> NodeLedger {
    if !isEnrolled, !OwnedFile.exists(ledgerFile) { return NodeLedger() }
    return try journal.read()
  }

  /// Changes the ledger and makes it durable before it returns, also when `change` throws: an attack is recorded in it.
  ///
  /// The owner's commands and the participating process both do this, so it is done under a lock, from the file.
  func changeLedger<Value>(_ change: (inout NodeLedger) throws(AveragingError) -> Value) throws -> Value {
    try withStateLock { try journal.change(change) }
  }

  /// For the start of a process that takes part.
  func compactLedger() throws {
    try withStateLock { try journal.compact() }
  }
}
