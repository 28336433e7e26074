import ArgumentParser
import Documents
import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What every command prints to: lines for people, or one JSON value for machines, on standard output; notes on standard error.
struct Output: Sendable {
  let json: Bool

  /// Whether notes go to a terminal.
  static let isTerminal = isatty(STDERR_FILENO) == 1

  /// Prints `value` as JSON under `--json`, and otherwise the lines that `text` makes of it.
  func print<Value: Encodable>(_ value: Value, text: (Value) -> String) throws {
    line(json ? try Self.encoded(value, formatting: .prettyPrinted) : text(value))
  }

  /// Prints one value of a stream: a JSON object a line under `--json`.
  func printLine<Value: Encodable>(_ value: Value, text: (Value) -> String) throws {
    line(json ? try Self.encoded(value) : text(value))
  }

  /// The JSON that machines read, errors included.
  static func encoded(_ value: some Encodable, formatting: JSONEncoder.OutputFormatting = []) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
    encoder.dateEncodingStrategy = .iso8601
    // JSON has no infinity, which is what some plans would spend of a privacy budget.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "infinity", negativeInfinity: "-infinity", nan: "nan")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  func line(_ text: String) {
    guard !text.isEmpty else { return }
    Self.write(text + "\n", to: .standardOutput)
  }

  /// Part of a line, as it comes.
  static func piece(_ text: String) { write(text, to: .standardOutput) }

  static func note(_ text: String) { write(text + "\n", to: .standardError) }

  /// A reader that has gone away, as `head` does, takes nothing from what the command is for: the rest is not printed.
  fileprivate static func write(_ text: String, to file: FileHandle) {
    try? file.write(contentsOf: Data(text.utf8))
  }
}

/// Columns that line up, for listings.
struct TextTable {
  private var rows: [[String]]

  init(_ header: [String]) { rows = [header] }

  mutating func append(_ row: [String]) { rows.append(row) }

  var text: String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
        .joined(separator: "  ").trimmingCharacters(in: .whitespaces)
    }.joined(separator: "\n")
  }
}

/// A bar that redraws itself on a terminal, and a plain line for each change elsewhere. On standard error.
final class ProgressBar: Sendable {
  private let last = Mutex("")

  func show(_ fraction: Double, _ text: String) {
    let plain = "\(Int((fraction * 100).rounded()))% \(text)"
    let isNew = last.withLock { last in
      defer { last = plain }
      return last != plain
    }
    guard isNew else { return }
    guard Output.isTerminal else { return Output.note(plain) }
    let filled = Int((fraction * 24).rounded())
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 24 - filled)
    Output.write("\r\u{1B}[K\(bar) \(plain)", to: .standardError)
  }

  /// Leaves the bar as it stands and goes to the next line.
  func finish() {
    if Output.isTerminal, last.withLock({ !$0.isEmpty }) { Output.note("") }
  }
}
