import Foundation
import Texts
import Tokenizers

// The tokenizer on the command line, for Benchmarks/reference/tokenizers_check.py:
//
//   TokenizersBenchmark encode TOKENIZER < rows > ids    each row and each result begins with its length, 4 bytes
//   TokenizersBenchmark decode TOKENIZER < ids > rows
//   TokenizersBenchmark speed TOKENIZER < rows           tokens a second of processor time, the best of several passes
//
// TOKENIZER is a tokenizer.json, or the vocabulary of a GGUF file as JSON with the members of `GGUFVocabulary`.

func fail(_ message: String) -> Never {
  FileHandle.standardError.write(Data("TokenizersBenchmark: \(message)\n".utf8))
  exit(1)
}

func tokenizer(at path: String) throws -> Tokenizer {
  guard let file = FileManager.default.contents(atPath: path) else { fail("cannot read \(path)") }
  let value = try JSONValue(parsing: file, depthLimit: 64)
  guard let pre = value["preTokenizer"]?.string else { return try Tokenizer(json: [UInt8](file)) }
  func texts(_ name: String) -> [String] {
    guard case .array(let elements)? = value[name] else { return [] }
    return elements.compactMap(\.string)
  }
  guard case .array(let types)? = value["types"] else { fail("no types in \(path)") }
  return try Tokenizer(
    gguf: GGUFVocabulary(
      model: value["model"]?.string ?? "", preTokenizer: pre, tokens: texts("tokens"),
      types: types.compactMap { if case .number(let digits) = $0 { Int32(digits) } else { nil } },
      merges: texts("merges")))
}

/// The parts of a stream of lengths and bytes.
func parts(of data: Data) -> [[UInt8]] {
  var result: [[UInt8]] = []
  let bytes = [UInt8](data)
  var place = 0
  while place + 4 <= bytes.count {
    let length = Int(bytes[place..<place + 4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
    guard place + 4 + length <= bytes.count else { fail("the input ends within a row") }
    result.append(Array(bytes[place + 4..<place + 4 + length]))
    place += 4 + length
  }
  return result
}

func write(_ rows: [[UInt8]]) {
  var output = Data()
  for row in rows {
    withUnsafeBytes(of: UInt32(row.count).littleEndian) { output.append(contentsOf: $0) }
    output.append(contentsOf: row)
  }
  FileHandle.standardOutput.write(output)
}

guard CommandLine.arguments.count == 3 else { fail("usage: encode|decode|speed TOKENIZER") }
let input = parts(of: FileHandle.standardInput.readDataToEndOfFile())

/// Seconds of processor time: what else runs on the machine does not count.
func processorTime() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

do {
  let opening = processorTime()
  let tokenizer = try tokenizer(at: CommandLine.arguments[2])
  let opened = processorTime() - opening
  switch CommandLine.arguments[1] {
  case "encode":
    write(
      input.map { row in tokenizer.encode(utf8: row).flatMap { id in withUnsafeBytes(of: id.littleEndian, Array.init) }
      })
  case "decode":
    write(
      input.map { row in
        let ids = stride(from: 0, to: row.count, by: 4).map { place in
          row[place..<place + 4].reversed().reduce(Int32(0)) { $0 << 8 | Int32($1) }
        }
        return Array(tokenizer.decode(ids, skippingSpecialTokens: false).utf8)
      })
  case "speed":
    let texts = input.map { String(decoding: $0, as: UTF8.self) }
    var tokens = 0
    var best = Double.infinity
    for _ in 0..<5 {
      let start = processorTime()
      tokens = texts.reduce(0) { $0 + tokenizer.encode($1).count }
      best = min(best, processorTime() - start)
    }
    print("\(tokens) tokens, \(Int(Double(tokens) / best)) tokens/s, opened in \(Int(opened * 1000)) ms")
  case let mode: fail("unknown mode \(mode)")
  }
} catch { fail("\(error)") }
