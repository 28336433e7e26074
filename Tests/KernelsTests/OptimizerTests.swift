import Kernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Optimisers")
struct OptimizerTests {
  static let steps = 5

  /// Five steps on the same made-up gradients, by the kernel and by a scalar reference in double precision.
  func compare(
    _ level: KernelLevel, kernel: (inout [Float], [Float], Int) -> Void,
    reference: (inout [Double], [Double], Int) -> Void,
    _ count: Int
  ) -> Double {
    var numbers = TestNumbers(UInt64(count) + 500)
    var p = numbers.floats(count)
    var q = p.doubles
    for t in 1...Self.steps {
      let g = numbers.floats(count)
      kernel(&p, g, t)
      reference(&q, g.doubles, t)
    }
    return worstError(p, q)
  }

  @Test("SGD subtracts rate · (gradient + decay · parameter)", arguments: KernelLevel.available)
  func sgd(level: KernelLevel) {
    for count in raggedLengths {
      let error = compare(
        level,
        kernel: { p, g, _ in
          var span = p.mutableSpan
          SGD.step(&span, gradient: g.span, rate: 0.1, decay: 0.01, on: .at(level: level))
        },
        reference: { p, g, _ in for i in p.indices { p[i] -= 0.1 * (g[i] + 0.01 * p[i]) } }, count)
      #expect(error < 1e-6)
    }
  }

  @Test("Momentum carries the decayed velocity into every step", arguments: KernelLevel.available)
  func momentum(level: KernelLevel) {
    for count in raggedLengths {
      var velocity = [Float](repeating: 0, count: count)
      var v = [Double](repeating: 0, count: count)
      let error = compare(
        level,
        kernel: { p, g, _ in
          var span = p.mutableSpan
          var state = velocity.mutableSpan
          SGD.step(
            &span, gradient: g.span, velocity: &state, rate: 0.1, momentum: 0.9, decay: 0.01, on: .at(level: level))
        },
        reference: { p, g, _ in
          for i in p.indices {
            v[i] = 0.9 * v[i] + g[i] + 0.01 * p[i]
            p[i] -= 0.1 * v[i]
          }
        }, count)
      #expect(error < 1e-6)
    }
  }

  @Test("AdamW follows algorithm 2 of its paper", arguments: KernelLevel.available)
  func adamW(level: KernelLevel) {
    for count in raggedLengths {
      var first = [Float](repeating: 0, count: count)
      var second = first
      var m = [Double](repeating: 0, count: count)
      var v = m
      let error = compare(
        level,
        kernel: { p, g, t in
          var span = p.mutableSpan
          var firstSpan = first.mutableSpan
          var secondSpan = second.mutableSpan
          AdamW().step(
            &span, gradient: g.span, first: &firstSpan, second: &secondSpan, count: t, rate: 0.05, decay: 0.1,
            on: .at(level: level))
        },
        reference: { p, g, t in
          for i in p.indices {
            m[i] = 0.9 * m[i] + 0.1 * g[i]
            v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i]
            let mHat = m[i] / (1 - pow(0.9, Double(t)))
            let vHat = v[i] / (1 - pow(0.999, Double(t)))
            p[i] = (1 - 0.05 * 0.1) * p[i] - 0.05 * mHat / (vHat.squareRoot() + 1e-8)
          }
        }, count)
      // 1 - 0.999 in single precision is off by 1e-5 of itself, and so is the root's argument.
      #expect(error < 5e-6)
    }
  }
}
