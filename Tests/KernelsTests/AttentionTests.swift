import Testing

@testable import Kernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Attention")
struct AttentionTests {
  struct Layer: CustomStringConvertible {
    let attention: Attention
    let lengths: [Int]
    let qPad: Int, kvPad: Int
    var tokens: Int { lengths.reduce(0, +) }
    var starts: [Int32] { lengths.reduce(into: [0]) { $0.append($0.last! + Int32($1)) } }
    var qStride: Int { attention.heads * attention.width + qPad }
    var kvStride: Int { attention.keyValueHeads * attention.width + kvPad }
    var description: String {
      "\(attention.heads)/\(attention.keyValueHeads) heads of \(attention.width), \(lengths), causal \(attention.causal)"
    }

    init(_ heads: Int, _ keyValueHeads: Int, _ width: Int, _ causal: Bool, _ lengths: [Int], pad: (Int, Int) = (0, 0)) {
      attention = Attention(heads: heads, keyValueHeads: keyValueHeads, width: width, causal: causal)
      self.lengths = lengths
      (qPad, kvPad) = pad
    }

    /// By the definition, in double precision.
    func output(_ q: [Double], _ k: [Double], _ v: [Double]) -> [Double] {
      let (heads, width) = (attention.heads, attention.width)
      var o = [Double](repeating: 0, count: tokens * heads * width)
      for (start, end) in zip(starts, starts.dropFirst()).map({ (Int($0), Int($1)) }) {
        for h in 0..<heads {
          let kv = h * attention.keyValueHeads / heads * width
          for i in start..<end {
            let seen = start..<(attention.causal ? i + 1 : end)
            let scores = seen.map { j in
              (0..<width).reduce(0) { $0 + q[i * qStride + h * width + $1] * k[j * kvStride + kv + $1] }
                / Double(width).squareRoot()
            }
            let weights = scores.map { exp($0 - scores.max()!) }
            let total = weights.reduce(0, +)
            for (weight, j) in zip(weights, seen) {
              for c in 0..<width {
                o[(i * heads + h) * width + c] += weight / total * v[j * kvStride + kv + c]
              }
            }
          }
        }
      }
      return o
    }
  }

  static let layers = [
    Layer(1, 1, 1, false, [1]), Layer(1, 1, 4, true, [2]), Layer(2, 2, 8, false, [3, 1, 5]),
    Layer(4, 2, 6, true, [7, 2]), Layer(3, 1, 16, true, [17]), Layer(2, 1, 5, false, [9, 0, 4], pad: (3, 5)),
    Layer(2, 2, 33, true, [6], pad: (1, 0)),
  ]

  struct Run {
    let o: [Float], logSums: [Float], dq: [Float], dk: [Float], dv: [Float]
  }

  static func run(
    _ layer: Layer, q: [Float], k: [Float], v: [Float], dO: [Float], on kernels: KernelTable, threads: ThreadPool
  ) -> Run {
    var o = [Float](repeating: .nan, count: dO.count)
    var logSums = [Float](repeating: .nan, count: layer.attention.logSumCount(tokens: layer.tokens))
    var dq = [Float](repeating: 0, count: q.count)
    var dk = [Float](repeating: 0, count: k.count)
    var dv = [Float](repeating: 0, count: v.count)
    var workspace = Workspace()
    let starts = layer.starts
    var oSpan = o.mutableSpan
    var sumSpan = logSums.mutableSpan
    layer.attention.forward(
      &oSpan, logSums: &sumSpan, q: q.span, qStride: layer.qStride, k: k.span, v: v.span, kvStride: layer.kvStride,
      starts: starts.span, workspace: &workspace, threads: threads, on: kernels)
    var dqSpan = dq.mutableSpan
    var dkSpan = dk.mutableSpan
    var dvSpan = dv.mutableSpan
    layer.attention.backward(
      dq: &dqSpan, dk: &dkSpan, dv: &dvSpan, dO: dO.span, o: o.span, logSums: logSums.span, q: q.span,
      qStride: layer.qStride, k: k.span, v: v.span, kvStride: layer.kvStride, starts: starts.span,
      workspace: &workspace, threads: threads, on: kernels)
    return Run(o: o, logSums: logSums, dq: dq, dk: dk, dv: dv)
  }

