/// Mean and deviation of every kept number column over all training rows of the cohort; x becomes (x − mean) / deviation.
///
/// A missing value is taken for the mean, which is 0 after standardising.
public struct Standardisation: Sendable, Hashable, Codable {
  public struct Column: Sendable, Hashable, Codable {
    public var name: String
    /// In the column's own units.
    public var mean: Double
    /// The population's, in the column's own units; positive.
    public var deviation: Double

    public init(name: String, mean: Double, deviation: Double) {
      self.name = name
      self.mean = mean
      self.deviation = deviation
    }
  }

  /// In the order of the schema.
  public var columns: [Column]

  public init(columns: [Column]) {
    self.columns = columns
  }

  /// From the summed statistics: mean = E[u], variance = E[u²] − E[u]², then back to the column's units.
  ///
  /// A column whose variance of u is below 1e-9, which is as much as rounding to 32 fraction bits can feign, counts as
  /// constant and gets deviation 1: it carries nothing to scale. When participants came or went between the two rounds,
  /// the sums are of other rows than the counts and the result is an approximation, which serves as well because everyone
  /// uses the same; sums that no values in [−1, 1] could have with these counts give way to the centre and half the width
  /// of the declared range.
  public init(
    _ schema: TableSchema, kept: KeptColumns, counts: ColumnCounts, moments: ColumnMoments
  ) throws(SchemaError) {
    let numbers = kept.numbers(of: schema)
    guard moments.sums.count == numbers.count else {
      throw .wrongLength(what: "column moments", expected: numbers.count, found: moments.sums.count)
    }
    try counts.validate(schema)
    columns = []
    for (position, (index, name, range)) in numbers.enumerated() {
      let count = Double(counts.present[index])
      let halfRange = (range.upperBound - range.lowerBound) / 2
      let centre = range.lowerBound + halfRange
      guard count > 0 else {
        columns.append(Column(name: name, mean: centre, deviation: 1))
        continue
      }
      let meanU = Double(moments.sums[position]) / ColumnMoments.one / count
      let meanOfSquares = Double(moments.squares[position]) / ColumnMoments.one / count
      let variance = meanOfSquares - meanU * meanU
      guard abs(meanU) <= 1, (0...1).contains(meanOfSquares), variance > -Self.resolution else {
        columns.append(Column(name: name, mean: centre, deviation: halfRange))
        continue
      }
      columns.append(
        Column(
          name: name, mean: centre + meanU * halfRange,
          deviation: variance < Self.resolution ? 1 : variance.squareRoot() * halfRange))
    }
  }

  private static let resolution = 1e-9
}

/// The input features that a model sees, in the order of the schema's kept columns: one per number (standardised), and
/// one per declared value of a category (1 for the row's value, all 0 when it is missing).
public struct FeatureLayout: Sendable, Hashable, Codable {
  /// `age` for a number, `pain=typical` for a value of a category.
  public let names: [String]

  public var count: Int { names.count }

  public init(_ schema: TableSchema, kept: KeptColumns) {
    names = kept.columns(of: schema).flatMap { _, column in
      switch column.kind {
      case .number: [column.name]
      case .category(let values, _): values.map { "\(column.name)=\($0)" }
      }
    }
  }
}
