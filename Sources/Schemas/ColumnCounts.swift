/// The first statistics of a run: how many values each column has, and at how many participants it has enough of them.
///
/// One participant's counts are its lanes; lanes add up, so the sum over the cohort is the counts of all rows together.
public struct ColumnCounts: Sendable, Hashable, Codable {
  /// A participant contributes to a column when it has at least this many values in it.
  public static let minimumPresent: UInt64 = 5

  /// Values that are not missing, per column of the schema.
  public var present: [UInt64]
  /// Participants with at least `minimumPresent` values, per column of the schema.
  public var contributors: [UInt64]

  public init(present: [UInt64], contributors: [UInt64]) {
    self.present = present
    self.contributors = contributors
  }

  /// The counts of one participant's training rows.
  public init(present: [UInt64]) {
    self.init(present: present, contributors: present.map { $0 >= Self.minimumPresent ? 1 : 0 })
  }

  public static func laneCount(_ schema: TableSchema) -> Int { 2 * schema.columns.count }

  /// The present counts of all columns, then the contributors of all columns.
  public var lanes: [UInt64] { present + contributors }

  public init(lanes: [UInt64], schema: TableSchema) throws(SchemaError) {
    guard lanes.count == Self.laneCount(schema) else {
      throw .wrongLength(what: "lanes of column counts", expected: Self.laneCount(schema), found: lanes.count)
    }
    self.init(present: Array(lanes.prefix(lanes.count / 2)), contributors: Array(lanes.suffix(lanes.count / 2)))
    try validate(schema)
  }

  /// Refuses counts that no cohort of at most 2^16 participants with fewer than 2^31 rows each could have.
  func validate(_ schema: TableSchema) throws(SchemaError) {
    let columns = schema.columns.count
    guard present.count == columns, contributors.count == columns else {
      throw .wrongLength(what: "column counts", expected: columns, found: min(present.count, contributors.count))
    }
    for (column, (present, contributors)) in zip(schema.columns, zip(present, contributors)) {
      guard contributors <= 1 << 16, present < 1 << 47, present >= Self.minimumPresent * contributors else {
        throw .impossibleStatistics(column: column.name)
      }
    }
  }
}

/// The columns that the model may use, decided once per run from the summed counts.
public struct KeptColumns: Sendable, Hashable, Codable {
  /// Names in the order of the schema.
  public let kept: [String]
  /// Columns with fewer contributors than the minimum: their statistics would be too close to one participant's own.
  public let dropped: [String]

  public init(_ schema: TableSchema, counts: ColumnCounts, minimumContributors: Int) {
    var kept: [String] = []
    var dropped: [String] = []
    for (column, contributors) in zip(schema.columns, counts.contributors) {
      if contributors >= UInt64(max(0, minimumContributors)) {
        kept.append(column.name)
      } else {
        dropped.append(column.name)
      }
    }
    self.kept = kept
    self.dropped = dropped
  }

  /// The kept columns of the schema with their places in it.
  public func columns(of schema: TableSchema) -> [(index: Int, column: TableSchema.Column)] {
    let names = Set(kept)
    return schema.columns.enumerated().filter { names.contains($0.element.name) }.map { ($0.offset, $0.element) }
  }

  /// The kept number columns with their places in the schema and their ranges: those that have moments.
  public func numbers(of schema: TableSchema) -> [(index: Int, name: String, range: ClosedRange<Double>)] {
    columns(of: schema).compactMap { index, column in
      if case .number(let range, _) = column.kind { (index, column.name, range) } else { nil }
    }
  }
}
