/// Why an update was refused before masking, or a sum after it.
public enum UpdateError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The vector has not as many elements as the round's model.
  case wrongLength(expected: Int, found: Int)
  /// Element `index` is NaN or infinite.
  case notFinite(index: Int)
  /// A weight of zero: nothing to contribute.
  case zeroWeight
  /// The weight lies above the plan's maximum.
  case excessiveWeight(weight: UInt32, maximum: UInt32)
  /// The clip norm is not a positive finite number.
  case unusableClipNorm(Double)
  /// The learning rate is not a finite number.
  case unusableLearningRate(Double)
  /// The unmasked total weight cannot be the sum of the survivors' weights, so that the whole sum means nothing.
  case impossibleTotalWeight(total: UInt64, survivors: Int, maximumWeight: UInt32)
  /// Too many coordinates of the sum lie near the end of the grid, so that some may have wrapped around it.
  case occupancyAlarm(beyond: Int, of: Int)
  /// Bytes that are no update of the round.
  case badUpdate(String)
  /// Bytes that are no delta of the model at hand.
  case badDelta(String)

  public var description: String {
    switch self {
    case .wrongLength(let expected, let found): "the vector has \(found) elements, expected \(expected)"
    case .notFinite(let index): "element \(index) of the update is not a finite number"
    case .zeroWeight: "the update's weight is 0, expected at least 1"
    case .excessiveWeight(let weight, let maximum): "the update's weight is \(weight), expected at most \(maximum)"
    case .unusableClipNorm(let norm): "the clip norm is \(norm), expected a positive finite number"
    case .unusableLearningRate(let rate): "the server learning rate is \(rate), expected a finite number"
    case .impossibleTotalWeight(let total, let survivors, let maximum):
      "the total weight is \(total), expected \(survivors) to \(UInt64(survivors) * UInt64(maximum)) for"
        + " \(survivors) survivors of weight 1 to \(maximum)"
    case .occupancyAlarm(let beyond, let count):
      "occupancy alarm: \(beyond) of \(count) coordinates of the sum lie beyond 0.8 of the grid's range"
    case .badUpdate(let reason): "the bytes are no update of this round: \(reason)"
    case .badDelta(let reason): "the bytes are no delta of this model: \(reason)"
    }
  }

  /// What can be done about it, where something can.
  public var hint: String? {
    switch self {
    case .notFinite: "training diverged; a smaller training.learningRate in the plan usually helps"
    case .zeroWeight: "no usable training row; `tributary preview` shows which rows are dropped and why"
    case .unusableClipNorm: "set update.clipNorm in the plan, for example 5.0"
    case .unusableLearningRate: "set server.learningRate in the plan, for example 1.0"
    case .occupancyAlarm: "nothing was published; the next round starts from the same model on the widest grid"
    case .impossibleTotalWeight: "nothing was published; the next round starts from the same model"
    case .wrongLength, .excessiveWeight, .badUpdate, .badDelta: nil
    }
  }
}
