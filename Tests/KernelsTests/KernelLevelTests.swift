import Testing

@testable import Kernels

@Suite("Kernel levels")
struct KernelLevelTests {
  @Test("Every CPU has the baseline, and each available level has its table")
  func available() {
    #expect(KernelLevel.available.first == .baseline)
    #expect(KernelLevel.available.last == .highest)
    for level in KernelLevel.available { #expect(KernelTable.at(level: level).level == level) }
    #expect(KernelTable.best.level <= .highest)
  }

  @Test("An override names a level by its number, short or full name")
  func override() {
    for word in ["3", "v3", "x86-64-v3"] { #expect(KernelLevel(override: word) == .v3) }
    for word in ["4", "v4"] { #expect(KernelLevel(override: word) == .v4) }
    for word in ["5", "v5"] { #expect(KernelLevel(override: word) == .v5) }
    for word in ["0", "baseline"] { #expect(KernelLevel(override: word) == .baseline) }
    for word in ["", "avx2", "6", "V3"] { #expect(KernelLevel(override: word) == nil) }
  }

  @Test("The same inputs give the same bytes", arguments: KernelLevel.available)
  func deterministic(level: KernelLevel) {
    var numbers = TestNumbers(9)
    let a = numbers.floats(67 * 93)
    let b = numbers.floats(93 * 131)
    func product() -> [Float] {
      var workspace = Workspace()
      var c = [Float](repeating: 0, count: 67 * 131)
      var span = c.mutableSpan
      Matmul.multiply(&span, .nn, a.span, b.span, m: 67, n: 131, k: 93, workspace: &workspace, on: .at(level: level))
      return c
    }
    #expect(product().map(\.bitPattern) == product().map(\.bitPattern))
  }
}
