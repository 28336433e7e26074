import Schemas
import Tensors

@testable import Models

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A decoder written by its definition, in double precision, one sequence and one token at a time.
///
/// Weights are drawn by a formula that Benchmarks/reference/decoder_golden.py states too, so that Hugging Face's models of
/// the same dimensions hold the same numbers.
struct ReferenceDecoder {
  let shape: DecoderShape
  /// Added to the matrices: (A, B) `[rank, inputs]` and `[outputs, rank]` of a layer's target, with their scale.
  var adapters: [Key: (a: [Double], b: [Double])] = [:]
  var scale = 1.0

  struct Key: Hashable {
    let layer: Int
    let target: AdapterTarget
  }

  private let weights: [WeightName: [Double]]

  init(_ shape: DecoderShape) {
    self.shape = shape
    weights = FormulaWeights(shape).all.mapValues { $0.map(Double.init) }
  }

  /// The same frozen weights with the adapters of that training.
  func adapted(_ training: LanguageTraining, _ parameters: [Double]) -> ReferenceDecoder {
    var decoder = self
    decoder.takeAdapters(training, parameters)
    return decoder
  }

  /// B, and A unless it is frozen, from the trained vector.
  private mutating func takeAdapters(_ training: LanguageTraining, _ parameters: [Double]) {
    let recipe = training.adapters!
    scale = recipe.scale
    let layout = training.layout
    let inputs = training.initialAdapterInputs()
    for layer in 0..<shape.layers {
      for target in recipe.targets {
        let prefix = "layers.\(layer).\(target.rawValue)"
        let a =
          layout.range(of: prefix + ".A").map { Array(parameters[$0]) }
          ?? inputs.values[inputs.layout.range(of: prefix + ".A")!].map(Double.init)
        adapters[Key(layer: layer, target: target)] = (a, Array(parameters[layout.range(of: prefix + ".B")!]))
      }
    }
  }

  /// W · x (+ bias) (+ scale · B · A · x)
  private func linear(_ layer: Int, _ target: AdapterTarget, _ x: [Double]) -> [Double] {
    var y = product(weights[.layer(layer, LayerWeight(rawValue: target.rawValue)!)]!, x)
    if let bias = LayerWeight(rawValue: target.rawValue + "Bias").flatMap({ weights[.layer(layer, $0)] }) {
      y = zip(y, bias).map(+)
    }
    guard let (a, b) = adapters[Key(layer: layer, target: target)] else { return y }
    return zip(y, product(b, product(a, x))).map { $0 + scale * $1 }
  }

  private func product(_ w: [Double], _ x: [Double]) -> [Double] {
    (0..<w.count / x.count).map { row in
      x.indices.reduce(0) { $0 + w[row * x.count + $1] * x[$1] }
    }
  }

  private func norm(_ x: [Double], _ gain: WeightName) -> [Double] {
    let mean = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
    return zip(x, weights[gain]!).map { $0 * $1 / (mean + shape.normEpsilon).squareRoot() }
  }

  /// Element i of a head's first half turns with element i of its second, by position · θ^(-2i / headWidth).
  private func rotate(_ x: [Double], position: Int) -> [Double] {
    let half = shape.headWidth / 2
    var y = x
    for head in 0..<x.count / shape.headWidth {
      for i in 0..<half {
        let angle = Double(position) * pow(shape.ropeBase, -2 * Double(i) / Double(shape.headWidth))
        let (p, q) = (head * shape.headWidth + i, head * shape.headWidth + half + i)
        y[p] = x[p] * cos(angle) - x[q] * sin(angle)
        y[q] = x[q] * cos(angle) + x[p] * sin(angle)
      }
    }
    return y
  }

  /// The logits `[tokens][vocabulary]` of one sequence.
  func logits(_ tokens: [Int32]) -> [[Double]] {
    let (width, headWidth) = (shape.width, shape.headWidth)
    let embedding = weights[.tokenEmbedding]!
    var x = tokens.map { Array(embedding[Int($0) * width..<(Int($0) + 1) * width]) }
    for layer in 0..<shape.layers {
      var keys: [[Double]] = []
      var values: [[Double]] = []
      for t in x.indices {
        let h = norm(x[t], .layer(layer, .attentionNormGain))
        let query = rotate(linear(layer, .query, h), position: t)
        keys.append(rotate(linear(layer, .key, h), position: t))
        values.append(linear(layer, .value, h))
        var mixed: [Double] = []
        for head in 0..<shape.heads {
          let q = query[head * headWidth..<(head + 1) * headWidth]
          let first = head / (shape.heads / shape.keyValueHeads) * headWidth
          let scores = keys.map { k in
            zip(q, k[first..<first + headWidth]).reduce(0) { $0 + $1.0 * $1.1 } / Double(headWidth).squareRoot()
          }
          let largest = scores.max()!
          let p = scores.map { exp($0 - largest) }
          let total = p.reduce(0, +)
          for i in 0..<headWidth { mixed.append(zip(p, values).reduce(0) { $0 + $1.0 / total * $1.1[first + i] }) }
        }
        x[t] = zip(x[t], linear(layer, .output, mixed)).map(+)
        let g = norm(x[t], .layer(layer, .feedForwardNormGain))
        let gated = zip(linear(layer, .gate, g), linear(layer, .up, g)).map { $0 / (1 + exp(-$0)) * $1 }
        x[t] = zip(x[t], linear(layer, .down, gated)).map(+)
      }
    }
    let head = shape.tiedHead ? embedding : weights[.head]!
    return x.map { product(head, norm($0, .finalNorm)) }
  }

  /// The summed cross-entropy of the tokens from `first` on; token t + 1 is the label of position t.
  func loss(_ tokens: [Int32], from first: Int) -> Double {
    let rows = logits(tokens)
    return (first..<tokens.count).reduce(0) { sum, t in
      let x = rows[t - 1]
      let largest = x.max()!
      return sum + largest + log(x.reduce(0) { $0 + exp($1 - largest) }) - x[Int(tokens[t])]
    }
  }
}
