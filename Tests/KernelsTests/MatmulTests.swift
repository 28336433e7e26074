import Testing

@testable import Kernels

@Suite("Matrix product")
struct MatmulTests {
  /// op(A) · op(B) in double precision by the definition.
  static func reference(_ form: Matmul.Form, _ a: [Float], _ b: [Float], _ m: Int, _ n: Int, _ k: Int) -> [Double] {
    var c = [Double](repeating: 0, count: m * n)
    for i in 0..<m {
      for j in 0..<n {
        for p in 0..<k {
          let x = form == .tn ? a[p * m + i] : a[i * k + p]
          let y = form == .nt ? b[j * k + p] : b[p * n + j]
          c[i * n + j] += Double(x) * Double(y)
        }
      }
    }
    return c
  }

  /// Every tile height, widths around one and two vectors of each level, the skinny and flipped products, more than one
  /// block of depth, rows and columns.
  static let shapes: [(Int, Int, Int)] = {
    var shapes = [(1, 1, 1), (1, 1, 50), (5, 5, 5), (8, 8, 8), (9, 8, 3), (40, 1, 7), (1, 40, 7), (23, 3, 11)]
    for m in 1...15 { shapes.append((m, 37, 6)) }
    for n in [2, 4, 7, 9, 12, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 70] { shapes.append((19, n, 13)) }
    for k in [2, 3, 4, 5, 31, 32, 33, 384, 385, 800] { shapes.append((17, 20, k)) }
    for m in [27, 28, 29, 57, 225, 250] { shapes.append((m, 18, 9)) }
    shapes += [(30, 2055, 5), (3, 2055, 40), (67, 131, 93), (230, 40, 390)]
    return shapes
  }()

  @Test("Each form equals the sum of products, for every ragged shape", arguments: KernelLevel.available)
  func product(level: KernelLevel) {
    let kernels = KernelTable.at(level: level)
    var numbers = TestNumbers(1)
    var workspace = Workspace()
    for (m, n, k) in Self.shapes {
      for form in Matmul.Form.allCases {
        let a = numbers.floats(m * k)
        let b = numbers.floats(k * n)
        let expected = Self.reference(form, a, b, m, n, k)
        var c = [Float](repeating: .nan, count: m * n)
        var span = c.mutableSpan
        Matmul.multiply(&span, form, a.span, b.span, m: m, n: n, k: k, workspace: &workspace, on: kernels)
        #expect(worstError(c, expected) < 2e-5, "\(form) \(m)x\(n)x\(k)")
      }
    }
  }

  @Test("Accumulating adds the product to what was there", arguments: KernelLevel.available)
  func accumulates(level: KernelLevel) {
    let kernels = KernelTable.at(level: level)
    var numbers = TestNumbers(2)
    var workspace = Workspace()
    for (m, n, k) in [(1, 1, 1), (29, 70, 37), (20, 5, 400), (40, 8, 25), (15, 64, 8), (13, 17, 900)] {
      for form in Matmul.Form.allCases {
        let a = numbers.floats(m * k)
        let b = numbers.floats(k * n)
        var c = numbers.floats(m * n)
        let expected = zip(c, Self.reference(form, a, b, m, n, k)).map { Double($0) + $1 }
        var span = c.mutableSpan
        Matmul.multiply(
          &span, form, a.span, b.span, m: m, n: n, k: k, accumulate: true, workspace: &workspace, on: kernels)
        #expect(worstError(c, expected) < 2e-5, "\(form) \(m)x\(n)x\(k)")
      }
    }
  }

