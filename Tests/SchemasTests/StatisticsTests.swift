import Schemas
import Testing

private func moments(_ schema: TableSchema, kept: KeptColumns, _ values: [[Double]]) -> ColumnMoments {
  var moments = ColumnMoments(schema, kept: kept)
  for (index, column) in values.enumerated() { for value in column { moments.add(value, to: index) } }
  return moments
}

/// The lanes of several participants added as the coordinator adds them, mod 2^64.
private func sum(_ lanes: [[UInt64]]) -> [UInt64] {
  lanes.dropFirst().reduce(lanes[0]) { zip($0, $1).map { $0 &+ $1 } }
}

struct StatisticsTests {
  @Test("Counts of participants add up lane by lane, and only those with five values contribute")
  func counts() throws {
    let lanes = [ColumnCounts(present: [5, 4, 0]), ColumnCounts(present: [100, 6, 4])].map(\.lanes)
    #expect(lanes[0] == [5, 4, 0, 1, 0, 0])
    let counts = try ColumnCounts(lanes: sum(lanes), schema: patients)
    #expect(counts.present == [105, 10, 4])
    #expect(counts.contributors == [2, 1, 0])
    #expect(ColumnCounts.laneCount(patients) == 6)
    let kept = KeptColumns(patients, counts: counts, minimumContributors: 2)
    #expect(kept.kept == ["age"] && kept.dropped == ["pain", "pressure"])
  }

  @Test("Counts that no rows could have are refused by the column's name")
  func impossibleCounts() {
    #expect(throws: SchemaError.impossibleStatistics(column: "pain")) {
      try ColumnCounts(lanes: [10, 4, 0, 2, 1, 0], schema: patients)
    }
    #expect(throws: SchemaError.impossibleStatistics(column: "age")) {
      try ColumnCounts(lanes: [.max, 4, 0, 2, 0, 0], schema: patients)
    }
    #expect(throws: SchemaError.wrongLength(what: "lanes of column counts", expected: 6, found: 5)) {
      try ColumnCounts(lanes: [1, 2, 3, 4, 5], schema: patients)
    }
  }

  @Test("Moments are fixed point with 32 fraction bits in two's complement, u clamped to [-1, 1]")
  func lanes() {
    let kept = KeptColumns(patients, counts: .init(present: [9, 9, 9]), minimumContributors: 1)
    // age: centre 50, halfRange 50; pressure: centre 150, halfRange 100.
    let one = UInt64(1) << 32
    #expect(moments(patients, kept: kept, [[25], [150]]).lanes == [0 &- one / 2, one / 4, 0, 0])
    #expect(moments(patients, kept: kept, [[-1e300, 100], [350]]).lanes == [0, 2 * one, one, one])
  }

  @Test("Mean and population deviation of three participants' sums are those of all their values together")
  func standardisation() throws {
    let ages: [[Double]] = [[20, 30, 40, 50, 60], [25, 25, 70, 71, 72], [90, 91, 13.5, 14, 15, 16]]
    let pressures: [[Double]] = [[120, 130, 140, 150, 160], [110, 200, 210, 90, 95], [100, 101, 102, 103, 104, 105]]
    let counts = ColumnCounts(present: [16, 0, 16], contributors: [3, 0, 3])
    let kept = KeptColumns(patients, counts: counts, minimumContributors: 3)
    let lanes = zip(ages, pressures).map { moments(patients, kept: kept, [$0, $1]).lanes }
    let summed = try ColumnMoments(lanes: sum(lanes), schema: patients, kept: kept)
    let result = try Standardisation(patients, kept: kept, counts: counts, moments: summed)
    #expect(result.columns.map(\.name) == ["age", "pressure"])
    for (column, values) in zip(result.columns, [ages, pressures].map { $0.flatMap { $0 } }) {
      let mean = values.reduce(0, +) / 16
      let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 16).squareRoot()
      #expect(abs(column.mean - mean) < 1e-7)
      #expect(abs(column.deviation - deviation) < 1e-6)
    }
  }

  @Test("A constant column has deviation 1, whatever its rounding")
  func constantColumn() throws {
    let counts = ColumnCounts(present: [7, 7, 7])
    let kept = KeptColumns(patients, counts: counts, minimumContributors: 1)
    let constant = moments(patients, kept: kept, [.init(repeating: 33.3, count: 7), .init(repeating: 250, count: 7)])
    let result = try Standardisation(patients, kept: kept, counts: counts, moments: constant)
    #expect(result.columns.map(\.deviation) == [1, 1])
    #expect(abs(result.columns[0].mean - 33.3) < 1e-7 && result.columns[1].mean == 250)
  }

  @Test("Sums that do not belong to the counts give way to the declared range")
  func inconsistentSums() throws {
    let counts = ColumnCounts(present: [5, 5, 5])
    let kept = KeptColumns(patients, counts: counts, minimumContributors: 1)
    let tooMany = moments(patients, kept: kept, [.init(repeating: 100, count: 6), [150]])
    let result = try Standardisation(patients, kept: kept, counts: counts, moments: tooMany)
    #expect(result.columns[0] == .init(name: "age", mean: 50, deviation: 50))
  }

  @Test("Features are kept numbers and one per value of kept categories")
  func features() {
    let counts = ColumnCounts(present: [5, 5, 0])
    let kept = KeptColumns(patients, counts: counts, minimumContributors: 1)
    #expect(FeatureLayout(patients, kept: kept).names == ["age", "pain=none", "pain=some"])
  }
}
