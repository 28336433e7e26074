/// Rows after parsing, before any statistic: what training, counts, moments and the data digest are taken from.
struct ParsedRows: Sendable, Equatable {
  /// Per row and column of the schema: the number, or the index of the category's value; NaN when missing.
  private(set) var values: [Double] = []
  private(set) var labels: [Int32] = []
  let columnCount: Int

  init(columnCount: Int) {
    self.columnCount = columnCount
  }

  var rowCount: Int { labels.count }

  mutating func append(_ row: [Double], label: Int32) {
    precondition(row.count == columnCount, "a row has a value per column of the schema")
    values += row
    labels.append(label)
  }

  subscript(row: Int) -> ArraySlice<Double> { values[row * columnCount..<(row + 1) * columnCount] }

  /// The values of a row as bytes, equal for equal rows: 8 per column, the little-endian bits of the binary64 number, and
  /// all ones where the value is missing.
  func featureBytes(_ row: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 * columnCount + 4)
    for value in self[row] {
      withUnsafeBytes(of: (value.isNaN ? UInt64.max : value.bitPattern).littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// The feature bytes and 4 more for the class.
  func rowBytes(_ row: Int) -> [UInt8] {
    featureBytes(row) + withUnsafeBytes(of: labels[row].littleEndian) { Array($0) }
  }
}
