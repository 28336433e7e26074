import Testing

@testable import Updates

@Suite("Update grid")
struct UpdateGridTests {
  private func last(norm: Double = 1, total: UInt64 = 4000, survivors: Int = 4, maximum: UInt32 = 1000)
    -> UpdateGrid.LastRound
  {
    UpdateGrid.LastRound(meanNorm: norm, totalWeight: total, survivors: survivors, maximumWeight: maximum)
  }

  private func grid(
    _ n: Int, dimension: Int = 100_000, clipNorm: Double = 1e6, target: Double = 1e-3, last: UpdateGrid.LastRound?
  ) -> UpdateGrid {
    UpdateGrid(participants: n, dimension: dimension, clipNorm: clipNorm, targetError: target, last: last)
  }

  @Test(
    "At full weights and a target of 10⁻³, 9 bits serve up to 5 participants, 10 up to 23, 11 up to 95, and so on",
    arguments: [
      (1, 8), (2, 9), (5, 9), (6, 10), (23, 10), (24, 11), (95, 11), (96, 12), (381, 12), (382, 13), (1525, 13),
      (1526, 14), (6100, 14), (6101, 15),
    ])
  func bits(participants: Int, bits: Int) {
    #expect(grid(participants, last: last()).bits == bits)
  }

  @Test("Half the greatest possible weight costs one bit, a hundredth of the error more")
  func weights() {
    // 4^B · u² · target ≥ 44·n with n = 5: 4^9 = 262,144 is enough at u = 1; u = ½ asks four times as much.
    #expect(grid(5, last: last(total: 2000)).bits == 10)
    // 10⁻⁵ at n = 5: 220/10⁻⁵ = 2.2·10⁷ > 4^12 = 1.7·10⁷
    #expect(grid(5, target: 1e-5, last: last()).bits == 13)
    #expect(grid(5, clipNorm: 10, target: 1e-300, last: last()).bits == 32)
  }

  @Test("The grid spans 8.125 deviations of the sum that the last norm predicts, and never more than n·C")
  func range() {
    let sigma = 5 * 2.0 / 100_096.0.squareRoot()
    let predicted = grid(5, last: last(norm: 2))
    #expect(abs(predicted.range - 8.125 * sigma) < 1e-15)
    #expect(abs(predicted.step - 2 * 8.125 * sigma / 512) < 1e-17)
    #expect(predicted.monitored)
    #expect(grid(5, clipNorm: 0.01, last: last(norm: 2)).range == 0.05)
  }

  @Test("Without a usable last norm, and for small vectors, 24 bits span n·C and nothing is watched")
  func first() {
    let lasts = [
      nil, last(norm: 0), last(norm: .nan), last(norm: .infinity), last(norm: -1), last(norm: 1e-300), last(total: 0),
      last(survivors: 0), last(maximum: 0),
    ]
    for last in lasts {
      let grid = grid(5, clipNorm: 3, last: last)
      #expect(grid.bits == 24 && !grid.monitored && grid.range == 15)
      #expect(grid.step == 15.0 / 8_355_840.0)  // 2²³ − 2¹⁵
    }
    #expect(!grid(5, dimension: 65_536, last: last()).monitored)
    #expect(grid(5, dimension: 65_537, last: last()).monitored)
  }
}
