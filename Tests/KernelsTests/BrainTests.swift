import Testing

@testable import Kernels

#if arch(x86_64)
  import KernelsV5Lowered
#endif

@Suite("Weights in bf16")
struct BrainTests {
  /// Every available level, and on x86 the baseline with the products of level 5 written out for any CPU.
  static let tables: [KernelTable] = {
    var tables = KernelLevel.available.map { KernelTable.at(level: $0) }
    #if arch(x86_64)
      var lowered = KernelTable.baseline
      lowered.brain = BrainKernels(
        columns: KernelsV5Lowered.brainColumns, pairs: KernelsV5Lowered.brainPairs, pack: KernelsV5Lowered.packBrain,
        gemm: KernelsV5Lowered.gemmBrain, scratch: KernelsV5Lowered.brainScratch)
      tables.append(lowered)
    #endif
    return tables
  }()

  @Test("A number becomes the nearest that bf16 has, ties to even")
  func rounding() {
    #expect(Float(1).roundedToBrain == 1)
    #expect(Float(1 + 0x1p-8).roundedToBrain == 1)
    #expect(Float(1 + 3 * 0x1p-8).roundedToBrain == 1 + 0x1p-6)
    #expect(Float(-1 - 0x1p-8 - 0x1p-20).roundedToBrain == -1 - 0x1p-7)
    #expect(Float.infinity.roundedToBrain == .infinity && Float.nan.roundedToBrain.isNaN)
  }

  @Test("Products are those of the rounded weights, and at level 5 of rounded activations")
  func product() {
    var workspace = Workspace()
    for table in Self.tables {
      for (rows, outputs, inputs) in [
        (1, 1, 1), (3, 5, 7), (2, 32, 32), (15, 33, 31), (14, 64, 65), (31, 100, 200), (5, 40, 1600), (230, 35, 20),
      ] {
        var numbers = TestNumbers(UInt64(rows + outputs + inputs))
        let weight = numbers.floats(outputs * inputs)
        let packed = PackedMatrix(
          weight.span, outputs: outputs, inputs: inputs, directions: .forward, precision: .bf16, on: table)
        for direction in PackedMatrix.Direction.allCases {
          let (n, k) = direction == .forward ? (outputs, inputs) : (inputs, outputs)
          let a = numbers.floats(rows * k)
          let bias = numbers.floats(n)
          let expected = MatmulTests.reference(
            direction == .forward ? .nt : .nn, table.brain == nil ? a : a.map(\.roundedToBrain),
            weight.map(\.roundedToBrain), rows, n, k)
          var c = [Float](repeating: .nan, count: rows * n)
          var span = c.mutableSpan
          Matmul.multiply(
            &span, a.span, by: packed, direction, rows: rows, bias: bias.span, workspace: &workspace)
          #expect(
            worstError(c, expected.enumerated().map { $1 + Double(bias[$0 % n]) }) < 2e-5,
            "\(table.level), \(direction), \(rows)x\(outputs)x\(inputs)")
          span = c.mutableSpan
          Matmul.multiply(
            &span, a.span, by: packed, direction, rows: rows, accumulate: true, workspace: &workspace)
          #expect(
            worstError(c, expected.enumerated().map { 2 * $1 + Double(bias[$0 % n]) }) < 4e-5,
            "\(table.level), \(direction), \(rows)x\(outputs)x\(inputs), added")
        }
      }
    }
  }

  @Test("A packed matrix gives its rows back, rounded if it is in bf16", arguments: PackedMatrix.Precision.allCases)
  func rows(precision: PackedMatrix.Precision) {
    for table in Self.tables {
      for (outputs, inputs) in [(1, 1), (5, 7), (32, 32), (70, 33), (33, 70)] {
        var numbers = TestNumbers(UInt64(outputs + inputs))
        let weight = numbers.floats(outputs * inputs)
        let ids: [Int32] = [0, Int32(outputs - 1), 0, Int32(outputs / 2)]
        let expected = ids.flatMap { weight[Int($0) * inputs..<(Int($0) + 1) * inputs] }
        for directions: PackedMatrix.Directions in [.forward, .backward, .both] {
          let packed = PackedMatrix(
            weight.span, outputs: outputs, inputs: inputs, directions: directions, precision: precision, on: table)
          var y = [Float](repeating: .nan, count: ids.count * inputs)
          var span = y.mutableSpan
          Embedding.gather(&span, table: packed, ids: ids.span)
          #expect(y == (precision == .bf16 ? expected.map(\.roundedToBrain) : expected))
        }
      }
    }
  }

  @Test("One thread and three give the same bytes")
  func threads() {
    for table in Self.tables {
      var numbers = TestNumbers(12)
      let (rows, outputs, inputs) = (40, 700, 333)
      let packed = PackedMatrix(
        numbers.floats(outputs * inputs).span, outputs: outputs, inputs: inputs, precision: .bf16, on: table)
      let x = numbers.floats(rows * inputs)
      func product(_ threads: ThreadPool) -> [Float] {
        var workspace = Workspace()
        var y = [Float](repeating: .nan, count: rows * outputs)
        var span = y.mutableSpan
        Matmul.multiply(&span, x.span, by: packed, .forward, rows: rows, workspace: &workspace, threads: threads)
        return y
      }
      #expect(product(ThreadPool(count: 1)) == product(ThreadPool(count: 3)))
    }
  }

  @Test("At level 5 both directions together take 4 bytes a weight")
  func byteCount() throws {
    let weight = [Float](repeating: 1, count: 64 * 96)
    for table in Self.tables where table.brain != nil {
      let packed = PackedMatrix(weight.span, outputs: 64, inputs: 96, precision: .bf16, on: table)
      #expect(packed.byteCount == 64 * 96 * 4)
    }
  }
}
