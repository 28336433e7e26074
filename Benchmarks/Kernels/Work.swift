import Kernels

/// An operation with its operands, ready to be repeated.
final class Work {
  private var workspace = Workspace()
  private let body: (inout Workspace) -> Void

  private init(_ body: @escaping (inout Workspace) -> Void) { self.body = body }

  func lap() { body(&workspace) }

  /// The work that words name, as kernels.py spells them; nil for others.
  static func named(_ words: [Substring]) -> Work? {
    let sizes = words.compactMap { Int($0) }
    switch (words.first, sizes.count) {
    case ("peak", 0): return peak()
    case ("forward", 3): return packed(.forward, .forward, sizes[0], sizes[1], sizes[2])
    case ("backward", 3): return packed(.backward, .backward, sizes[0], sizes[1], sizes[2])
    case ("shared", 3): return packed(.backward, .forward, sizes[0], sizes[1], sizes[2])
    case ("nn", 3): return product(.nn, sizes[0], sizes[1], sizes[2])
    case ("nt", 3): return product(.nt, sizes[0], sizes[1], sizes[2])
    case ("tn", 3): return product(.tn, sizes[0], sizes[1], sizes[2])
    case ("attention", 4): return attention(sizes[0], sizes[1], sizes[2], sizes[3], words, isBackward: false)
    case ("attention-gradient", 4): return attention(sizes[0], sizes[1], sizes[2], sizes[3], words, isBackward: true)
    case ("gelu", 1): return gelu(sizes[0], isExact: true)
    case ("gelu-tanh", 1): return gelu(sizes[0], isExact: false)
    case ("swiglu", 1): return swiGLU(sizes[0])
    case ("softmax", 2): return softmax(sizes[0], sizes[1])
    case ("cross-entropy", 2): return crossEntropy(sizes[0], sizes[1])
    case ("layernorm", 2): return layerNorm(sizes[0], sizes[1], isBackward: false)
    case ("layernorm-gradient", 2): return layerNorm(sizes[0], sizes[1], isBackward: true)
    case ("rmsnorm", 2): return rmsNorm(sizes[0], sizes[1], isBackward: false)
    case ("rmsnorm-gradient", 2): return rmsNorm(sizes[0], sizes[1], isBackward: true)
    case ("adamw", 1): return adamW(sizes[0])
    case ("quantised", 3): return quantised(sizes[0], sizes[1], sizes[2])
    default: return nil
    }
  }

