/// The second statistics of a run: per kept number column the sums of u and u² over the training rows, where
/// u = (value − centre) / halfRange of the declared range, clamped to [−1, 1].
///
/// The sums are fixed point with 32 fraction bits in two's complement, so that they add up exactly mod 2^64 under masks;
/// a participant may have up to 2^31 rows.
public struct ColumnMoments: Sendable, Hashable {
  static let one = Double(UInt64(1) << 32)

  /// Of u, times 2^32, per kept number column.
  public private(set) var sums: [Int64]
  /// Of u², times 2^32, per kept number column.
  public private(set) var squares: [Int64]
  private let ranges: [ClosedRange<Double>]

  /// Of no rows yet.
  public init(_ schema: TableSchema, kept: KeptColumns) {
    ranges = kept.numbers(of: schema).map(\.range)
    sums = [Int64](repeating: 0, count: ranges.count)
    squares = sums
  }

  /// Adds a value of the `index`-th kept number column.
  public mutating func add(_ value: Double, to index: Int) {
    let range = ranges[index]
    let halfRange = (range.upperBound - range.lowerBound) / 2
    let centre = range.lowerBound + halfRange
    let u = max(-1, min(1, (value - centre) / halfRange))
    guard !u.isNaN else { return }
    sums[index] &+= Int64((u * Self.one).rounded())
    squares[index] &+= Int64((u * u * Self.one).rounded())
  }

  public static func laneCount(_ schema: TableSchema, kept: KeptColumns) -> Int { 2 * kept.numbers(of: schema).count }

  /// Per kept number column: the sum of u, then the sum of u².
  public var lanes: [UInt64] {
    zip(sums, squares).flatMap { [UInt64(bitPattern: $0), UInt64(bitPattern: $1)] }
  }

  public init(lanes: [UInt64], schema: TableSchema, kept: KeptColumns) throws(SchemaError) {
    self.init(schema, kept: kept)
    guard lanes.count == 2 * ranges.count else {
      throw .wrongLength(what: "lanes of column moments", expected: 2 * ranges.count, found: lanes.count)
    }
    for index in ranges.indices {
      sums[index] = Int64(bitPattern: lanes[2 * index])
      squares[index] = Int64(bitPattern: lanes[2 * index + 1])
    }
  }
}
