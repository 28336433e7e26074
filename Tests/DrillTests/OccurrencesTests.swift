import SecureAggregation
import Testing

@testable import Drill

@Suite("Whether lanes are uniform")
struct OccurrencesTests {
  @Test("The deviate of a chi-square of 10 with two degrees of freedom")
  func byHand() {
    var counts = Occurrences(cells: 3)
    for (cell, times) in [10, 20, 30].enumerated() { for _ in 0..<times { counts.add(cell) } }
    // (10² + 0 + 10²) / 20 = 10; (∛(10 / 2) - (1 - 1/9)) / (1/3)
    #expect(abs(counts.deviation - 2.463_260) < 1e-5)
  }

  @Test("Bytes of the keystream are uniform")
  func uniform() throws {
    var counts = Occurrences(cells: 256)
    counts.add(try Primitives.keystream(key: [UInt8](repeating: 7, count: 32), count: 1 << 18))
    #expect(counts.verdict(of: "bytes", participants: 0).isAsStated)
  }

  @Test("A range that never gives its last value, a small bias, and counting up are not")
  func biased() throws {
    let stream = try Primitives.keystream(key: [UInt8](repeating: 7, count: 32), count: 1 << 18)
    let biased: [[UInt8]] = [
      stream.map { $0 % 255 },
      stream.enumerated().map { $0.offset % 50 == 0 ? 0 : $0.element },
      (0..<1 << 18).map { UInt8(truncatingIfNeeded: $0) },
    ]
    for bytes in biased {
      var counts = Occurrences(cells: 256)
      counts.add(bytes)
      #expect(!counts.verdict(of: "bytes", participants: 0).isAsStated)
    }
  }

  @Test("Too few values say nothing")
  func few() {
    var counts = Occurrences(cells: 256)
    counts.add((0..<255).map { UInt8($0) })
    #expect(!counts.verdict(of: "bytes", participants: 0).isAsStated)
  }
}
