import Testing

@testable import Kernels

@Suite("Packed weights")
struct PackedMatrixTests {
  static let shapes = [
    (1, 1, 1), (3, 5, 7), (2, 16, 16), (5, 17, 33), (31, 40, 24), (4, 70, 390), (13, 390, 70), (230, 33, 45),
    (67, 131, 93), (2, 2055, 5), (2, 5, 2055),
  ]

  @Test(
    "A product by a packed weight equals the sum of products, whichever direction was packed",
    arguments: KernelLevel.available)
  func product(level: KernelLevel) {
    let kernels = KernelTable.at(level: level)
    var workspace = Workspace()
    for (rows, outputs, inputs) in Self.shapes {
      var numbers = TestNumbers(UInt64(rows + outputs + inputs))
      let weight = numbers.floats(outputs * inputs)
      let biases = (forward: numbers.floats(outputs), backward: numbers.floats(inputs))
      for directions: PackedMatrix.Directions in [.forward, .backward, .both] {
        let packed = PackedMatrix(
          weight.span, outputs: outputs, inputs: inputs, directions: directions, on: kernels)
        for direction in Direction.allCases {
          let (n, k) = direction == .forward ? (outputs, inputs) : (inputs, outputs)
          let a = numbers.floats(rows * k)
          let product = MatmulTests.reference(direction == .forward ? .nt : .nn, a, weight, rows, n, k)
          var c = numbers.floats(rows * n)
          let before = c
          var span = c.mutableSpan
          Matmul.multiply(&span, a.span, by: packed, direction, rows: rows, accumulate: true, workspace: &workspace)
          #expect(
            worstError(c, zip(before, product).map { Double($0) + $1 }) < 2e-5,
            "\(direction) of \(directions.rawValue), \(rows)x\(outputs)x\(inputs), added")
          c = [Float](repeating: .nan, count: rows * n)
          span = c.mutableSpan
          let b = direction == .forward ? biases.forward : biases.backward
          Matmul.multiply(
            &span, a.span, by: packed, direction, rows: rows, bias: b.span, workspace: &workspace)
          #expect(
            worstError(c, product.enumerated().map { $1 + Double(b[$0 % n]) }) < 2e-5,
            "\(direction) of \(directions.rawValue), \(rows)x\(outputs)x\(inputs), with a bias")
        }
      }
    }
  }
  typealias Direction = PackedMatrix.Direction

  @Test("Rows may be part of wider ones, whose other columns stay as they are", arguments: KernelLevel.available)
  func strides(level: KernelLevel) {
    let kernels = KernelTable.at(level: level)
    var numbers = TestNumbers(8)
    var workspace = Workspace()
    let (rows, outputs, inputs) = (9, 20, 13)
    let weight = numbers.floats(outputs * inputs)
    let a = numbers.floats((rows - 1) * 17 + inputs)
    let packed = PackedMatrix(weight.span, outputs: outputs, inputs: inputs, directions: .forward, on: kernels)
    var c = [Float](repeating: 7, count: (rows - 1) * 23 + outputs)
    var span = c.mutableSpan
    Matmul.multiply(&span, ldc: 23, a.span, lda: 17, by: packed, .forward, rows: rows, workspace: &workspace)
    let dense = (0..<rows).flatMap { a[$0 * 17..<$0 * 17 + inputs] }
    let expected = MatmulTests.reference(.nt, dense, weight, rows, outputs, inputs)
    for i in 0..<rows {
      #expect(
        worstError(Array(c[i * 23..<i * 23 + outputs]), Array(expected[i * outputs..<(i + 1) * outputs])) < 1e-5)
      #expect(c[i * 23 + outputs..<min((i + 1) * 23, c.count)].allSatisfy { $0 == 7 })
    }
  }

  @Test("One thread and three give the same bytes, packed or not", arguments: KernelLevel.available)
  func threads(level: KernelLevel) {
    let kernels = KernelTable.at(level: level)
    var numbers = TestNumbers(11)
    let (one, three) = (ThreadPool(count: 1), ThreadPool(count: 3))
    for (rows, outputs, inputs) in [(130, 331, 400), (3, 3000, 577), (600, 8, 500), (2000, 40, 31), (500, 12, 401)] {
      let weight = numbers.floats(outputs * inputs)
      let x = numbers.floats(rows * inputs)
      let dy = numbers.floats(rows * outputs)
      func results(_ threads: ThreadPool) -> [[Float]] {
        var workspace = Workspace()
        var y = [Float](repeating: .nan, count: rows * outputs)
        var dx = [Float](repeating: .nan, count: rows * inputs)
        var dw = [Float](repeating: .nan, count: outputs * inputs)
        var plain = y
        for directions: PackedMatrix.Directions in [.forward, .both] {
          let packed = PackedMatrix(
            weight.span, outputs: outputs, inputs: inputs, directions: directions, on: kernels)
          var ySpan = y.mutableSpan
          var dxSpan = dx.mutableSpan
          Matmul.multiply(
            &ySpan, x.span, by: packed, .forward, rows: rows, workspace: &workspace, threads: threads)
          Matmul.multiply(
            &dxSpan, dy.span, by: packed, .backward, rows: rows, workspace: &workspace, threads: threads)
        }
        var dwSpan = dw.mutableSpan
        var plainSpan = plain.mutableSpan
        Matmul.multiply(
          &dwSpan, .tn, dy.span, x.span, m: outputs, n: inputs, k: rows, workspace: &workspace, threads: threads,
          on: kernels)
        Matmul.multiply(
          &plainSpan, .nt, x.span, weight.span, m: rows, n: outputs, k: inputs, workspace: &workspace,
          threads: threads, on: kernels)
        return [y, dx, dw, plain]
      }
      #expect(results(one) == results(three), "\(rows)x\(outputs)x\(inputs)")
    }
  }

  @Test("One packed direction takes the weight's own size, rounded up to whole panels")
  func byteCount() {
    let kernels = KernelTable.best
    let weight = [Float](repeating: 1, count: 64 * 96)
    func bytes(_ directions: PackedMatrix.Directions) -> Int {
      PackedMatrix(weight.span, outputs: 64, inputs: 96, directions: directions, on: kernels).byteCount
    }
    #expect(bytes(.forward) == 64 * 96 * 4)
    #expect(bytes(.both) == 2 * 64 * 96 * 4)
  }
}
