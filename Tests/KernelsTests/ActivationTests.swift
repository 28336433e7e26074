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
}
