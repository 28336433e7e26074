import SecureAggregation

/// Something that happened, as its owner wants it remembered.
public struct Event: Sendable, Hashable {
  /// What happened, for example `upload-received`; the owner of the log chooses the words.
  public var kind: String
  /// The run it belongs to, nil for what concerns the whole coordinator.
  public var run: String?
  /// The round's number, nil for what concerns a whole run.
  public var round: UInt64?
  /// What the owner needs to replay the event, usually JSON; the store does not look inside.
  public var payload: [UInt8]
  /// Milliseconds since 1970, by the owner's clock.
  public var timeMilliseconds: Int64

  public init(kind: String, run: String? = nil, round: UInt64? = nil, payload: [UInt8], timeMilliseconds: Int64) {
    self.kind = kind
    self.run = run
    self.round = round
    self.payload = payload
    self.timeMilliseconds = timeMilliseconds
  }
}

/// An event as the log holds it.
public struct StoredEvent: Sendable, Hashable {
  /// Its place in the log: 1, 2, 3, … without gaps.
  public var sequence: Int64
  public var event: Event
  /// SHA-256 of the payload as it was appended; it outlives an erasure.
  public var digest: Digest
  /// Whether the payload was erased; `event.payload` is then empty.
  public var isErased: Bool

  public init(sequence: Int64, event: Event, digest: Digest, isErased: Bool) {
    self.sequence = sequence
    self.event = event
    self.digest = digest
    self.isErased = isErased
  }
}

/// Payloads to erase: those of one round's events of certain kinds, once the protocol forbids keeping them.
public struct Erasure: Sendable, Hashable {
  public var kinds: [String]
  public var run: String
  public var round: UInt64

  public init(kinds: [String], run: String, round: UInt64) {
    self.kinds = kinds
    self.run = run
    self.round = round
  }
}