  @Test("A product over nothing is zero, or leaves what was there", arguments: KernelLevel.available)
  func emptyDepth(level: KernelLevel) {
    let kernels = KernelTable.at(level: level)
    var workspace = Workspace()
    for form in Matmul.Form.allCases {
      var c: [Float] = [1, 2, 3, 4, 5, 6]
      var span = c.mutableSpan
      let none: [Float] = []
      Matmul.multiply(
        &span, form, none.span, none.span, m: 2, n: 3, k: 0, accumulate: true, workspace: &workspace, on: kernels)
      #expect(c == [1, 2, 3, 4, 5, 6])
      span = c.mutableSpan
      Matmul.multiply(&span, form, none.span, none.span, m: 2, n: 3, k: 0, workspace: &workspace, on: kernels)
      #expect(c == [0, 0, 0, 0, 0, 0])
    }
  }

  @Test("Nothing is read or written outside the matrices and the declared scratch", arguments: KernelLevel.available)
  func staysInside(level: KernelLevel) {
    let kernels = KernelTable.at(level: level)
    var numbers = TestNumbers(3)
    for (m, n, k) in Self.shapes {
      for form in Matmul.Form.allCases {
        let transA = form == .tn
        let transB = form == .nt
        let a = GuardedFloats(numbers.floats(m * k))
        let b = GuardedFloats(numbers.floats(k * n))
        let c = GuardedFloats([Float](repeating: 0, count: m * n))
        let scratch = GuardedFloats([Float](repeating: .nan, count: kernels.gemmScratch(transA, transB, m, n, k)))
        kernels.gemm(
          transA, transB, m, n, k, a.floats.baseAddress!, transA ? m : k, b.floats.baseAddress!, transB ? k : n,
          c.floats.baseAddress!, n, false, scratch.floats.baseAddress!)
        #expect(!c.values.contains { $0.isNaN }, "\(form) \(m)x\(n)x\(k)")
      }
    }
  }

  @Test("Matrices may be columns of wider ones, whose other columns stay as they are", arguments: KernelLevel.available)
  func strides(level: KernelLevel) {
    var numbers = TestNumbers(4)
    var workspace = Workspace()
    for (m, n, k) in [(1, 1, 1), (9, 20, 13), (30, 5, 40), (12, 40, 6)] {
      for form in Matmul.Form.allCases {
        let (aRows, aColumns) = form == .tn ? (k, m) : (m, k)
        let (bRows, bColumns) = form == .nt ? (n, k) : (k, n)
        let a = numbers.floats((aRows - 1) * (aColumns + 3) + aColumns)
        let b = numbers.floats((bRows - 1) * (bColumns + 2) + bColumns)
        let dense = (
          (0..<aRows).flatMap { a[$0 * (aColumns + 3)..<$0 * (aColumns + 3) + aColumns] },
          (0..<bRows).flatMap { b[$0 * (bColumns + 2)..<$0 * (bColumns + 2) + bColumns] }
        )
        let expected = Self.reference(form, dense.0, dense.1, m, n, k)
        var c = [Float](repeating: 7, count: (m - 1) * (n + 5) + n)
        var span = c.mutableSpan
        Matmul.multiply(
          &span, ldc: n + 5, form, a.span, lda: aColumns + 3, b.span, ldb: bColumns + 2, m: m, n: n, k: k,
          workspace: &workspace, on: .at(level: level))
        for i in 0..<m {
          let row = Array(c[i * (n + 5)..<i * (n + 5) + n])
          #expect(worstError(row, Array(expected[i * n..<(i + 1) * n])) < 1e-5, "\(form) \(m)x\(n)x\(k)")
          #expect(c[i * (n + 5) + n..<min((i + 1) * (n + 5), c.count)].allSatisfy { $0 == 7 })
        }
      }
    }
  }

  @Test("A workspace grows once and then stays where it is")
  func workspace() {
    var workspace = Workspace()
    let first = workspace.reserve(1000).baseAddress
    #expect(UInt(bitPattern: first) % 64 == 0)
    #expect(workspace.reserve(10).baseAddress == first)
    #expect(workspace.reserve(1000).count == 1000)
    #expect(workspace.reserve(1000).baseAddress == first)
  }
}
