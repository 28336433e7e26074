import Tensors
import Transforms

/// Turns the mean of a round's updates into the next model.
public enum ServerOptimizer {
  /// Federated averaging: θ' = fl32(fl64(θ) + rate · fl64(mean)), element by element, the product rounded before the sum,
  /// so that every machine computes the same bytes.
  ///
  /// - Throws: `.wrongLength`, or `.notFinite` with the first element of the new model that is not finite.
  ///
  /// Source: McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized Data",
  /// arXiv:1602.05629, algorithm 1; the rate is the server's in Reddi et al., arXiv:2003.00295.
  public static func step(
    _ parameters: Parameters, mean: [Float], learningRate: Double
  ) throws(UpdateError) -> Parameters {
    guard learningRate.isFinite else { throw .unusableLearningRate(learningRate) }
    guard mean.count == parameters.values.count else {
      throw .wrongLength(expected: parameters.values.count, found: mean.count)
    }
    var next = parameters
    var span = next.values.mutableSpan
    Norms.add(&span, x: mean.span, factor: learningRate)
    guard Norms.squared(next.values.span).isFinite else {
      throw .notFinite(index: next.values.firstIndex { !$0.isFinite } ?? 0)
    }
    return next
  }
}
