import Models
import Schemas
import Tensors

/// Numbers that only a name decides, by the formula of Benchmarks/reference/trajectory.py: output i of SplitMix64 started
/// from the name's FNV-1a hash, its upper 24 bits as a number in [-1, 1).
func drawn(_ name: String, count: Int) -> [Double] {
  var generator = SplitMix64(state: name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
  return (0..<count).map { _ in 2 * Double(generator.next() >> 40) / Double(1 << 24) - 1 }
}

extension EncoderShape {
  /// A base model with weights of the size that trained ones have.
  func drawnWeights(pooling: Pooling) -> LanguageWeights {
    let shape = LanguageShape.encoder(self)
    var values: [WeightName: [Float]] = [:]
    for (ours, theirs) in zip(weights, shape.weights) {
      let (scale, shift) =
        ours.name.hasSuffix(".gain")
        ? (0.3, 1.0)
        : ours.shape.count == 1
          ? (0.3, 0) : ours.name.hasPrefix("embeddings") ? (1, 0) : (1.5 / Double(ours.shape[1]).squareRoot(), 0)
      values[theirs.name] = drawn(ours.name, count: ours.shape.reduce(1, *)).map { Float(scale * $0 + shift) }
    }
    return LanguageWeights(shape: shape, pooling: pooling, values: values)
  }
}

extension LanguageTraining {
  /// A vector without zeros, since a zero B or head hides errors in the gradients behind it.
  func drawnParameters(scale: Double = 0.3) -> Parameters {
    var parameters = initialParameters()
    for entry in layout.entries where !entry.name.hasSuffix(".A") {
      let values = drawn("vector." + entry.name, count: entry.count).map { Float(scale * $0) }
      parameters.values.replaceSubrange(entry.offset..<entry.offset + entry.count, with: values)
    }
    return parameters
  }
}
