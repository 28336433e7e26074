import Models
import Schemas
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An encoder written by its definition, in double precision and one text at a time.
struct ReferenceEncoder {
  let training: LanguageTraining
  let shape: EncoderShape
  let pooling: Pooling
  /// The base model's weights by our names.
  let base: [String: [Double]]

  init(_ training: LanguageTraining, pooling: Pooling, _ weights: LanguageWeights) {
    guard case .encoder(let shape) = training.shape else { preconditionFailure("an encoder") }
    self.training = training
    self.shape = shape
    self.pooling = pooling
    base = Dictionary(
      uniqueKeysWithValues: zip(shape.weights, training.shape.weights).map {
        ($0.name, weights.values[$1.name]!.map(Double.init))
      })
  }

  private typealias Row = [Double]

  /// What the trained vector makes of the base model: adapters added to their matrices, differences to their tensors.
  private func weights(_ parameters: [Double]) -> [String: [Double]] {
    var result = base
    let layout = training.layout
    func part(_ name: String) -> [Double]? { layout.range(of: name).map { Array(parameters[$0]) } }
    for name in ["head.weight", "head.bias"] { result[name] = part(name)! }
    for name in base.keys {
      if let difference = part(name) { result[name] = zip(base[name]!, difference).map { $0 + $1 } }
    }
    guard let adapters = training.adapters else { return result }
    let frozen = training.initialAdapterInputs()
    for layer in 0..<shape.layers {
      for target in adapters.targets {
        let name = "layers.\(layer).\(target.rawValue)"
        let a = part(name + ".A") ?? frozen.values[frozen.layout.range(of: name + ".A")!].map(Double.init)
        let b = part(name + ".B")!
        let (outputs, inputs) = training.shape.dimensions(of: target)!
        for o in 0..<outputs {
          for i in 0..<inputs {
            let product = (0..<adapters.rank).reduce(0) { $0 + b[o * adapters.rank + $1] * a[$1 * inputs + i] }
            result[name + ".weight"]![o * inputs + i] += adapters.scale * product
          }
        }
      }
    }
    return result
  }

  private func linear(_ x: [Row], _ name: String, _ weights: [String: [Double]]) -> [Row] {
    let (weight, bias) = (weights[name + ".weight"]!, weights[name + ".bias"]!)
    return x.map { row in
      bias.indices.map { o in row.indices.reduce(bias[o]) { $0 + weight[o * row.count + $1] * row[$1] } }
    }
  }

  private func norm(_ x: [Row], _ name: String, _ weights: [String: [Double]]) -> [Row] {
    let (gain, bias) = (weights[name + ".gain"]!, weights[name + ".bias"]!)
    return x.map { row in
      let mean = row.reduce(0, +) / Double(row.count)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
      let scale = 1 / (variance + shape.normEpsilon).squareRoot()
      return row.indices.map { (row[$0] - mean) * scale * gain[$0] + bias[$0] }
    }
  }

  private func activation(_ z: Double) -> Double {
    switch shape.activation {
    case .relu: max(z, 0)
    case .gelu: z * erfc(-z / 2.0.squareRoot()) / 2
    case .geluTanh: 0.5 * z * (1 + tanh((2 / Double.pi).squareRoot() * (z + 0.044715 * z * z * z)))
    }
  }

  private func attend(_ q: [Row], _ k: [Row], _ v: [Row]) -> [Row] {
    q.map { query in
      var result = Row(repeating: 0, count: shape.width)
      for head in 0..<shape.heads {
        let columns = head * shape.headWidth..<(head + 1) * shape.headWidth
        let scores = k.map { key in
          columns.reduce(0) { $0 + query[$1] * key[$1] } / Double(shape.headWidth).squareRoot()
        }
        let total = scores.reduce(0) { $0 + exp($1) }
        for (score, value) in zip(scores, v) {
          for column in columns { result[column] += exp(score) / total * value[column] }
        }
      }
      return result
    }
  }

  private func add(_ x: [Row], _ y: [Row]) -> [Row] { zip(x, y).map { zip($0, $1).map(+) } }

  private func pooled(_ ids: [Int32], _ weights: [String: [Double]]) -> Row {
    let width = shape.width
    let sums = ids.enumerated().map { position, id in
      (0..<width).map {
        weights["embeddings.token"]![Int(id) * width + $0] + weights["embeddings.position"]![position * width + $0]
          + weights["embeddings.tokenType"]![$0]
      }
    }
    var hidden = norm(sums, "embeddings.norm", weights)
    for layer in 0..<shape.layers {
      let name = "layers.\(layer)."
      let attended = attend(
        linear(hidden, name + "query", weights), linear(hidden, name + "key", weights),
        linear(hidden, name + "value", weights))
      let middle = norm(add(hidden, linear(attended, name + "output", weights)), name + "attentionNorm", weights)
      let inner = linear(middle, name + "up", weights).map { $0.map(activation) }
      hidden = norm(add(middle, linear(inner, name + "down", weights)), name + "outputNorm", weights)
    }
    let counted = pooling == .mean ? hidden : Array(hidden.prefix(1))
    return (0..<width).map { column in counted.reduce(0) { $0 + $1[column] } / Double(counted.count) }
  }

  /// The mean loss of all examples.
  func loss(_ parameters: [Double], _ sequences: [[Int32]], _ answers: LanguageExamples.Answers) -> Double {
    let weights = weights(parameters)
    let losses = sequences.enumerated().map { row, ids in
      let logits = linear([pooled(ids, weights)], "head", weights)[0]
      switch (training.task, answers) {
      case (.classification, .labels(let labels)):
        return log(logits.reduce(0) { $0 + exp($1) }) - logits[Int(labels[row])]
      case (.regression(let range), .numbers(let numbers)):
        let half = (range.upperBound - range.lowerBound) / 2
        let error = logits[0] - (numbers[row] - range.lowerBound - half) / half
        return error * error
      default: preconditionFailure("answers of the task's kind")
      }
    }
    return losses.reduce(0, +) / Double(losses.count)
  }

  /// Central differences of the mean loss in some of the parameters.
  func gradient(
    _ parameters: [Double], _ sequences: [[Int32]], _ answers: LanguageExamples.Answers, at positions: [Int]
  ) -> [Double] {
    positions.map { i in
      var (up, down) = (parameters, parameters)
      up[i] += 1e-5
      down[i] -= 1e-5
      return (loss(up, sequences, answers) - loss(down, sequences, answers)) / 2e-5
    }
  }
}
