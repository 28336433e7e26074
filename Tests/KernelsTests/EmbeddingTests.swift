import Kernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Embedding and rotary position")
struct EmbeddingTests {
  @Test("Gathering copies or adds rows, and scattering adds them up", arguments: KernelLevel.available)
  func embedding(level: KernelLevel) {
    for columns in [1, 3, 8, 33] {
      var numbers = TestNumbers(UInt64(columns))
      let table = numbers.floats(5 * columns)
      let ids: [Int32] = [4, 0, 4, 2]
      let before = numbers.floats(4 * columns)
      func row(_ values: [Float], _ i: Int) -> [Float] { Array(values[i * columns..<(i + 1) * columns]) }

      var y = before
      var span = y.mutableSpan
      Embedding.gather(&span, table: table.span, ids: ids.span, columns: columns, on: .at(level: level))
      #expect(y == ids.flatMap { row(table, Int($0)) })
      y = before
      span = y.mutableSpan
      Embedding.gather(
        &span, table: table.span, ids: ids.span, columns: columns, accumulate: true, on: .at(level: level))
      #expect(y == zip(before, ids.flatMap { row(table, Int($0)) }).map { $0 + $1 })

      var dTable = [Float](repeating: 1, count: 5 * columns)
      var tableSpan = dTable.mutableSpan
      Embedding.scatterAdd(
        dTable: &tableSpan, ids: ids.span, dy: before.span, columns: columns, on: .at(level: level))
      #expect(row(dTable, 4) == zip(row(before, 0), row(before, 2)).map { 1 + $0 + $1 })
      #expect(row(dTable, 2) == row(before, 3).map { 1 + $0 })
      #expect(row(dTable, 1).allSatisfy { $0 == 1 })
    }
  }

  @Test(
    "A pair turns by its position's angle, and the inverse turns it back", arguments: KernelLevel.available,
    Rotary.Pairing.allCases)
  func rotary(level: KernelLevel, pairing: Rotary.Pairing) {
    for (width, heads, pad) in [(2, 1, 0), (6, 3, 1), (16, 2, 0), (34, 1, 5), (64, 2, 0)] {
      let rotary = Rotary(width: width, positions: 600, base: 100, pairing: pairing)
      var numbers = TestNumbers(UInt64(width))
      let places: [Int32] = [0, 1, 599, 7]
      let stride = heads * width + pad
      let x = numbers.floats(places.count * stride)
      var expected = x.doubles
      for (t, place) in places.enumerated() {
        for h in 0..<heads {
          for j in 0..<width / 2 {
            let angle = Double(place) * pow(100, -2 * Double(j) / Double(width))
            let first = t * stride + h * width + (pairing == .halves ? j : 2 * j)
            let second = pairing == .halves ? first + width / 2 : first + 1
            let (a, b) = (Double(x[first]), Double(x[second]))
            expected[first] = a * cos(angle) - b * sin(angle)
            expected[second] = b * cos(angle) + a * sin(angle)
          }
        }
      }
      var y = x
      var span = y.mutableSpan
      rotary.turn(&span, heads: heads, stride: stride, at: places.span, on: .at(level: level))
      #expect(worstError(y, expected) < 3e-7)
      span = y.mutableSpan
      rotary.turn(&span, heads: heads, stride: stride, at: places.span, inverse: true, on: .at(level: level))
      #expect(worstError(y, x.doubles) < 5e-7)
    }
  }
}