  static func inputs(_ layer: Layer, bound: Float = 2) -> (q: [Float], k: [Float], v: [Float], dO: [Float]) {
    var numbers = TestNumbers(UInt64(layer.tokens * 100 + layer.attention.width))
    let tokens = layer.tokens
    return (
      numbers.floats(tokens * layer.qStride, bound), numbers.floats(tokens * layer.kvStride, bound),
      numbers.floats(tokens * layer.kvStride), numbers.floats(tokens * layer.attention.heads * layer.attention.width)
    )
  }

  @Test("Forward equals the definition and backward finite differences", arguments: KernelLevel.available)
  func small(level: KernelLevel) {
    for layer in Self.layers {
      let (q, k, v, dO) = Self.inputs(layer)
      let run = Self.run(layer, q: q, k: k, v: v, dO: dO, on: .at(level: level), threads: .single)
      let (qd, kd, vd) = (q.doubles, k.doubles, v.doubles)
      func objective(_ q: [Double], _ k: [Double], _ v: [Double]) -> Double {
        zip(layer.output(q, k, v), dO).reduce(0) { $0 + $1.0 * Double($1.1) }
      }
      #expect(worstError(run.o, layer.output(qd, kd, vd)) < 2e-6, "\(layer)")
      #expect(worstError(run.dq, finiteDifferences(qd) { objective($0, kd, vd) }) < 5e-6, "\(layer)")
      #expect(worstError(run.dk, finiteDifferences(kd) { objective(qd, $0, vd) }) < 5e-6, "\(layer)")
      #expect(worstError(run.dv, finiteDifferences(vd) { objective(qd, kd, $0) }) < 5e-6, "\(layer)")
    }
  }

  /// The gradients by their formulas in double precision: finite differences of hundreds of tokens take too long.
  static func gradients(
    _ layer: Layer, _ q: [Double], _ k: [Double], _ v: [Double], _ dO: [Double]
  ) -> (dq: [Double], dk: [Double], dv: [Double]) {
    let (heads, width) = (layer.attention.heads, layer.attention.width)
    let (qs, ks) = (layer.qStride, layer.kvStride)
    var dq = [Double](repeating: 0, count: q.count)
    var dk = [Double](repeating: 0, count: k.count)
    var dv = [Double](repeating: 0, count: v.count)
    let scale = 1 / Double(width).squareRoot()
    for (start, end) in zip(layer.starts, layer.starts.dropFirst()).map({ (Int($0), Int($1)) }) {
      for h in 0..<heads {
        let kv = h * layer.attention.keyValueHeads / heads * width
        for i in start..<end {
          let seen = Array(start..<(layer.attention.causal ? i + 1 : end))
          let qi = i * qs + h * width
          let oi = (i * heads + h) * width
          let scores = seen.map { j in
            (0..<width).reduce(0) { $0 + q[qi + $1] * k[j * ks + kv + $1] } * scale
          }
          let top = scores.max()!
          let total = scores.reduce(0) { $0 + exp($1 - top) }
          let p = scores.map { exp($0 - top) / total }
          let dp = seen.map { j in (0..<width).reduce(0) { $0 + dO[oi + $1] * v[j * ks + kv + $1] } }
          let mean = zip(p, dp).reduce(0) { $0 + $1.0 * $1.1 }
          for (at, j) in seen.enumerated() {
            let ds = p[at] * (dp[at] - mean) * scale
            for c in 0..<width {
              dq[qi + c] += ds * k[j * ks + kv + c]
              dk[j * ks + kv + c] += ds * q[qi + c]
              dv[j * ks + kv + c] += p[at] * dO[oi + c]
            }
          }
        }
      }
    }
    return (dq, dk, dv)
  }

  @Test("Sequences longer than a block of rows are as right as short ones", arguments: KernelLevel.available)
  func long(level: KernelLevel) {
    for layer in [
      Layer(2, 1, 32, true, [150]), Layer(2, 2, 16, false, [70, 131]), Layer(2, 1, 20, true, [63, 64, 65, 66]),
    ] {
      let (q, k, v, dO) = Self.inputs(layer, bound: 1)
      let run = Self.run(layer, q: q, k: k, v: v, dO: dO, on: .at(level: level), threads: .single)
      #expect(worstError(run.o, layer.output(q.doubles, k.doubles, v.doubles)) < 2e-6, "\(layer)")
      let expected = Self.gradients(layer, q.doubles, k.doubles, v.doubles, dO.doubles)
      #expect(worstError(run.dq, expected.dq) < 5e-6, "\(layer)")
      #expect(worstError(run.dk, expected.dk) < 1e-5, "\(layer)")
      #expect(worstError(run.dv, expected.dv) < 1e-5, "\(layer)")
    }
  }

