public import Schemas

/// One participant's rows of text under a schema: those that train, those held out, and the report about all of them.
///
/// With a fold K, rows whose fold column is K are held out and the others train; without one every row trains and nothing
/// is held out. A row without text, or without the declared label, score or answer, is dropped.
public struct TextRows: Sendable {
  public let schema: TextSchema
  public let report: RowReport
  let training: [TextRow]
  let heldOut: [TextRow]

  /// Reads a `.csv` or `.jsonl` file.
  ///
  /// - Throws: As `TableRows.read`; errors hold lines and names, never values.
  public static func read(_ path: String, schema: TextSchema, fold: Int?) throws(ModelError) -> TextRows {
    try TextRows(TableReader(path: path, columns: Self.columns(schema, fold: fold)), schema: schema, fold: fold)
  }

  /// Reads the content of a file; `file` is its name for errors, and its extension the format.
  public init(parsing bytes: [UInt8], file: String, schema: TextSchema, fold: Int?) throws(ModelError) {
    try self.init(TableReader(bytes, file: file, columns: Self.columns(schema, fold: fold)), schema: schema, fold: fold)
  }

  /// The target is the first cell after the text's, the fold the second.
  private static func columns(_ schema: TextSchema, fold: Int?) throws(ModelError) -> TableReader.Columns {
    do { try schema.validate() } catch { throw .schema(error) }
    guard fold == nil || schema.fold != nil else { throw .noFoldColumn }
    return TableReader.Columns(
      wanted: schema.text + [schema.target.column] + (schema.fold.map { [$0] } ?? []), ignored: Set(schema.ignore))
  }

  private init(_ reader: TableReader, schema: TextSchema, fold: Int?) throws(ModelError) {
    var reader = reader
    let target = TargetParser(schema.target)
    var report = RowReport(columns: [], classes: target.classes)
    var training: [TextRow] = []
    var heldOut: [TextRow] = []

    while let row = try reader.next() {
      report.rowsRead += 1
      let isHeldOut: Bool
      if let fold, let name = schema.fold {
        guard let number = CellParser.number(row.cells[schema.text.count + 1]), let rowFold = Int(exactly: number),
          rowFold >= 0
        else { throw .badFold(file: reader.file, line: row.line, column: name) }
        isHeldOut = rowFold == fold
      } else {
        isHeldOut = false
      }
      let text = TextRow.joined(row.cells.prefix(schema.text.count))
      guard !text.isEmpty else {
        report.drop(.textMissing, line: row.line)
        continue
      }
      switch target.parse(row.cells[schema.text.count]) {
      case .failure(let reason): report.drop(reason.why, line: row.line)
      case .success(let answer):
        let parsed = TextRow(line: row.line, text: text, answer: answer)
        if isHeldOut { heldOut.append(parsed) } else { training.append(parsed) }
        guard case .label(let label) = answer else { continue }
        if isHeldOut { report.classes[Int(label)].heldOut += 1 } else { report.classes[Int(label)].training += 1 }
      }
    }
    report.trainingRows = training.count
    report.heldOutRows = heldOut.count
    report.duplicates = Self.duplicates(training, heldOut)
    self.schema = schema
    self.report = report
    self.training = training
    self.heldOut = heldOut
  }

  private static func duplicates(_ training: [TextRow], _ heldOut: [TextRow]) -> RowReport.Duplicates {
    var duplicates = RowReport.Duplicates()
    var rows: Set<[UInt8]> = []
    var texts: Set<String> = []
    for row in training {
      if !rows.insert(row.bytes).inserted { duplicates.withinTraining.add(line: row.line) }
      texts.insert(row.text)
    }
    for row in heldOut where texts.contains(row.text) { duplicates.heldOutSeenInTraining.add(line: row.line) }
    return duplicates
  }
}

/// A text, and what is to be answered to it.
struct TextRow: Sendable, Equatable {
  enum Answer: Sendable, Equatable {
    case label(Int32)
    case number(Double)
    case text(String)
  }

  let line: Int
  let text: String
  let answer: Answer

  /// The text of several columns, each on a line of its own; empty ones are left out.
  static func joined(_ cells: some Sequence<String>) -> String {
    cells.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  /// Equal for equal rows: u32 bytes of text, the text, and 4 bytes of the class, 8 of the number or the answer's own.
  var bytes: [UInt8] {
    var bytes = withUnsafeBytes(of: UInt32(truncatingIfNeeded: text.utf8.count).littleEndian) { Array($0) } + text.utf8
    switch answer {
    case .label(let label): withUnsafeBytes(of: label.littleEndian) { bytes.append(contentsOf: $0) }
    case .number(let number): withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    case .text(let text): bytes += text.utf8
    }
    return bytes
  }
}

extension TextRows {
  /// The training rows as bytes, for the digest under which a question is counted.
  ///
  /// "tributary/text-rows/1", u64 rows, then the rows sorted by their bytes. So neither the order of the rows, nor their
  /// format, nor columns that are not read, make a difference.
  public var trainingBytes: [UInt8] { Self.bytes(of: training) }

  /// The rows that are held out, in the same way.
  public var heldOutBytes: [UInt8] { Self.bytes(of: heldOut) }

  private static func bytes(of rows: [TextRow]) -> [UInt8] {
    var bytes = Array("tributary/text-rows/1".utf8)
    withUnsafeBytes(of: UInt64(rows.count).littleEndian) { bytes.append(contentsOf: $0) }
    for row in rows.map(\.bytes).sorted(by: { $0.lexicographicallyPrecedes($1) }) { bytes += row }
    return bytes
  }
}

/// Turns the text of a target's cell into what the schema says that it means.
private struct TargetParser {
  struct Refusal: Error { var why: RowReport.DropReason }

  let classes: [String]
  private let target: TextSchema.Target
  private let places: [String: Int32]

  init(_ target: TextSchema.Target) {
    self.target = target
    classes = if case .label(let label) = target { label.values } else { [] }
    places = Dictionary(zip(classes, (0 as Int32)...)) { first, _ in first }
  }

  func parse(_ cell: String) -> Result<TextRow.Answer, Refusal> {
    switch target {
    case .label:
      if let place = places[cell] { return .success(.label(place)) }
      return .failure(Refusal(why: cell.isEmpty ? .labelMissing : .labelUnknown))
    case .score(let score):
      if cell.isEmpty { return .failure(Refusal(why: .scoreMissing)) }
      guard let number = CellParser.number(cell), score.range.contains(number) else {
        return .failure(Refusal(why: .scoreOutOfRange))
      }
      return .success(.number(number))
    case .answer: return cell.isEmpty ? .failure(Refusal(why: .answerMissing)) : .success(.text(cell))
    }
  }
}
