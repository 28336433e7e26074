import Kernels
import Testing

@Suite("Normalisation")
struct NormTests {
  static let shapes = [(1, 1), (2, 2), (3, 5), (1, 7), (4, 8), (2, 9), (3, 16), (2, 33), (5, 40), (2, 67)]
  static let epsilon = 1e-5

  struct Layer {
    let rows: Int, columns: Int
    let x: [Float], gain: [Float], bias: [Float], dy: [Float]
    init(_ rows: Int, _ columns: Int) {
      var numbers = TestNumbers(UInt64(rows * 1000 + columns))
      (self.rows, self.columns) = (rows, columns)
      x = numbers.floats(rows * columns, 2)
      gain = numbers.floats(columns, 2)
      bias = numbers.floats(columns)
      dy = numbers.floats(rows * columns)
    }

    func output(_ x: [Double], _ gain: [Double], _ bias: [Double]?) -> [Double] {
      (0..<rows).flatMap { i in
        let row = x[i * columns..<(i + 1) * columns]
        let mean = bias == nil ? 0 : row.reduce(0, +) / Double(columns)
        let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
        let r = 1 / (variance + NormTests.epsilon).squareRoot()
        return row.enumerated().map { ($1 - mean) * r * gain[$0] + (bias?[$0] ?? 0) }
      }
    }

    func objective(_ x: [Double], _ gain: [Double], _ bias: [Double]?) -> Double {
      zip(output(x, gain, bias), dy).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
  }

  @Test("LayerNorm equals its formula, and its gradients finite differences", arguments: KernelLevel.available)
  func layerNorm(level: KernelLevel) {
    let kernels = KernelTable.at(level: level)
    for (rows, columns) in Self.shapes {
      let layer = Layer(rows, columns)
      let (x, gain, bias) = (layer.x.doubles, layer.gain.doubles, layer.bias.doubles)
      var y = [Float](repeating: .nan, count: layer.x.count)
      var mean = [Float](repeating: .nan, count: rows)
      var r = mean
      var dx = y
      var dGain = [Float](repeating: 1, count: columns)
      var dBias = [Float](repeating: 2, count: columns)
      var ySpan = y.mutableSpan
      var meanSpan = mean.mutableSpan
      var rSpan = r.mutableSpan
      LayerNorm.forward(
        &ySpan, mean: &meanSpan, r: &rSpan, x: layer.x.span, gain: layer.gain.span, bias: layer.bias.span,
        epsilon: Float(Self.epsilon), on: kernels)
      #expect(worstError(y, layer.output(x, gain, bias)) < 2e-6, "\(rows)x\(columns)")

      var dxSpan = dx.mutableSpan
      LayerNorm.backward(
        dx: &dxSpan, x: layer.x.span, gain: layer.gain.span, mean: mean.span, r: r.span, dy: layer.dy.span, on: kernels)
      // Two columns make y a step function of x, with slopes around √ε.
      let dxExpected = finiteDifferences(x) { layer.objective($0, gain, bias) }
      #expect(worstError(dx, dxExpected) < 3e-5, "\(rows)x\(columns)")
      var dGainSpan = dGain.mutableSpan
      var dBiasSpan = dBias.mutableSpan
      LayerNorm.backward(
        dGain: &dGainSpan, dBias: &dBiasSpan, x: layer.x.span, mean: mean.span, r: r.span, dy: layer.dy.span,
        on: kernels)
      #expect(worstError(dGain, finiteDifferences(gain) { layer.objective(x, $0, bias) }.map { $0 + 1 }) < 2e-6)
      #expect(worstError(dBias, finiteDifferences(bias) { layer.objective(x, gain, $0) }.map { $0 + 2 }) < 2e-6)

      var added = [Float](repeating: 3, count: layer.x.count)
      var addedSpan = added.mutableSpan
      LayerNorm.backward(
        dx: &addedSpan, x: layer.x.span, gain: layer.gain.span, mean: mean.span, r: r.span, dy: layer.dy.span,
        accumulate: true, on: kernels)
      #expect(worstError(added, dx.map { Double($0) + 3 }) < 1e-6)
    }
  }

  @Test("RMSNorm equals its formula, and its gradients finite differences", arguments: KernelLevel.available)
  func rmsNorm(level: KernelLevel) {
    let kernels = KernelTable.at(level: level)
    for (rows, columns) in Self.shapes {
      let layer = Layer(rows, columns)
      let (x, gain) = (layer.x.doubles, layer.gain.doubles)
      var y = [Float](repeating: .nan, count: layer.x.count)
      var r = [Float](repeating: .nan, count: rows)
      var dx = y
      var dGain = [Float](repeating: 1, count: columns)
      var ySpan = y.mutableSpan
      var rSpan = r.mutableSpan
      RMSNorm.forward(
        &ySpan, r: &rSpan, x: layer.x.span, gain: layer.gain.span, epsilon: Float(Self.epsilon), on: kernels)
      #expect(worstError(y, layer.output(x, gain, nil)) < 2e-6, "\(rows)x\(columns)")
      var dxSpan = dx.mutableSpan
      RMSNorm.backward(
        dx: &dxSpan, x: layer.x.span, gain: layer.gain.span, r: r.span, dy: layer.dy.span, on: kernels)
      #expect(worstError(dx, finiteDifferences(x) { layer.objective($0, gain, nil) }) < 5e-6, "\(rows)x\(columns)")
      var dGainSpan = dGain.mutableSpan
      RMSNorm.backward(dGain: &dGainSpan, x: layer.x.span, r: r.span, dy: layer.dy.span, on: kernels)
      #expect(worstError(dGain, finiteDifferences(gain) { layer.objective(x, $0, nil) }.map { $0 + 1 }) < 2e-6)

      var added = [Float](repeating: 3, count: layer.x.count)
      var addedSpan = added.mutableSpan
      RMSNorm.backward(
        dx: &addedSpan, x: layer.x.span, gain: layer.gain.span, r: r.span, dy: layer.dy.span, accumulate: true,
        on: kernels)
      #expect(worstError(added, dx.map { Double($0) + 3 }) < 1e-6)
    }
  }
}
