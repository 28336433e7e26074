import Schemas

/// Turns the text of a cell into what the schema says that it means.
struct CellParser {
  enum Value: Equatable {
    case number(Double)
    /// The index of the declared value.
    case category(Int)
    /// An empty cell, or a declared code for "not known".
    case missing
    case outOfRange
    case unknownValue
    case notNumber
  }

  private enum Rule {
    case number(range: ClosedRange<Double>, missing: [Double])
    case category(places: [String: Int], missing: Set<String>)
  }

  private let rules: [Rule]

  init(_ columns: [TableSchema.Column]) {
    rules = columns.map { column in
      switch column.kind {
      case .number(let range, let missing): .number(range: range, missing: missing)
      case .category(let values, let missing):
        .category(
          places: Dictionary(zip(values, values.indices), uniquingKeysWith: { first, _ in first }),
          missing: Set(missing))
      }
    }
  }

  func parse(_ cell: String, column: Int) -> Value {
    if cell.isEmpty { return .missing }
    switch rules[column] {
    case .number(let range, let missing):
      guard let number = Self.number(cell) else { return .notNumber }
      if missing.contains(number) { return .missing }
      return range.contains(number) ? .number(number) : .outOfRange
    case .category(let places, let missing):
      if missing.contains(cell) { return .missing }
      return places[cell].map(Value.category) ?? .unknownValue
    }
  }

  /// A decimal number as spreadsheets and JSON write it, with spaces around it allowed; no "nan", "inf" or hexadecimal.
  static func number(_ cell: String) -> Double? {
    let text = cell.utf8.first == 0x20 || cell.utf8.last == 0x20 ? String(cell.drop { $0 == " " }) : cell
    let trimmed = text.utf8.last == 0x20 ? String(text.reversed().drop { $0 == " " }.reversed()) : text
    let allowed = trimmed.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || byte == 0x2E || byte == 0x2D || byte == 0x2B || byte | 0x20 == 0x65
    }
    guard allowed, let number = Double(trimmed), number.isFinite else { return nil }
    return number == 0 ? 0 : number
  }
}
