import Foundation
import Texts

/// Reads the rows of a CSV or JSONL file one by one and hands out the cells of the wanted columns in their order.
///
/// A header, or an object of JSONL, must name every required column and may name only known ones.
struct TableReader {
  struct Row {
    let line: Int
    /// Per wanted column; empty text is a missing value. Booleans and numbers of JSON are the text they were written as.
    let cells: [String]
  }

  /// Which columns a file must and may have.
  struct Columns {
    /// Those whose cells are read, in this order.
    var wanted: [String]
    /// Those that may be there and are not read.
    var ignored: Set<String>
  }

  private enum Format {
    /// `places` is where each wanted column stands in a record of `fieldCount` fields.
    case csv(CSVReader, places: [Int], fieldCount: Int)
    case jsonLines([ArraySlice<UInt8>], next: Int)
  }

  let file: String
  private let columns: Columns
  private var format: Format

  /// - Parameter path: Its extension tells the format: `.csv`, `.jsonl` or `.ndjson`.
  init(path: String, columns: Columns) throws(ModelError) {
    let file = (path as NSString).lastPathComponent
    let bytes: [UInt8]
    do { bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path))) } catch {
      var isDirectory: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
      throw .unreadableFile(
        file: path, reason: !exists ? "no such file" : isDirectory.boolValue ? "is a directory" : "cannot be read")
    }
    try self.init(bytes, file: file, columns: columns)
  }

  /// - Parameter file: The name for errors; its extension tells the format.
  init(_ bytes: [UInt8], file: String, columns: Columns) throws(ModelError) {
    self.file = file
    self.columns = columns
    switch (file as NSString).pathExtension.lowercased() {
    case "csv":
      var reader = CSVReader(bytes, file: file)
      guard let header = try reader.next(), header.fields != [""] else {
        throw .malformedRow(file: file, line: 1, problem: "a header with the names of the columns is expected")
      }
      if let twice = header.fields.first(where: { name in header.fields.count { $0 == name } > 1 }) {
        throw .duplicateColumn(file: file, column: twice)
      }
      try Self.check(header.fields, against: columns, file: file, line: header.line)
      let places = columns.wanted.map { header.fields.firstIndex(of: $0)! }
      format = .csv(reader, places: places, fieldCount: header.fields.count)
    case "jsonl", "ndjson":
      let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
      format = .jsonLines(content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false), next: 0)
    default:
      throw .unknownFileType(file: file)
    }
  }

  mutating func next() throws(ModelError) -> Row? {
    switch format {
    case .csv(var reader, let places, let fieldCount):
      while let record = try reader.next() {
        if fieldCount > 1, record.fields == [""] { continue }
        guard record.fields.count == fieldCount else {
          throw .malformedRow(
            file: file, line: record.line,
            problem: "\(record.fields.count) fields, but the header has \(fieldCount)")
        }
        format = .csv(reader, places: places, fieldCount: fieldCount)
        return Row(line: record.line, cells: places.map { record.fields[$0] })
      }
      format = .csv(reader, places: places, fieldCount: fieldCount)
      return nil
    case .jsonLines(let lines, var index):
      while index < lines.count {
        let line = lines[index]
        index += 1
        if line.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) { continue }
        format = .jsonLines(lines, next: index)
        return try jsonRow(line, number: index)
      }
      return nil
    }
  }

  private func jsonRow(_ text: ArraySlice<UInt8>, number line: Int) throws(ModelError) -> Row {
    let value: JSONValue
    do { value = try JSONValue(parsing: text, depthLimit: 8) } catch {
      throw .malformedRow(file: file, line: line, problem: error.description)
    }
    guard case .object(let members) = value else {
      throw .malformedRow(file: file, line: line, problem: "\(value.kind) where an object is expected")
    }
    try Self.check(members.map(\.name), against: columns, file: file, line: line)
    let cells = Dictionary(uniqueKeysWithValues: members.map { ($0.name, $0.value) })
    var row: [String] = []
    for name in columns.wanted {
      switch cells[name]! {
      case .null: row.append("")
      case .bool(let value): row.append(value ? "true" : "false")
      case .number(let text), .string(let text): row.append(text)
      case .array, .object:
        throw .malformedRow(file: file, line: line, problem: "column \"\(name)\" holds \(cells[name]!.kind)")
      }
    }
    return Row(line: line, cells: row)
  }

  private static func check(
    _ names: [String], against columns: Columns, file: String, line: Int
  ) throws(ModelError) {
    let wanted = Set(columns.wanted)
    for name in names where !wanted.contains(name) && !columns.ignored.contains(name) {
      let free = columns.wanted.filter { !names.contains($0) }
      throw .unknownColumn(file: file, line: line, column: name, nearest: nearest(name, in: free))
    }
    let present = Set(names)
    for name in columns.wanted where !present.contains(name) {
      throw .missingColumn(file: file, line: line, column: name)
    }
  }
}