  /// Repeatable numbers between -1 and 1.
  private static func numbers(_ count: Int, _ seed: UInt64 = 1) -> [Float] {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(state >> 40) / Float(1 << 23) - 1
    }
  }

  private static func peak() -> Work { Work { _ in Peak.multiplyAdd(repetitions: 100_000) } }

  /// Rows by a frozen weight `[outputs, inputs]`, in the direction that was packed or in the other.
  private static func packed(
    _ direction: PackedMatrix.Direction, _ packed: PackedMatrix.Directions, _ rows: Int, _ outputs: Int, _ inputs: Int
  ) -> Work {
    let weight = PackedMatrix(
      numbers(outputs * inputs).span, outputs: outputs, inputs: inputs, directions: packed)
    let (n, k) = direction == .forward ? (outputs, inputs) : (inputs, outputs)
    let a = numbers(rows * k, 2)
    var c = [Float](repeating: 0, count: rows * n)
    return Work { workspace in
      var span = c.mutableSpan
      Matmul.multiply(&span, a.span, by: weight, direction, rows: rows, workspace: &workspace)
    }
  }

  private static func product(_ form: Matmul.Form, _ m: Int, _ n: Int, _ k: Int) -> Work {
    let a = numbers(m * k)
    let b = numbers(k * n, 2)
    var c = [Float](repeating: 0, count: m * n)
    return Work { workspace in
      var span = c.mutableSpan
      Matmul.multiply(&span, form, a.span, b.span, m: m, n: n, k: k, workspace: &workspace)
    }
  }

  private static func attention(
    _ sequences: Int, _ heads: Int, _ length: Int, _ width: Int, _ words: [Substring], isBackward: Bool
  ) -> Work {
    let attention = Attention(heads: heads, width: width, causal: words.contains("causal"))
    let count = sequences * length * heads * width
    let starts = (0...sequences).map { Int32($0 * length) }
    let (q, k, v, g) = (numbers(count, 1), numbers(count, 2), numbers(count, 3), numbers(count, 4))
    var o = [Float](repeating: 0, count: count)
    var logSums = [Float](repeating: 0, count: attention.logSumCount(tokens: sequences * length))
    var (dq, dk, dv) = (o, o, o)
    return Work { workspace in
      do {
        var oSpan = o.mutableSpan
        var sumSpan = logSums.mutableSpan
        attention.forward(
          &oSpan, logSums: &sumSpan, q: q.span, k: k.span, v: v.span, starts: starts.span, workspace: &workspace)
      }
      guard isBackward else { return }
      var dqSpan = dq.mutableSpan
      var dkSpan = dk.mutableSpan
      var dvSpan = dv.mutableSpan
      attention.backward(
        dq: &dqSpan, dk: &dkSpan, dv: &dvSpan, dO: g.span, o: o.span, logSums: logSums.span, q: q.span, k: k.span,
        v: v.span, starts: starts.span, workspace: &workspace)
    }
  }

  /// Forward and backward.
  private static func gelu(_ count: Int, isExact: Bool) -> Work {
    let (x, dy) = (numbers(count), numbers(count, 2))
    var y = [Float](repeating: 0, count: count)
    var dx = y
    return Work { _ in
      var ySpan = y.mutableSpan
      var dxSpan = dx.mutableSpan
      if isExact {
        GELU.exactForward(&ySpan, x: x.span)
        GELU.exactBackward(&dxSpan, x: x.span, dy: dy.span)
      } else {
        GELU.forward(&ySpan, x: x.span)
        GELU.backward(&dxSpan, x: x.span, dy: dy.span)
      }
    }
  }

  /// Forward and backward.
  private static func swiGLU(_ count: Int) -> Work {
    let (gate, up, dy) = (numbers(count), numbers(count, 2), numbers(count, 3))
    var y = [Float](repeating: 0, count: count)
    var (dGate, dUp) = (y, y)
    return Work { _ in
      var ySpan = y.mutableSpan
      SwiGLU.forward(&ySpan, gate: gate.span, up: up.span)
      var gateSpan = dGate.mutableSpan
      var upSpan = dUp.mutableSpan
      SwiGLU.backward(dGate: &gateSpan, dUp: &upSpan, gate: gate.span, up: up.span, dy: dy.span)
    }
  }

  private static func softmax(_ rows: Int, _ columns: Int) -> Work {
    let x = numbers(rows * columns)
    var p = x
    return Work { _ in
      var span = p.mutableSpan
      SoftmaxCrossEntropy.probabilities(&span, logits: x.span, rows: rows)
    }
  }

  /// Losses and gradients; what lies in the logits afterwards are the next lap's logits.
  private static func crossEntropy(_ rows: Int, _ columns: Int) -> Work {
    var x = numbers(rows * columns)
    var losses = [Float](repeating: 0, count: rows)
    let labels = (0..<rows).map { Int32($0 * 300 % columns) }
    return Work { _ in
      var span = x.mutableSpan
      var lossSpan = losses.mutableSpan
      SoftmaxCrossEntropy.inPlace(logits: &span, losses: &lossSpan, labels: labels.span, scale: 1 / Float(rows))
    }
  }

  private static func layerNorm(_ rows: Int, _ columns: Int, isBackward: Bool) -> Work {
    let (x, gain, bias, dy) = (
      numbers(rows * columns), numbers(columns, 2), numbers(columns, 3), numbers(rows * columns, 4)
    )
    var y = x
    var mean = [Float](repeating: 0, count: rows)
    var r = [Float](repeating: 1, count: rows)
    var dx = x
    var dGain = [Float](repeating: 0, count: columns)
    var dBias = dGain
    return Work { _ in
      guard isBackward else {
        var ySpan = y.mutableSpan
        var meanSpan = mean.mutableSpan
        var rSpan = r.mutableSpan
        LayerNorm.forward(
          &ySpan, mean: &meanSpan, r: &rSpan, x: x.span, gain: gain.span, bias: bias.span, epsilon: 1e-5)
        return
      }
      var dxSpan = dx.mutableSpan
      LayerNorm.backward(dx: &dxSpan, x: x.span, gain: gain.span, mean: mean.span, r: r.span, dy: dy.span)
      var gainSpan = dGain.mutableSpan
      var biasSpan = dBias.mutableSpan
      LayerNorm.backward(dGain: &gainSpan, dBias: &biasSpan, x: x.span, mean: mean.span, r: r.span, dy: dy.span)
    }
  }

  /// Forward, or forward and backward.
  private static func rmsNorm(_ rows: Int, _ columns: Int, isBackward: Bool) -> Work {
    let (x, gain, dy) = (numbers(rows * columns), numbers(columns, 2), numbers(rows * columns, 3))
    var y = x
    var r = [Float](repeating: 1, count: rows)
    var dx = x
    var dGain = [Float](repeating: 0, count: columns)
    return Work { _ in
      do {
        var ySpan = y.mutableSpan
        var rSpan = r.mutableSpan
        RMSNorm.forward(&ySpan, r: &rSpan, x: x.span, gain: gain.span, epsilon: 1e-5)
      }
      guard isBackward else { return }
      var dxSpan = dx.mutableSpan
      RMSNorm.backward(dx: &dxSpan, x: x.span, gain: gain.span, r: r.span, dy: dy.span)
      var gainSpan = dGain.mutableSpan
      RMSNorm.backward(dGain: &gainSpan, x: x.span, r: r.span, dy: dy.span)
    }
  }

  private static func adamW(_ count: Int) -> Work {
    var p = numbers(count)
    let g = numbers(count, 2)
    var m = [Float](repeating: 0, count: count)
    var v = m
    var step = 0
    return Work { _ in
      step += 1
      var pSpan = p.mutableSpan
      var mSpan = m.mutableSpan
      var vSpan = v.mutableSpan
      AdamW().step(&pSpan, gradient: g.span, first: &mSpan, second: &vSpan, count: step, rate: 1e-3, decay: 0.01)
    }
  }

  private static func quantised(_ rows: Int, _ outputs: Int, _ inputs: Int) -> Work {
    let weight = QuantisedMatrix(numbers(outputs * inputs).span, outputs: outputs, inputs: inputs)
    let x = numbers(rows * inputs, 2)
    var y = [Float](repeating: 0, count: rows * outputs)
    return Work { workspace in
      var span = y.mutableSpan
      weight.multiply(&span, x: x.span, rows: rows, workspace: &workspace)
    }
  }
}
