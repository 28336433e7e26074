import Kernels
import Testing

@Suite("Dense layer")
struct LinearTests {
  struct Layer {
    let rows: Int, inputs: Int, outputs: Int
    let x: [Float], weight: [Float], bias: [Float], dy: [Float]

    init(_ rows: Int, _ inputs: Int, _ outputs: Int) {
      var numbers = TestNumbers(UInt64(rows * 10_000 + inputs * 100 + outputs))
      (self.rows, self.inputs, self.outputs) = (rows, inputs, outputs)
      x = numbers.floats(rows * inputs)
      weight = numbers.floats(outputs * inputs)
      bias = numbers.floats(outputs)
      dy = numbers.floats(rows * outputs)
    }

    func output(_ x: [Double], _ weight: [Double], _ bias: [Double]) -> [Double] {
      (0..<rows * outputs).map { at in
        let (i, o) = (at / outputs, at % outputs)
        return (0..<inputs).reduce(bias[o]) { $0 + x[i * inputs + $1] * weight[o * inputs + $1] }
      }
    }

    /// Σ dy · y, whose gradient is what backward computes.
    func objective(_ x: [Double], _ weight: [Double], _ bias: [Double]) -> Double {
      zip(output(x, weight, bias), dy).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
  }

  static let layers = [
    Layer(1, 1, 1), Layer(7, 5, 3), Layer(5, 9, 1), Layer(3, 2, 17), Layer(6, 33, 4), Layer(2, 3, 35), Layer(33, 4, 2),
  ]

  @Test("Forward is W · x + b for every row", arguments: KernelLevel.available)
  func forward(level: KernelLevel) {
    var workspace = Workspace()
    for layer in Self.layers {
      var y = [Float](repeating: .nan, count: layer.rows * layer.outputs)
      var span = y.mutableSpan
      Linear.forward(
        &span, x: layer.x.span, weight: layer.weight.span, bias: layer.bias.span, rows: layer.rows,
        workspace: &workspace, on: .at(level: level))
      #expect(worstError(y, layer.output(layer.x.doubles, layer.weight.doubles, layer.bias.doubles)) < 1e-6)
    }
  }

  @Test("Backward equals finite differences in x, W and b", arguments: KernelLevel.available)
  func backward(level: KernelLevel) {
    var workspace = Workspace()
    let kernels = KernelTable.at(level: level)
    for layer in Self.layers {
      let (x, w, b) = (layer.x.doubles, layer.weight.doubles, layer.bias.doubles)
      var dx = [Float](repeating: .nan, count: layer.x.count)
      var dw = [Float](repeating: .nan, count: layer.weight.count)
      var db = [Float](repeating: .nan, count: layer.bias.count)
      var dxSpan = dx.mutableSpan
      var dwSpan = dw.mutableSpan
      var dbSpan = db.mutableSpan
      Linear.backward(
        dx: &dxSpan, weight: layer.weight.span, dy: layer.dy.span, rows: layer.rows, workspace: &workspace, on: kernels)
      Linear.backward(
        dWeight: &dwSpan, dBias: &dbSpan, x: layer.x.span, dy: layer.dy.span, rows: layer.rows,
        workspace: &workspace, on: kernels)
      #expect(worstError(dx, finiteDifferences(x) { layer.objective($0, w, b) }) < 1e-6)
      #expect(worstError(dw, finiteDifferences(w) { layer.objective(x, $0, b) }) < 1e-6)
      #expect(worstError(db, finiteDifferences(b) { layer.objective(x, w, $0) }) < 1e-6)
    }
  }

  @Test("Gradients that accumulate over two halves equal the gradient of the whole", arguments: KernelLevel.available)
  func pieces(level: KernelLevel) {
    var workspace = Workspace()
    let kernels = KernelTable.at(level: level)
    let layer = Layer(12, 7, 19)
    func gradient(_ pieces: [Range<Int>]) -> (weight: [Float], bias: [Float]) {
      var dw = [Float](repeating: .nan, count: layer.weight.count)
      var db = [Float](repeating: .nan, count: layer.bias.count)
      for (index, piece) in pieces.enumerated() {
        let x = Array(layer.x[piece.lowerBound * 7..<piece.upperBound * 7])
        let dy = Array(layer.dy[piece.lowerBound * 19..<piece.upperBound * 19])
        var dwSpan = dw.mutableSpan
        var dbSpan = db.mutableSpan
        Linear.backward(
          dWeight: &dwSpan, dBias: &dbSpan, x: x.span, dy: dy.span, rows: piece.count, accumulate: index > 0,
          workspace: &workspace, on: kernels)
      }
      return (dw, db)
    }
    let whole = gradient([0..<12])
    let halves = gradient([0..<5, 5..<12])
    #expect(worstError(halves.weight, whole.weight.doubles) < 1e-6)
    #expect(worstError(halves.bias, whole.bias.doubles) < 1e-6)
  }
}
