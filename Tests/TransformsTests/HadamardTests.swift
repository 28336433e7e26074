import Testing

@testable import Transforms

@Suite("Hadamard")
struct HadamardTests {
  @Test("Tiny transforms are those worked out by hand")
  func tiny() {
    #expect(transformed([3.0] as [Float]) == [3])
    // H₂ = [[1, 1], [1, −1]], and √2 is not exact.
    let two = transformed([3.0, 5.0] as [Double])
    #expect(abs(two[0] - 8 / 2.0.squareRoot()) < 1e-15 && abs(two[1] + 2 / 2.0.squareRoot()) < 1e-15)
    // H₄·(1, 2, 3, 4) = (10, −2, −4, 0), and √4 is exact.
    #expect(transformed([1, 2, 3, 4] as [Float]) == [5, -1, -2, 0])
    #expect(transformed([1, 2, 3, 4] as [Double]) == [5, -1, -2, 0])
  }

  @Test("The transform is H[i][j] = (−1)^popcount(i AND j) over √n", arguments: [8, 16, 32, 64, 256, 1024])
  func definition(count: Int) {
    let x = (0..<count).map { Double(($0 * 37 + 11) % 101 - 50) }
    let expected = (0..<count).map { i in
      x.indices.reduce(0.0) { $0 + ((i & $1).nonzeroBitCount.isMultiple(of: 2) ? x[$1] : -x[$1]) }
        / Double(count).squareRoot()
    }
    for (found, expected) in zip(transformed(x), expected) { #expect(abs(found - expected) < 1e-9) }
    for (found, expected) in zip(transformed(x.map(Float.init)), expected) {
      #expect(abs(Double(found) - expected) < 1e-3)
    }
  }

  @Test(
    "The arithmetic runs stride by stride, bit for bit",
    arguments: [2, 4, 8, 16, 32, 64, 128, 512, 4096, 1 << 15])
  func order(count: Int) {
    var generator = SplitMix64(state: UInt64(count))
    let x = (0..<count).map { _ in Float(generator.unit() * 2 - 1) }
    var expected = x
    var h = 1
    while h < count {
      for base in stride(from: 0, to: count, by: 2 * h) {
        for i in base..<base + h {
          (expected[i], expected[i + h]) = (expected[i] + expected[i + h], expected[i] - expected[i + h])
        }
      }
      h *= 2
    }
    let scale = Float(1 / Double(count).squareRoot())
    #expect(transformed(x).map(\.bitPattern) == expected.map { ($0 * scale).bitPattern })
  }

  @Test("The transform is its own inverse and touches no other block")
  func inverse() {
    var generator = SplitMix64(state: 7)
    let x = (0..<96).map { _ in generator.unit() }
    var y = x
    var span = y.mutableSpan
    Hadamard.transform(&span, start: 32, count: 64)
    #expect(Array(span.withUnsafeBufferPointer { Array($0) }[..<32]) == Array(x[..<32]))
    Hadamard.transform(&span, start: 32, count: 64)
    for (found, expected) in zip(y, x) { #expect(abs(found - expected) < 1e-14) }
  }

  private func transformed(_ x: [Float]) -> [Float] {
    var y = x
    var span = y.mutableSpan
    Hadamard.transform(&span, start: 0, count: x.count)
    return y
  }

  private func transformed(_ x: [Double]) -> [Double] {
    var y = x
    var span = y.mutableSpan
    Hadamard.transform(&span, start: 0, count: x.count)
    return y
  }
}
