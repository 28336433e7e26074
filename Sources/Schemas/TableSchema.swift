/// What the rows of a table mean: the same for every participant, as it stands in a plan under `schema`.
///
///     schema:
///       columns:
///         - {name: age, type: number, range: [18, 100]}
///         - {name: cholesterol, type: number, range: [50, 700], missing: [0]}
///         - {name: pain, type: category, values: [typical, atypical, none]}
///       label: {name: sick, values: ["0", "1"]}
///       fold: fold
///       ignore: [id, dataset]
///
/// An empty cell is missing in every column. A number that is a missing code, and a number outside its range or a
/// category that is not declared (both counted in the row report), are treated as missing too. A row without a declared
/// label is dropped.
public struct TableSchema: Sendable, Hashable {
  public var columns: [Column]
  public var label: Label
  /// The column that numbers the folds of a cross-validation; never a feature.
  public var fold: String?
  /// Columns that rows may have and nobody reads.
  public var ignore: [String]

  public struct Column: Sendable, Hashable {
    public var name: String
    public var kind: Kind

    public init(name: String, kind: Kind) {
      self.name = name
      self.kind = kind
    }
  }

  public enum Kind: Sendable, Hashable {
    /// `missing` lists values that mean "not known"; they may lie inside the range.
    case number(range: ClosedRange<Double>, missing: [Double])
    /// `missing` lists texts that mean "not known".
    case category(values: [String], missing: [String])
  }

  /// The target: class 0, class 1, … in this order; binary when there are two.
  public struct Label: Sendable, Hashable, Codable {
    public var name: String
    public var values: [String]

    public init(name: String, values: [String]) {
      self.name = name
      self.values = values
    }
  }

  public init(columns: [Column], label: Label, fold: String? = nil, ignore: [String] = []) {
    self.columns = columns
    self.label = label
    self.fold = fold
    self.ignore = ignore
  }

  /// The number of classes of the label.
  public var classCount: Int { label.values.count }
}

extension TableSchema {
  /// Refuses what no rows could satisfy or two readers could understand differently.
  public func validate() throws(SchemaError) {
    func invalid(_ path: String, _ problem: String, _ hint: String? = nil) -> SchemaError {
      .invalid(path: "schema." + path, problem: problem, hint: hint)
    }
    guard !columns.isEmpty else { throw invalid("columns", "at least one column is needed") }
    guard columns.count <= 4096 else { throw invalid("columns", "at most 4096 columns, found \(columns.count)") }
    var seen: Set<String> = []
    for (index, column) in columns.enumerated() {
      let path = "columns.\(index)"
      guard !column.name.isEmpty else { throw invalid(path, "a column needs a name") }
      guard seen.insert(column.name).inserted else {
        throw invalid(path, "column \"\(column.name)\" is declared twice")
      }
      switch column.kind {
      case .number(let range, let missing):
        guard range.lowerBound.isFinite, range.upperBound.isFinite, range.lowerBound < range.upperBound,
          (range.upperBound - range.lowerBound).isFinite
        else {
          throw invalid(path, "the range of \"\(column.name)\" needs two finite numbers, the lower one first")
        }
        guard missing.allSatisfy(\.isFinite) else { throw invalid(path, "a missing code must be a finite number") }
      case .category(let values, let missing):
        try Self.validate(values, atLeast: 1, of: column.name, at: path, invalid)
        if let both = values.first(where: missing.contains) {
          throw invalid(path, "\"\(both)\" is both a value and a missing code of \"\(column.name)\"")
        }
      }
    }
    guard !label.name.isEmpty else { throw invalid("label", "the label needs the name of its column") }
    guard seen.insert(label.name).inserted else {
      throw invalid("label", "\"\(label.name)\" is also a column: the model would be told the answer")
    }
    try Self.validate(label.values, atLeast: 2, of: label.name, at: "label", invalid)
    if let fold {
      guard !fold.isEmpty, seen.insert(fold).inserted else {
        throw invalid("fold", "\"\(fold)\" must be a column of its own")
      }
    }
    for name in ignore where !seen.insert(name).inserted {
      throw invalid("ignore", "\"\(name)\" is declared elsewhere in the schema or ignored twice")
    }
  }

  /// Of a label or a category: enough values, all different, none empty.
  static func validate(
    _ values: [String], atLeast minimum: Int, of name: String, at path: String,
    _ invalid: (String, String, String?) -> SchemaError
  ) throws(SchemaError) {
    guard values.count >= minimum else {
      throw invalid(path, "\"\(name)\" needs at least \(minimum) values, found \(values.count)", nil)
    }
    guard values.count <= 1024 else {
      throw invalid(path, "\"\(name)\" has \(values.count) values, at most 1024", nil)
    }
    guard Set(values).count == values.count else { throw invalid(path, "a value of \"\(name)\" occurs twice", nil) }
    guard !values.contains("") else {
      throw invalid(path, "\"\(name)\" declares the empty value, but an empty cell is always missing", nil)
    }
  }
}
