import Schemas

/// Which of a participant's rows.
public enum RowPart: Sendable {
  case training, heldOut
}

/// One participant's rows under a schema: those that train, those held out, and the report about all of them.
///
/// With a fold K, rows whose fold column is K are held out and the others train; without one every row trains and nothing
/// is held out. A row whose label is missing or not declared is dropped; values that are missing, out of range, unknown
/// or no number are taken as missing, and counted.
public struct TableRows: Sendable {
  public let schema: TableSchema
  public let report: RowReport
  let training: ParsedRows
  let heldOut: ParsedRows

  /// Reads a `.csv` or `.jsonl` file.
  ///
  /// - Throws: For a file that cannot be read, a row that is malformed (ragged, not JSON), a column that the schema does
  ///   not know or that is missing, and a fold that is no whole number. Errors hold lines and names, never values.
  public static func read(_ path: String, schema: TableSchema, fold: Int?) throws(ModelError) -> TableRows {
    try TableRows(TableReader(path: path, columns: Self.columns(schema, fold: fold)), schema: schema, fold: fold)
  }

  /// Reads the content of a file; `file` is its name for errors, and its extension the format.
  public init(parsing bytes: [UInt8], file: String, schema: TableSchema, fold: Int?) throws(ModelError) {
    try self.init(TableReader(bytes, file: file, columns: Self.columns(schema, fold: fold)), schema: schema, fold: fold)
  }

  /// The label is the first cell after the columns of the schema, the fold the second.
  private static func columns(_ schema: TableSchema, fold: Int?) throws(ModelError) -> TableReader.Columns {
    do { try schema.validate() } catch { throw .schema(error) }
    guard fold == nil || schema.fold != nil else { throw .noFoldColumn }
    return TableReader.Columns(
      wanted: schema.columns.map(\.name) + [schema.label.name] + (schema.fold.map { [$0] } ?? []),
      ignored: Set(schema.ignore))
  }

  private init(_ reader: TableReader, schema: TableSchema, fold: Int?) throws(ModelError) {
    var reader = reader
    let columnCount = schema.columns.count
    let parser = CellParser(schema.columns)
    let classes = Dictionary(uniqueKeysWithValues: zip(schema.label.values, schema.label.values.indices))
    var report = RowReport(columns: schema.columns.map(\.name), classes: schema.label.values)
    var training = ParsedRows(columnCount: columnCount)
    var heldOut = training
    var duplicates = DuplicateSearch()

    while let row = try reader.next() {
      report.rowsRead += 1
      let isHeldOut: Bool
      if let fold, let name = schema.fold {
        guard let number = CellParser.number(row.cells[columnCount + 1]), let rowFold = Int(exactly: number),
          rowFold >= 0
        else { throw .badFold(file: reader.file, line: row.line, column: name) }
        isHeldOut = rowFold == fold
      } else {
        isHeldOut = false
      }
      let label = row.cells[columnCount]
      guard let classIndex = classes[label] else {
        report.drop(label.isEmpty ? .labelMissing : .labelUnknown, line: row.line)
        continue
      }
      var values: [Double] = []
      values.reserveCapacity(columnCount)
      for column in 0..<columnCount {
        let value = parser.parse(row.cells[column], column: column)
        report.columns[column].count(value, line: row.line)
        values.append(value.stored)
      }
      if isHeldOut {
        heldOut.append(values, label: Int32(classIndex))
        duplicates.heldOutLines.append(row.line)
        report.classes[classIndex].heldOut += 1
      } else {
        training.append(values, label: Int32(classIndex))
        duplicates.trainingLines.append(row.line)
        report.classes[classIndex].training += 1
      }
    }
    report.trainingRows = training.rowCount
    report.heldOutRows = heldOut.rowCount
    report.duplicates = duplicates.duplicates(training: training, heldOut: heldOut)
    self.schema = schema
    self.report = report
    self.training = training
    self.heldOut = heldOut
  }
}

extension TableRows {
  /// The training rows as bytes, for the digest under which statistics are answered once.
  ///
  /// "tributary/rows/1", u32 columns, u64 rows, then the rows sorted by their bytes: per column of the schema the
  /// little-endian bits of its binary64 number or of its category's index, all ones when missing, and the class as u32.
  /// So neither the order of the rows, nor their format, nor columns that are not read, make a difference.
  public var trainingBytes: [UInt8] { bytes(of: training) }

  /// The rows that are held out, in the same way.
  public var heldOutBytes: [UInt8] { bytes(of: heldOut) }

  private func bytes(of part: ParsedRows) -> [UInt8] {
    var bytes = Array("tributary/rows/1".utf8)
    withUnsafeBytes(of: UInt32(schema.columns.count).littleEndian) { bytes.append(contentsOf: $0) }
    withUnsafeBytes(of: UInt64(part.rowCount).littleEndian) { bytes.append(contentsOf: $0) }
    let rows = (0..<part.rowCount).map(part.rowBytes).sorted { $0.lexicographicallyPrecedes($1) }
    for row in rows { bytes += row }
    return bytes
  }
}

extension CellParser.Value {
  /// As `ParsedRows` keeps it: NaN is missing, for whatever reason.
  var stored: Double {
    switch self {
    case .number(let number): number
    case .category(let index): Double(index)
    case .missing, .outOfRange, .unknownValue, .notNumber: .nan
    }
  }
}

extension RowReport.Column {
  mutating func count(_ value: CellParser.Value, line: Int) {
    switch value {
    case .number, .category: present += 1
    case .missing: missing.add(line: line)
    case .outOfRange: outOfRange.add(line: line)
    case .unknownValue: unknownValues.add(line: line)
    case .notNumber: notNumbers.add(line: line)
    }
  }
}

/// Finds rows that occur twice.
private struct DuplicateSearch {
  var trainingLines: [Int] = []
  var heldOutLines: [Int] = []

  func duplicates(training: ParsedRows, heldOut: ParsedRows) -> RowReport.Duplicates {
    var duplicates = RowReport.Duplicates()
    var rows: Set<[UInt8]> = []
    var questions: Set<[UInt8]> = []
    for row in 0..<training.rowCount {
      if !rows.insert(training.rowBytes(row)).inserted { duplicates.withinTraining.add(line: trainingLines[row]) }
      questions.insert(training.featureBytes(row))
    }
    for row in 0..<heldOut.rowCount where questions.contains(heldOut.featureBytes(row)) {
      duplicates.heldOutSeenInTraining.add(line: heldOutLines[row])
    }
    return duplicates
  }
}
