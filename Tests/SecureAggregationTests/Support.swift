import Foundation
import Testing

@testable import SecureAggregation

/// Bytes from hexadecimal digits, spaces ignored.
func hex(_ text: String) -> [UInt8] {
  [UInt8](hexadecimal: text.filter { !$0.isWhitespace })!
}

/// A seeded generator: SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

/// The value as it comes back from its stored form.
func reborn<T: Codable>(_ value: T) throws -> T {
  try JSONDecoder().decode(T.self, from: JSONEncoder().encode(value))
}

/// The error that `body` throws; records an issue when it throws none.
func refusal(_ body: () throws -> Void) -> AveragingError? {
  do {
    try body()
    return nil
  } catch {
    return error as? AveragingError
  }
}

/// Reads a list of flat objects from the Vectors folder.
func vectors<T: Decodable>(_ name: String, as _: T.Type) throws -> [T] {
  let url = Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Vectors")
  return try JSONDecoder().decode([T].self, from: Data(contentsOf: #require(url)))
}
