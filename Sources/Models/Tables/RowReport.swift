/// What became of a file's rows: counts and line numbers, never a value. For the owner's own eyes.
public struct RowReport: Sendable, Hashable, Codable {
  /// How many first lines a reason lists.
  static let listedLines = 5

  /// Something that happened to rows, how often, and where it happened first.
  public struct Tally: Sendable, Hashable, Codable {
    public private(set) var count = 0
    public private(set) var firstLines: [Int] = []

    mutating func add(line: Int) {
      count += 1
      if firstLines.count < RowReport.listedLines { firstLines.append(line) }
    }
  }

  public enum DropReason: String, Sendable, Hashable, Codable, CaseIterable {
    case labelMissing, labelUnknown
    /// Of texts only.
    case textMissing, scoreMissing, scoreOutOfRange, answerMissing
    /// The question leaves no room for an answer within the plan's `maximumTokens`.
    case textTooLong
  }

  public struct Drop: Sendable, Hashable, Codable {
    public let reason: DropReason
    public var tally: Tally
  }

  /// The cells of one column in the rows that are used.
  public struct Column: Sendable, Hashable, Codable {
    public let name: String
    public internal(set) var present = 0
    /// Empty, or a declared missing code.
    public internal(set) var missing = Tally()
    /// Numbers outside the declared range; treated as missing.
    public internal(set) var outOfRange = Tally()
    /// Texts that are no declared value of the category; treated as missing.
    public internal(set) var unknownValues = Tally()
    /// Texts in a number column that are no number; treated as missing.
    public internal(set) var notNumbers = Tally()
  }

  public struct ClassBalance: Sendable, Hashable, Codable {
    /// As the schema declares it.
    public let value: String
    public internal(set) var training = 0
    public internal(set) var heldOut = 0
  }

  /// Texts as the base model's tokenizer cuts them.
  public struct Tokens: Sendable, Hashable, Codable {
    /// Of the training rows.
    public internal(set) var training = 0
    public internal(set) var heldOut = 0
    /// Of the longest row that is used.
    public internal(set) var longest = 0
    /// Rows that are longer than the plan's `maximumTokens` and lose their end.
    public internal(set) var truncated = Tally()
  }

  public struct Duplicates: Sendable, Hashable, Codable {
    /// Training rows that equal an earlier training row in every column and the label.
    public internal(set) var withinTraining = Tally()
    /// Held-out rows whose columns all equal those of a training row: the model has seen the question.
    public internal(set) var heldOutSeenInTraining = Tally()
  }

  public internal(set) var rowsRead = 0
  public internal(set) var trainingRows = 0
  public internal(set) var heldOutRows = 0
  /// Reasons that occurred, each with its rows.
  public internal(set) var dropped: [Drop] = []
  public internal(set) var columns: [Column]
  public internal(set) var classes: [ClassBalance]
  public internal(set) var duplicates = Duplicates()
  /// Of texts only.
  public internal(set) var tokens: Tokens?

  public var rowsUsed: Int { trainingRows + heldOutRows }
  public var rowsDropped: Int { dropped.reduce(0) { $0 + $1.tally.count } }

  init(columns: [String], classes: [String]) {
    self.columns = columns.map { Column(name: $0) }
    self.classes = classes.map { ClassBalance(value: $0) }
  }

  mutating func drop(_ reason: DropReason, line: Int) {
    if let index = dropped.firstIndex(where: { $0.reason == reason }) {
      dropped[index].tally.add(line: line)
    } else {
      var tally = Tally()
      tally.add(line: line)
      dropped.append(Drop(reason: reason, tally: tally))
    }
  }
}