  @Test("Scores of a thousand neither overflow nor give NaN", arguments: KernelLevel.available)
  func extremes(level: KernelLevel) {
    let layer = Layer(1, 1, 4, true, [5])
    let (q, k, v, dO) = Self.inputs(layer, bound: 80)
    let run = Self.run(layer, q: q, k: k, v: v, dO: dO, on: .at(level: level), threads: .single)
    #expect(worstError(run.o, layer.output(q.doubles, k.doubles, v.doubles)) < 2e-4)
    #expect(!(run.dq + run.dk + run.dv).contains { $0.isNaN })
  }

  @Test("One thread and three give the same bytes", arguments: KernelLevel.available)
  func threads(level: KernelLevel) {
    let layer = Layer(6, 2, 32, true, [120, 90])
    let (q, k, v, dO) = Self.inputs(layer)
    let one = Self.run(layer, q: q, k: k, v: v, dO: dO, on: .at(level: level), threads: ThreadPool(count: 1))
    let three = Self.run(layer, q: q, k: k, v: v, dO: dO, on: .at(level: level), threads: ThreadPool(count: 3))
    #expect(one.o == three.o && one.logSums == three.logSums)
    #expect(one.dq == three.dq && one.dk == three.dk && one.dv == three.dv)
  }

  @Test("The last tokens alone, over kept keys, give what the whole sequence gives", arguments: KernelLevel.available)
  func cached(level: KernelLevel) {
    let layer = Layer(6, 2, 16, true, [75])
    let (q, k, v, _) = Self.inputs(layer)
    let expected = layer.output(q.doubles, k.doubles, v.doubles)
    let row = 6 * 16
    for queries in [1, 2, 4, 5, 20, 75] {
      let last = Array(q.suffix(queries * row))
      var o = [Float](repeating: .nan, count: last.count)
      var span = o.mutableSpan
      var workspace = Workspace()
      layer.attention.forward(
        &span, q: last.span, queries: queries, k: k.span, v: v.span, keys: 75, workspace: &workspace,
        on: .at(level: level))
      #expect(worstError(o, Array(expected.suffix(queries * row))) < 2e-6, "\(queries) queries")
    }
  }

  @Test("Nothing is read or written outside the tensors and the declared scratch", arguments: KernelLevel.available)
  func staysInside(level: KernelLevel) {
    let kernels = KernelTable.at(level: level)
    var numbers = TestNumbers(5)
    for (tokens, width) in [(1, 1), (1, 3), (5, 8), (16, 16), (17, 7), (70, 12), (130, 33)] {
      for causal in [false, true] {
        let tensors = (0..<4).map { _ in GuardedFloats(numbers.floats(tokens * width)) }
        let results = (0..<4).map { _ in GuardedFloats([Float](repeating: .nan, count: tokens * width)) }
        let logSums = GuardedFloats([Float](repeating: .nan, count: tokens))
        let (q, k, v, g) = (
          tensors[0].floats.baseAddress!, tensors[1].floats.baseAddress!, tensors[2].floats.baseAddress!,
          tensors[3].floats.baseAddress!
        )
        let (o, dq, dk, dv) = (
          results[0].floats.baseAddress!, results[1].floats.baseAddress!, results[2].floats.baseAddress!,
          results[3].floats.baseAddress!
        )
        let l = logSums.floats.baseAddress!
        let forward = GuardedFloats(
          [Float](repeating: .nan, count: kernels.attentionScratch(tokens, width, false)))
        kernels.attentionForward(
          tokens, tokens, width, q, width, k, width, v, width, o, width, l, 1, 0.5, causal,
          forward.floats.baseAddress!)
        let backward = GuardedFloats(
          [Float](repeating: .nan, count: kernels.attentionScratch(tokens, width, true)))
        kernels.attentionBackward(
          tokens, width, q, width, k, width, v, width, o, width, g, width, l, 1, 0.5, causal, dq, width, dk, width, dv,
          width, backward.floats.baseAddress!)
        for result in results { #expect(!result.values.contains { $0.isNaN }, "\(tokens)x\(width)") }
      }
    }
  }
}
