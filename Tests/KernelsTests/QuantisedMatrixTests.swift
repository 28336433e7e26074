import Testing

@testable import Kernels

@Suite("Quantised weights")
struct QuantisedMatrixTests {
  /// What the product is by definition: integers of both sides, exact sums in each block, scales in double precision.
  static func reference(_ weight: QuantisedMatrix, _ x: [Float], rows: Int) -> [Double] {
    let (outputs, inputs) = (weight.outputs, weight.inputs)
    var y = [Double](repeating: 0, count: rows * outputs)
    for m in 0..<rows {
      for b in 0..<inputs / 32 {
        let block = Array(x[m * inputs + 32 * b..<m * inputs + 32 * b + 32])
        let top = block.map(abs).max()!
        let numbers = block.map { top == 0 ? 0 : Double(($0 * (127 / top)).rounded(.toNearestOrEven)) }
        for o in 0..<outputs {
          let sum = (0..<32).reduce(0.0) { $0 + Double(weight.weight(o, 32 * b + $1)) * numbers[$1] }
          y[m * outputs + o] += sum * Double(top) / 127
        }
      }
    }
    return y
  }

  @Test("The product is that of the rounded numbers, for one to five rows", arguments: KernelLevel.available)
  func product(level: KernelLevel) {
    var workspace = Workspace()
    for (outputs, inputs) in [(1, 32), (3, 64), (4, 32), (9, 96), (131, 160)] {
      for rows in 1...5 {
        var numbers = TestNumbers(UInt64(outputs + inputs + rows))
        let weight = QuantisedMatrix(
          numbers.floats(outputs * inputs).span, outputs: outputs, inputs: inputs)
        var x = numbers.floats(rows * inputs, 3)
        for i in 0..<32 { x[i] = 0 }  // a block without a scale
        var y = [Float](repeating: .nan, count: rows * outputs)
        var span = y.mutableSpan
        weight.multiply(&span, x: x.span, rows: rows, workspace: &workspace, on: .at(level: level))
        #expect(worstError(y, Self.reference(weight, x, rows: rows)) < 5e-6, "\(rows)x\(outputs)x\(inputs)")
      }
    }
  }

  @Test("A row of a batch is what it is alone, on any number of threads", arguments: KernelLevel.available)
  func batches(level: KernelLevel) {
    var numbers = TestNumbers(4)
    let weight = QuantisedMatrix(numbers.floats(1000 * 320).span, outputs: 1000, inputs: 320)
    let x = numbers.floats(4 * 320)
    func product(_ x: [Float], _ rows: Int, _ threads: ThreadPool) -> [Float] {
      var workspace = Workspace()
      var y = [Float](repeating: .nan, count: rows * 1000)
      var span = y.mutableSpan
      weight.multiply(&span, x: x.span, rows: rows, workspace: &workspace, threads: threads, on: .at(level: level))
      return y
    }
    let together = product(x, 4, ThreadPool(count: 3))
    for row in 0..<4 {
      let alone = product(Array(x[row * 320..<(row + 1) * 320]), 1, ThreadPool(count: 1))
      #expect(alone == Array(together[row * 1000..<(row + 1) * 1000]))
    }
  }

  @Test("Rounding to 8 bits loses at most half a step of each block")
  func rounding() {
    var numbers = TestNumbers(5)
    let values = numbers.floats(64 * 96, 0.1)
    let weight = QuantisedMatrix(values.span, outputs: 64, inputs: 96)
    for o in 0..<64 {
      for b in 0..<3 {
        let block = values[o * 96 + 32 * b..<o * 96 + 32 * b + 32]
        let step = block.map(abs).max()! / 127
        for (i, value) in block.enumerated() {
          // Half a step, and the scale's own rounding to half precision, 2⁻¹¹, times up to 127 steps.
          let bound: Float = step * (0.5 + 127 * 0x1p-11) * 1.001
          let error: Float = abs(weight.weight(o, 32 * b + i) - value)
          #expect(error <= bound)
        }
      }
    }
  }

  @Test("Blocks of a file are read as its format says")
  func blocks() {
    // 1.5 is 0x3e00 in half precision, -0.25 is 0xb400.
    let q8: [UInt8] = [0x00, 0x3e] + (0..<32).map { UInt8(bitPattern: Int8($0 - 16)) }
    let eight = QuantisedMatrix(q8: q8.span, outputs: 1, inputs: 32)
    #expect((0..<32).map { eight.weight(0, $0) } == (0..<32).map { 1.5 * Float($0 - 16) })
    let q4: [UInt8] = [0x00, 0xb4] + (0..<16).map { UInt8($0 | (15 - $0) << 4) }
    let four = QuantisedMatrix(q4: q4.span, outputs: 1, inputs: 32)
    #expect((0..<16).map { four.weight(0, $0) } == (0..<16).map { -0.25 * Float($0 - 8) })
    let upper: [Float] = (0..<16).map { -0.25 * Float(7 - $0) }
    #expect((16..<32).map { four.weight(0, $0) } == upper)
    #expect(eight.byteCount == 34)
  }

  @Test("Half precision: exact values, ties to even, subnormals and the largest")
  func half() {
    for (x, bits): (Float, UInt16) in [
      (0, 0), (1, 0x3c00), (1.5, 0x3e00), (65504, 0x7bff), (1e9, 0x7bff), (0x1p-24, 1), (0x1p-14, 0x0400),
      (1 + 0x1p-11, 0x3c00), (1 + 3 * 0x1p-11, 0x3c02), (0x1p-25, 0), (0x1.8p-24, 2),
    ] {
      #expect(Half.bits(x) == bits, "\(x)")
    }
    for bits: UInt16 in [0, 1, 0x03ff, 0x0400, 0x3c00, 0x7bff] { #expect(Half.bits(Half.float(bits)) == bits) }
    #expect(Half.float(0xc000) == -2)
  }
}
