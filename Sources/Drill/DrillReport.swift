/// How every attack ended; encodes as `--json` prints it.
public struct DrillReport: Sendable, Encodable {
  /// How many real participants each attack met.
  public let participants: Int
  public let rows: [Row]

  /// Whether every attack ended as stated.
  public var passed: Bool { rows.allSatisfy(\.asStated) }

  public struct Row: Sendable, Encodable {
    public let attack: String
    /// The row of the attack table.
    public let row: String
    public let breaks: String
    /// What the scripted coordinator did.
    public let did: String
    public let statedEnd: Attack.End
    /// What was seen, in a few words; of a limit, what remains.
    public let seen: String
    /// Of a limit: what bounds it.
    public let bounds: String?
    /// On how many honest participants it was seen; nil where none was needed.
    public let participants: Int?
    public let asStated: Bool
    /// What is not as stated.
    public let complaints: [String]

    init(_ attack: Attack, _ verdict: Verdict) {
      self.init(
        attack, seen: verdict.seen, bounds: nil, participants: verdict.participants > 0 ? verdict.participants : nil,
        complaints: verdict.complaints)
    }

    init(_ attack: Attack, remains: String, bounds: String) {
      self.init(attack, seen: remains, bounds: bounds, participants: nil, complaints: [])
    }

    private init(_ attack: Attack, seen: String, bounds: String?, participants: Int?, complaints: [String]) {
      self.attack = attack.name
      row = attack.row
      breaks = attack.breaks
      did = attack.does
      statedEnd = attack.end
      self.seen = seen
      self.bounds = bounds
      self.participants = participants
      asStated = complaints.isEmpty
      self.complaints = complaints
    }
  }

  private enum CodingKeys: String, CodingKey { case participants, rows, passed }

  init(_ configuration: DrillConfiguration, _ rows: [Row]) {
    participants = configuration.participants
    self.rows = rows
  }

  public func encode(to encoder: any Encoder) throws {
    var report = encoder.container(keyedBy: CodingKeys.self)
    try report.encode(participants, forKey: .participants)
    try report.encode(passed, forKey: .passed)
    try report.encode(rows, forKey: .rows)
  }
}
