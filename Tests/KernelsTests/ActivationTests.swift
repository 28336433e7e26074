import Kernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Activations")
struct ActivationTests {
  static func gelu(_ x: Double) -> Double {
    0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
  }

  @Test("ReLU keeps what is positive, and its gradient passes there", arguments: KernelLevel.available)
  func relu(level: KernelLevel) {
    for count in raggedLengths {
      var numbers = TestNumbers(UInt64(count))
      let x = numbers.floats(count, 3)
      let dy = numbers.floats(count)
      var y = [Float](repeating: .nan, count: count)
      var dx = [Float](repeating: .nan, count: count)
      var ySpan = y.mutableSpan
      var dxSpan = dx.mutableSpan
      ReLU.forward(&ySpan, x: x.span, on: .at(level: level))
      ReLU.backward(&dxSpan, x: x.span, dy: dy.span, on: .at(level: level))
      #expect(y == x.map { max($0, 0) })
      #expect(dx == zip(x, dy).map { $0 > 0 ? $1 : 0 })
    }
  }

  @Test("ReLU's gradient at zero is zero, and NaN is not hidden", arguments: KernelLevel.available)
  func reluEdges(level: KernelLevel) {
    let x: [Float] = [0, -0.0, .nan, .infinity, -.infinity]
    var y = [Float](repeating: 7, count: 5)
    var dx = y
    let dy = [Float](repeating: 2, count: 5)
    var ySpan = y.mutableSpan
    var dxSpan = dx.mutableSpan
    ReLU.forward(&ySpan, x: x.span, on: .at(level: level))
    ReLU.backward(&dxSpan, x: x.span, dy: dy.span, on: .at(level: level))
    #expect(y[0] == 0 && y[1] == 0 && y[2].isNaN && y[3] == .infinity && y[4] == 0)
    #expect(dx[0] == 0 && dx[1] == 0 && dx[3] == 2 && dx[4] == 0)
  }

  @Test("GELU equals its formula", arguments: KernelLevel.available)
  func geluForward(level: KernelLevel) {
    for count in raggedLengths {
      var numbers = TestNumbers(UInt64(count) + 100)
      let x = numbers.floats(count, 6)
      var y = [Float](repeating: .nan, count: count)
      var span = y.mutableSpan
      GELU.forward(&span, x: x.span, on: .at(level: level))
      #expect(worstError(y, x.map { Self.gelu(Double($0)) }) < 5e-7)
    }
  }

  @Test("GELU's gradient equals finite differences", arguments: KernelLevel.available)
  func geluBackward(level: KernelLevel) {
    for count in raggedLengths {
      var numbers = TestNumbers(UInt64(count) + 200)
      let x = numbers.floats(count, 6)
      let dy = numbers.floats(count)
      var dx = [Float](repeating: .nan, count: count)
      var span = dx.mutableSpan
      GELU.backward(&span, x: x.span, dy: dy.span, on: .at(level: level))
      let expected = zip(x, dy).map { x, dy in
        finiteDifferences([Double(x)]) { Self.gelu($0[0]) }[0] * Double(dy)
      }
      #expect(worstError(dx, expected) < 2e-6)
    }
  }

  @Test("GELU is the identity far right, zero far left, and finite in between", arguments: KernelLevel.available)
  func geluExtremes(level: KernelLevel) {
    let x: [Float] = [100, -100, 1e4, -1e4, 0, .nan]
    var y = [Float](repeating: 7, count: x.count)
    var span = y.mutableSpan
    GELU.forward(&span, x: x.span, on: .at(level: level))
    #expect(y[0] == 100 && abs(y[1]) < 1e-30 && y[2] == 1e4 && abs(y[3]) < 1e-30 && y[4] == 0 && y[5].isNaN)
  }

  /// Φ(x) = erfc(-x/√2) / 2, by the C library.
  static func exactGELU(_ x: Double) -> Double { x * 0.5 * erfc(-x / 2.0.squareRoot()) }

  @Test("Exact GELU equals x · Φ(x), and its gradient finite differences", arguments: KernelLevel.available)
  func exactGELU(level: KernelLevel) {
    for count in raggedLengths {
      var numbers = TestNumbers(UInt64(count) + 300)
      let x = numbers.floats(count, 6)
      let dy = numbers.floats(count)
      var y = [Float](repeating: .nan, count: count)
      var dx = y
      var ySpan = y.mutableSpan
      var dxSpan = dx.mutableSpan
      GELU.exactForward(&ySpan, x: x.span, on: .at(level: level))
      GELU.exactBackward(&dxSpan, x: x.span, dy: dy.span, on: .at(level: level))
      #expect(worstError(y, x.map { Self.exactGELU(Double($0)) }) < 3e-7)
      let slopes = zip(x, dy).map { x, dy in
        finiteDifferences([Double(x)]) { Self.exactGELU($0[0]) }[0] * Double(dy)
      }
      #expect(worstError(dx, slopes) < 5e-7)
    }
  }

