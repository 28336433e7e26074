/// What rows of text mean: the same for every participant, as it stands in a plan under `schema`.
///
///     schema:
///       text: [text]
///       label: {name: mood, values: [negative, neutral, positive]}    or  score: {name: rating, range: [-4, 4]}
///       fold: fold                                                     or  answer: definition
///       ignore: [owner]
///
/// A row whose text is empty, or whose label, score or answer is missing or not as declared, is dropped.
public struct TextSchema: Sendable, Hashable {
  /// The columns that a model reads, joined by a line feed.
  public var text: [String]
  public var target: Target
  /// The column that numbers the folds of a cross-validation; never read by a model.
  public var fold: String?
  /// Columns that rows may have and nobody reads.
  public var ignore: [String]

  /// What a model is to answer, in one column.
  public enum Target: Sendable, Hashable {
    case label(TableSchema.Label)
    case score(Score)
    /// A text that a decoder learns to write.
    case answer(String)
  }

  public struct Score: Sendable, Hashable {
    public var name: String
    public var range: ClosedRange<Double>

    public init(name: String, range: ClosedRange<Double>) {
      self.name = name
      self.range = range
    }
  }

  public init(text: [String], target: Target, fold: String? = nil, ignore: [String] = []) {
    self.text = text
    self.target = target
    self.fold = fold
    self.ignore = ignore
  }
}

extension TextSchema.Target {
  /// The name of its column.
  public var column: String {
    switch self {
    case .label(let label): label.name
    case .score(let score): score.name
    case .answer(let name): name
    }
  }

  public var task: LanguageTask {
    switch self {
    case .label(let label): .classification(labels: label.values)
    case .score(let score): .regression(range: score.range)
    case .answer: .generation
    }
  }
}

extension TextSchema {
  /// Refuses what no rows could satisfy or two readers could understand differently.
  public func validate() throws(SchemaError) {
    func invalid(_ path: String, _ problem: String) -> SchemaError {
      .invalid(path: "schema." + path, problem: problem, hint: nil)
    }
    guard (1...16).contains(text.count) else { throw invalid("text", "expected 1 to 16 columns, found \(text.count)") }
    var seen: Set<String> = []
    func name(_ name: String, at path: String) throws(SchemaError) {
      guard !name.isEmpty else { throw invalid(path, "a column needs a name") }
      guard seen.insert(name).inserted else { throw invalid(path, "\"\(name)\" is named twice in the schema") }
    }
    for column in text { try name(column, at: "text") }
    switch target {
    case .label(let label):
      try name(label.name, at: "label")
      try TableSchema.validate(label.values, atLeast: 2, of: label.name, at: "label") { path, problem, _ in
        invalid(path, problem)
      }
    case .score(let score):
      try name(score.name, at: "score")
      let (lower, upper) = (score.range.lowerBound, score.range.upperBound)
      guard lower.isFinite, upper.isFinite, lower < upper, (upper - lower).isFinite else {
        throw invalid("score", "the range of \"\(score.name)\" needs two finite numbers, the lower one first")
      }
    case .answer(let answer): try name(answer, at: "answer")
    }
    if let fold { try name(fold, at: "fold") }
    for column in ignore { try name(column, at: "ignore") }
  }
}

extension TextSchema: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case text, label, score, answer, fold, ignore
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    text = try container.decode([String].self, forKey: .text)
    let targets = [CodingKeys.label, .score, .answer].filter { container.contains($0) }
    guard targets.count == 1 else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: container.codingPath,
          debugDescription: "expected one of label, score and answer, found "
            + (targets.isEmpty ? "none" : targets.map(\.rawValue).joined(separator: " and "))))
    }
    target =
      switch targets[0] {
      case .label: .label(try container.decode(TableSchema.Label.self, forKey: .label))
      case .score: .score(try container.decode(Score.self, forKey: .score))
      default: .answer(try container.decode(String.self, forKey: .answer))
      }
    fold = try container.decodeIfPresent(String.self, forKey: .fold)
    ignore = try container.decodeIfPresent([String].self, forKey: .ignore) ?? []
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(text, forKey: .text)
    switch target {
    case .label(let label): try container.encode(label, forKey: .label)
    case .score(let score): try container.encode(score, forKey: .score)
    case .answer(let answer): try container.encode(answer, forKey: .answer)
    }
    try container.encodeIfPresent(fold, forKey: .fold)
    try container.encode(ignore, forKey: .ignore)
  }
}

extension TextSchema.Score: Codable {
  private enum CodingKeys: String, CodingKey {
    case name, range
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    let bounds = try container.decode([Double].self, forKey: .range)
    guard bounds.count == 2, bounds[0] < bounds[1] else {
      throw DecodingError.dataCorruptedError(
        forKey: .range, in: container, debugDescription: "expected [lower, upper] with lower < upper")
    }
    range = bounds[0]...bounds[1]
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode([range.lowerBound, range.upperBound], forKey: .range)
  }
}
