public import Foundation
import Schemas
public import SecureAggregation

/// What the node is doing, as its process last wrote it: `status` reads it without asking anyone.
public struct NodeActivity: Sendable, Hashable, Codable {
  public enum State: Sendable, Hashable, Codable {
    /// Joined and listening.
    case idle
    /// In a round: what it does there, in one word.
    case working(String)
    /// Only the owner can go on; with what to type, where there is something.
    case waitingForOwner(reason: String, hint: String?)
    /// The coordinator does not answer; the node keeps trying.
    case unreachable(reason: String)
    /// The process has ended.
    case stopped
  }

  public var at: Date
  public var state: State
  public var run: String?
  public var roundID: UInt64?
  public var kind: String?
  /// Of a training that is under way.
  public var training: Training?

  /// How far a training is, and what it takes.
  public struct Training: Sendable, Hashable, Codable {
    public var fraction: Double
    /// Of a language model.
    public var tokensPerSecond: Double?
    public var secondsLeft: Double?
    public var memoryBytes: Int?
  }

  public init(
    at: Date, state: State, run: String? = nil, roundID: UInt64? = nil, kind: String? = nil, training: Training? = nil
  ) {
    self.at = at
    self.state = state
    self.run = run
    self.roundID = roundID
    self.kind = kind
    self.training = training
  }
}

extension NodeActivity.Training: CustomStringConvertible {
  public var description: String {
    var parts = ["\(Int(fraction * 100))%"]
    if let tokensPerSecond { parts.append("\(Int(tokensPerSecond)) tokens/s") }
    if let secondsLeft { parts.append("\(duration(secondsLeft)) left") }
    if let memoryBytes { parts.append(mebibytes(memoryBytes)) }
    return parts.joined(separator: ", ")
  }
}

/// `47 s`, `3 min 20 s`, `2 h 5 min`.
func duration(_ seconds: Double) -> String {
  guard seconds.isFinite, seconds < 1e9 else { return "unknown" }
  let whole = max(0, Int(seconds.rounded()))
  if whole < 60 { return "\(whole) s" }
  return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
}

/// What a node remembers of one run, for its owner alone: nothing of this is ever sent, and nothing that is sent follows
/// from it.
public struct RunHistory: Sendable, Hashable, Codable {
  public var run: String
  public var planName: String
  public var plan: Digest
  /// Rounds that closed with a result.
  public var roundsClosed = 0
  /// The newest close's round.
  public var lastRoundID: UInt64 = 0
  /// The newest checkpoint that a close named.
  public var model: Digest?
  /// Whether the evaluation of the final model has closed.
  public var finished = false
  /// The newest checkpoint that this node holds, which a later one can be a delta against.
  public var held: Digest?
  /// Bytes of values that left in this run.
  public var bytesSent = 0
  /// Bytes of models that came, whole and as deltas.
  public var bytesReceived = 0
  /// Whether the measures below are of held-out rows; otherwise models were trained on the rows that they are measured on.
  public var heldOut = false
  /// The run's newest model on this node's own rows.
  public var federated: OwnMetrics?
  /// What this node's training rows alone give, on the same rows.
  public var local: OwnMetrics?

  public init(run: String, planName: String, plan: Digest) {
    self.run = run
    self.planName = planName
    self.plan = plan
  }

  /// Takes a close into account; one that is not newer than the last changes nothing.
  mutating func apply(_ close: RoundClose) {
    guard close.roundID > lastRoundID else { return }
    lastRoundID = close.roundID
    guard close.outcome == .done else { return }
    roundsClosed += 1
    model = close.modelOut
  }
}

/// A model's measures on the node's own rows.
public struct OwnMetrics: Sendable, Hashable, Codable {
  public var rows: Int
  public var accuracy: Double?
  public var meanLoss: Double?
  /// Binary labels only.
  public var auc: Double?
  /// Answers only.
  public var perplexity: Double?
  /// Too few rows, or too few of a class, to say much.
  public var tooFewRows: Bool

  public init(
    rows: Int, accuracy: Double?, meanLoss: Double?, auc: Double?, perplexity: Double? = nil, tooFewRows: Bool
  ) {
    self.rows = rows
    self.accuracy = accuracy
    self.meanLoss = meanLoss
    self.auc = auc
    self.perplexity = perplexity
    self.tooFewRows = tooFewRows
  }
}

extension OwnMetrics {
  init(_ metrics: MetricLanes) {
    self.init(
      rows: metrics.rows, accuracy: metrics.accuracy, meanLoss: metrics.meanLoss, auc: metrics.auc?.value,
      perplexity: metrics.perplexity, tooFewRows: metrics.tooFewRows)
  }
}

extension NodeHome {
  private var activityFile: String { stateDirectory + "/activity.json" }
  private var historyFile: String { stateDirectory + "/runs.json" }

  /// What the node's process last said it was doing.
  public func activity() throws(ParticipationError) -> NodeActivity? {
    try unlessDamaged { () throws(ParticipationError) in try readJSON(NodeActivity.self, from: activityFile) }
  }

  func save(_ activity: NodeActivity) throws(ParticipationError) {
    try writeJSON(activity, to: activityFile, durably: false)
  }

  /// The runs that this node took part in, oldest first.
  public func history() throws(ParticipationError) -> [RunHistory] {
    try unlessDamaged { () throws(ParticipationError) in try readJSON([RunHistory].self, from: historyFile) } ?? []
  }

  /// These files are written without waiting for the disk. One that a power failure spoilt counts as missing: the coordinator
  /// is asked for the closes again.
  private func unlessDamaged<Value>(
    _ read: () throws(ParticipationError) -> Value?
  ) throws(ParticipationError) -> Value? {
    do throws(ParticipationError) { return try read() } catch .damaged { return nil }
  }

  /// What is remembered of one run.
  func history(of run: String) throws(ParticipationError) -> RunHistory? {
    try history().last { $0.run == run }
  }

  /// Begins to remember a run.
  func beginHistory(_ new: RunHistory) throws {
    try withStateLock {
      let all = try history()
      if !all.contains(where: { $0.run == new.run }) {
        try writeJSON(all + [new], to: historyFile, durably: false)
      }
    }
  }

  /// Changes what is remembered of a run that this node has taken part in.
  func changeHistory(of run: String, _ change: (inout RunHistory) -> Void) throws {
    try withStateLock {
      var all = try history()
      guard let index = all.lastIndex(where: { $0.run == run }) else { return }
      change(&all[index])
      try writeJSON(all, to: historyFile, durably: false)
    }
  }

  func readJSON<Value: Decodable>(_ type: Value.Type, from path: String) throws(ParticipationError) -> Value? {
    guard let bytes = try OwnedFile.readSecret(path) else { return nil }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    do {
      return try decoder.decode(type, from: Foundation.Data(bytes))
    } catch {
      throw .damaged(path: path, reason: "it is not what this version wrote")
    }
  }

  func writeJSON(_ value: some Encodable, to path: String, durably: Bool = true) throws(ParticipationError) {
    try OwnedFile.replace(path, with: try jsonLine(value, for: path), durably: durably)
  }

  /// The value on one line.
  func jsonLine(_ value: some Encodable, for path: String) throws(ParticipationError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    // A round's file holds its masked vector in base64: a scanner is several times slower where slashes are escaped.
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let bytes = try? encoder.encode(value) else { throw .damaged(path: path, reason: "a value does not encode") }
    return [UInt8](bytes)
  }
}