  @Test("Exact GELU keeps NaN, is the identity far right and zero far left", arguments: KernelLevel.available)
  func exactGELUExtremes(level: KernelLevel) {
    let x: [Float] = [100, -100, 1e4, -1e4, 0, .nan]
    var y = [Float](repeating: 7, count: x.count)
    var span = y.mutableSpan
    GELU.exactForward(&span, x: x.span, on: .at(level: level))
    #expect(y[0] == 100 && abs(y[1]) < 1e-30 && y[2] == 1e4 && abs(y[3]) < 1e-30 && y[4] == 0 && y[5].isNaN)
  }

  @Test("SwiGLU equals its formula, and its gradients finite differences", arguments: KernelLevel.available)
  func swiGLU(level: KernelLevel) {
    func formula(_ gate: Double, _ up: Double) -> Double { gate / (1 + exp(-gate)) * up }
    for count in raggedLengths {
      var numbers = TestNumbers(UInt64(count) + 400)
      let gate = numbers.floats(count, 6)
      let up = numbers.floats(count, 2)
      let dy = numbers.floats(count)
      var y = [Float](repeating: .nan, count: count)
      var dGate = y
      var dUp = y
      var ySpan = y.mutableSpan
      var gateSpan = dGate.mutableSpan
      var upSpan = dUp.mutableSpan
      SwiGLU.forward(&ySpan, gate: gate.span, up: up.span, on: .at(level: level))
      SwiGLU.backward(
        dGate: &gateSpan, dUp: &upSpan, gate: gate.span, up: up.span, dy: dy.span, on: .at(level: level))
      #expect(worstError(y, (0..<count).map { formula(Double(gate[$0]), Double(up[$0])) }) < 5e-7)
      let gradients = (0..<count).map { i in
        finiteDifferences([Double(gate[i]), Double(up[i])]) { formula($0[0], $0[1]) }.map { $0 * Double(dy[i]) }
      }
      #expect(worstError(dGate, gradients.map { $0[0] }) < 1e-6)
      #expect(worstError(dUp, gradients.map { $0[1] }) < 1e-6)
    }
  }

  @Test("Adding scaled values and summing squares", arguments: KernelLevel.available)
  func sums(level: KernelLevel) {
    for count in raggedLengths + [0, 1023, 1024, 1025, 5000] {
      var numbers = TestNumbers(UInt64(count) + 500)
      let x = numbers.floats(count, 3)
      var y = numbers.floats(count)
      let expected = zip(y, x).map { Double($0) - 0.3 * Double($1) }
      var span = y.mutableSpan
      AddScaled.add(&span, x.span, scale: -0.3, on: .at(level: level))
      #expect(worstError(y, expected) < 2e-7)
      let sum = x.reduce(0) { $0 + Double($1) * Double($1) }
      #expect(abs(Reductions.sumOfSquares(x.span, on: .at(level: level)) - sum) <= 2e-7 * sum)
    }
  }

  @Test("Dropout keeps the stated share, scales it, repeats itself, and differs by seed")
  func dropout() {
    let count = 100_000
    let x = (0..<count).map { Float($0 + 1) }
    func drop(_ seed: UInt64, _ probability: Float, level: KernelLevel = .baseline) -> [Float] {
      var y = [Float](repeating: .nan, count: count)
      var span = y.mutableSpan
      Dropout.apply(&span, x: x.span, probability: probability, seed: seed, on: .at(level: level))
      return y
    }
    let y = drop(1, 0.1)
    let kept = y.filter { $0 != 0 }.count
    // Four standard deviations of a binomial count.
    #expect(abs(Double(kept) - 90_000) < 4 * (Double(count) * 0.1 * 0.9).squareRoot())
    #expect(zip(x, y).allSatisfy { $1 == 0 || abs($1 / $0 - 1 / 0.9) < 1e-6 })
    #expect(drop(1, 0) == x)
    let other = zip(y, drop(2, 0.1)).filter { ($0 == 0) == ($1 == 0) }.count
    #expect(abs(Double(other) / Double(count) - 0.82) < 0.01)
    for level in KernelLevel.available { #expect(drop(1, 0.1, level: level) == y) }
  }
}
