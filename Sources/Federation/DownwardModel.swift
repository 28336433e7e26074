import SecureAggregation
import Tensors
import Updates

/// The next model as its participants will hold it: the coordinator adopts this one, so that everybody trains from the
/// same bits.
///
/// What a delta's rounding leaves out is its residue, and is added to what the next delta is made for: a parameter whose
/// changes are each too small for the delta's grid still moves, once they have added up.
///
/// Source for the residue: Seide et al., "1-Bit Stochastic Gradient Descent", Interspeech 2014; Stich et al.,
/// arXiv:1809.07599.
struct DownwardModel {
  let parameters: Parameters
  /// Nil when models travel whole.
  let delta: [UInt8]?
  /// Binary32 numbers, little-endian.
  let residue: [UInt8]?

  /// - Parameters:
  ///   - residue: What the last delta left out.
  ///   - delta: Nil for a model that travels whole; then there is no residue either.
  /// - Throws: `UpdateError.notFinite` when the delta leads to a number that is not finite.
  init(from given: Parameters, to wanted: Parameters, residue: [UInt8]?, delta: ModelDelta?) throws {
    guard let delta else {
      parameters = wanted
      self.delta = nil
      self.residue = nil
      return
    }
    var target = wanted
    if let residue {
      let left = Parameters(layout: wanted.layout, values: try Self.numbers(residue, count: delta.count))
      target = try ServerOptimizer.step(wanted, mean: left.values, learningRate: 1)
    }
    let (bytes, reached) = try delta.encode(from: given.values, to: target.values)
    parameters = Parameters(layout: wanted.layout, values: reached)
    self.delta = bytes
    self.residue = zip(target.values, reached).map { $0 - $1 }.littleEndianBytes
  }

  private static func numbers(_ bytes: [UInt8], count: Int) throws(UpdateError) -> [Float] {
    guard bytes.count == 4 * count else { throw .wrongLength(expected: count, found: bytes.count / 4) }
    return bytes.withUnsafeBytes { [Float](littleEndianBytes: $0) }
  }
}
