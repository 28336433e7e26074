import Models
import Schemas
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A dense network written by its definition, in double precision and one row at a time.
struct ReferenceNetwork {
  let shape: NetworkShape

  func logits(_ parameters: [Double], _ row: [Double]) -> [Double] {
    let widths = shape.widths
    var offset = 0
    var a = row
    for layer in 1..<widths.count {
      let (from, to) = (widths[layer - 1], widths[layer])
      let biases = offset + from * to
      a = (0..<to).map { o in
        let z = (0..<from).reduce(parameters[biases + o]) { $0 + parameters[offset + o * from + $1] * a[$1] }
        return layer == widths.count - 1 ? z : activation(z)
      }
      offset = biases + to
    }
    return a
  }

  func activation(_ z: Double) -> Double {
    switch shape.activation {
    case .relu: max(z, 0)
    case .gelu: 0.5 * z * (1 + tanh((2 / Double.pi).squareRoot() * (z + 0.044715 * z * z * z)))
    }
  }

  /// The probability of class 1 alone, or of each class.
  func probabilities(_ parameters: [Double], _ row: [Double]) -> [Double] {
    let x = logits(parameters, row)
    if shape.outputs == 1 { return [1 / (1 + exp(-x[0]))] }
    let total = x.reduce(0) { $0 + exp($1) }
    return x.map { exp($0) / total }
  }

  /// The mean cross-entropy of some rows.
  func loss(_ parameters: [Double], _ examples: Examples, rows: [Int]) -> Double {
    rows.reduce(0) { sum, i in
      let p = probabilities(parameters, examples.row(i))
      let label = Int(examples.labels[i])
      return sum - log(shape.outputs == 1 ? (label == 1 ? p[0] : 1 - p[0]) : p[label])
    } / Double(rows.count)
  }

  /// Central differences of the mean loss.
  func gradient(_ parameters: [Double], _ examples: Examples, rows: [Int]) -> [Double] {
    parameters.indices.map { i in
      var (up, down) = (parameters, parameters)
      up[i] += 1e-5
      down[i] -= 1e-5
      return (loss(up, examples, rows: rows) - loss(down, examples, rows: rows)) / 2e-5
    }
  }
}

extension Examples {
  func row(_ i: Int) -> [Double] { features[i * featureCount..<(i + 1) * featureCount].map(Double.init) }

  /// Made-up rows whose label depends on the first features, with noise.
  static func madeUp(rows: Int, shape: NetworkShape, seed: UInt64) -> Examples {
    var generator = SplitMix64(state: seed)
    func uniform() -> Double { Double(generator.next() >> 11) / Double(1 << 53) * 2 - 1 }
    let features = (0..<rows * shape.inputs).map { _ in Float(uniform() * 2) }
    let labels = (0..<rows).map { i in
      let signal = Double(features[i * shape.inputs]) + uniform() * 2
      return Int32(max(0, min(shape.classCount - 1, Int((signal / 8 + 0.5) * Double(shape.classCount)))))
    }
    return Examples(features: features, labels: labels, rowCount: rows, featureCount: shape.inputs)
  }
}

extension NetworkShape {
  /// Parameters without a zero layer, so that every gradient is alive.
  func livelyParameters(seed: UInt64) -> Parameters {
    var generator = SplitMix64(state: seed)
    return Parameters(
      layout: layout, values: (0..<layout.count).map { _ in Float(generator.next() >> 40) / Float(1 << 23) - 1 })
  }
}

/// The largest |a - b| / (1 + |b|), infinite if anything is NaN.
func worstError(_ a: [Float], _ b: [Double]) -> Double {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) {
    let error = abs(Double($1.0) - $1.1) / (1 + abs($1.1))
    return error.isNaN ? .infinity : max($0, error)
  }
}
