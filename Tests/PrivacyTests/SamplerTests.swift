import Foundation
import Testing

@testable import Privacy

@Suite("Samplers")
struct SamplerTests {
  @Test("Integers from a normal deviation have its probabilities: χ² over all cells, mean and variance")
  func gaussianIntegers() {
    let (deviation, draws) = (3.7, 400_000)
    var noise = GaussianNoise(SeededRandomness(7))
    // P(k) = Φ((k + 1/2) / σ) − Φ((k − 1/2) / σ), the ends taken together.
    let end = 13
    var counts = [Int](repeating: 0, count: 2 * end + 1)
    var (sum, squares) = (0.0, 0.0)
    for _ in 0..<draws {
      let k = noise.integer(deviation: deviation)
      counts[min(max(Int(k), -end), end) + end] += 1
      sum += k
      squares += k * k
    }
    var chi = 0.0
    for (i, count) in counts.enumerated() {
      let k = Double(i - end)
      let p = normalMass(
        i == 0 ? -.infinity : (k - 0.5) / deviation, i == 2 * end ? .infinity : (k + 0.5) / deviation)
      chi += pow(Double(count) - p * Double(draws), 2) / (p * Double(draws))
    }
    // 26 degrees of freedom: 54.05 is exceeded with probability 0.001.
    #expect(chi < 54.05)
    // Rounding adds 1/12; four standard errors.
    let variance = deviation * deviation + 1.0 / 12
    #expect(abs(sum / Double(draws)) < 4 * (variance / Double(draws)).squareRoot())
    #expect(abs(squares / Double(draws) - variance) < 4 * variance * (2 / Double(draws)).squareRoot())
  }

  @Test("Noised values are whole steps of the grid around the values that were there")
  func grid() {
    var noise = GaussianNoise(SeededRandomness(3))
    let grid = 0x1p-10
    var values: [Float] = (0..<1000).map { Float($0) * 0.001 }
    values.withUnsafeMutableBufferPointer { noise.add(to: $0, deviation: 0, grid: grid) }
    for (i, value) in values.enumerated() {
      #expect(abs(Double(value) - Double(Float(i) * 0.001)) <= grid / 2)
      #expect((Double(value) / grid).truncatingRemainder(dividingBy: 1) == 0)
    }
    values.withUnsafeMutableBufferPointer { noise.add(to: $0, deviation: 0.5, grid: grid) }
    #expect(values.allSatisfy { (Double($0) / grid).truncatingRemainder(dividingBy: 1) == 0 })
  }

  @Test("A rate of q takes each row with probability q, and 1 takes all")
  func poisson() {
    var sampling = PoissonSampling(rate: 0.05, SeededRandomness(11))
    var (rows, total, hits) = ([Int](), 0, [Int](repeating: 0, count: 400))
    for _ in 0..<500 {
      sampling.draw(&rows, of: 400)
      #expect(rows == rows.sorted() && Set(rows).count == rows.count)
      total += rows.count
      for row in rows { hits[row] += 1 }
    }
    // 200,000 trials of probability 0.05: four standard errors of 97.5.
    #expect(abs(total - 10_000) < 390)
    // 500 trials a row: mean 25, standard error 4.9; no row beyond six.
    #expect(hits.allSatisfy { abs($0 - 25) < 30 })
    var all = PoissonSampling(rate: 1, SeededRandomness(12))
    all.draw(&rows, of: 7)
    #expect(rows == Array(0..<7))
  }

  @Test("A small uniform number keeps 53 digits: it goes on in a second word")
  func unit() {
    final class Words: SecretRandomness {
      let words: [UInt64]
      init(_ words: [UInt64]) { self.words = words }
      func read(into bytes: UnsafeMutableRawBufferPointer) {
        for (i, start) in stride(from: 0, to: bytes.count, by: 8).enumerated() {
          bytes.storeBytes(of: words[i % words.count].littleEndian, toByteOffset: start, as: UInt64.self)
        }
      }
    }
    var words = RandomWords(Words([1 << 63, 3, 1 << 62]))
    #expect(words.unit() == 0.5)
    // (3 + 2^62 / 2^64) / 2^64
    #expect(words.unit() == 3.25 * 0x1p-64)
  }
}
