public import Foundation
public import SecureAggregation

/// One line of `record.jsonl`: what this node shared, when and with whom. Never a value of a row, an update or a key.
public struct RecordEntry: Sendable, Hashable, Codable {
  public enum Event: String, Sendable, Hashable, Codable {
    case joined, renewed, allowed, disallowed, shared, opened, closed, abandoned, declined, locked, resumed,
      retryAllowed, left
  }

  public var at: Date
  public var event: Event
  public var run: String?
  public var round: UInt64?
  public var kind: String?
  public var plan: Digest?
  /// The checkpoint that the round started from.
  public var model: Digest?
  /// How many bytes of masked values left.
  public var bytes: Int?
  /// The participants whose sum was opened, this node among them.
  public var participants: [String]?
  /// A reason, in words.
  public var note: String?

  public init(
    at: Date, event: Event, run: String? = nil, round: UInt64? = nil, kind: String? = nil, plan: Digest? = nil,
    model: Digest? = nil, bytes: Int? = nil, participants: [String]? = nil, note: String? = nil
  ) {
    self.at = at
    self.event = event
    self.run = run
    self.round = round
    self.kind = kind
    self.plan = plan
    self.model = model
    self.bytes = bytes
    self.participants = participants
    self.note = note
  }
}

extension NodeHome {
  /// Adds a line; it is durable when this returns, unless a power failure may take it back.
  func record(_ entry: RecordEntry, durably: Bool = true) throws(ParticipationError) {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let line = try? encoder.encode(entry) else {
      throw .file(path: recordFile, reason: "an entry does not encode")
    }
    try OwnedFile.append(line: [UInt8](line), to: recordFile, durably: durably)
  }

  /// The whole record, oldest first. A last line that a crash cut short is left out.
  public func recordEntries() throws(ParticipationError) -> [RecordEntry] {
    guard let bytes = try OwnedFile.read(recordFile) else { return [] }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
      try? decoder.decode(RecordEntry.self, from: Foundation.Data(line))
    }
  }
}
