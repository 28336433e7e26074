/// What a model achieves on rows, as numbers that add up over participants: nothing here is a score or label of one row.
///
/// For a binary label the scores are counted per class in 64 bins of equal width, because histograms add up and the area
/// under a curve does not.
public struct MetricLanes: Sendable, Hashable, Codable {
  public static let binCount = 64

  public private(set) var rows: Int
  public private(set) var lossSum: Double
  public private(set) var correct: Int
  /// Rows per class of the label.
  public private(set) var classRows: [Int]
  /// `[class][bin]` of the probability of class 1; empty unless there are two classes.
  public private(set) var histogram: [[Int]]

  /// Of no rows yet.
  public init(classes: Int) {
    rows = 0
    lossSum = 0
    correct = 0
    classRows = [Int](repeating: 0, count: classes)
    histogram = classes == 2 ? [[Int]](repeating: [Int](repeating: 0, count: Self.binCount), count: 2) : []
  }

  /// Counts one row.
  ///
  /// - Parameters:
  ///   - label: Of `0..<classes`.
  ///   - score: The probability of class 1, in [0, 1]; counted only when there are two classes.
  ///   - loss: The row's cross-entropy in nats; at least 0.
  ///   - correct: Whether the most probable class is the label.
  public mutating func record(label: Int, score: Double, loss: Double, correct: Bool) {
    rows += 1
    lossSum += loss
    self.correct += correct ? 1 : 0
    classRows[label] += 1
    if !histogram.isEmpty {
      let bin = score.isNaN ? 0 : Int(max(0, min(Double(Self.binCount - 1), score * Double(Self.binCount))))
      histogram[label][bin] += 1
    }
  }
}

extension MetricLanes {
  /// Rows, loss and correct predictions, then the two histograms of a binary label or the rows of each class.
  public static func laneCount(classes: Int) -> Int {
    3 + (classes == 2 ? 2 * binCount : classes)
  }

  /// Two's complement, the loss times `scale`. A loss too large for its lane saturates, so that a bad model looks bad.
  public func lanes(scale: Double) -> [UInt32] {
    let bound = Double(Int32.max / 256)  // leaves room for the sum over the largest cohort, 255
    let loss = (lossSum * scale).rounded()
    let counts = histogram.isEmpty ? classRows : histogram.flatMap { $0 }
    return [UInt32(truncatingIfNeeded: rows), UInt32(bitPattern: Int32(loss.isNaN ? bound : max(0, min(bound, loss))))]
      + [UInt32(truncatingIfNeeded: correct)] + counts.map { UInt32(truncatingIfNeeded: $0) }
  }

  /// - Throws: `.impossibleStatistics` for lanes that no rows could have given, such as more correct predictions than rows.
  public init(lanes: [UInt32], classes: Int, scale: Double) throws(SchemaError) {
    guard lanes.count == Self.laneCount(classes: classes) else {
      throw .wrongLength(what: "metric lanes", expected: Self.laneCount(classes: classes), found: lanes.count)
    }
    let numbers = lanes.map { Int(Int32(bitPattern: $0)) }
    self.init(classes: classes)
    rows = numbers[0]
    lossSum = Double(numbers[1]) / scale
    correct = numbers[2]
    if classes == 2 {
      histogram = [Array(numbers[3..<3 + Self.binCount]), Array(numbers[(3 + Self.binCount)...])]
      classRows = histogram.map { $0.reduce(0, +) }
    } else {
      classRows = Array(numbers[3...])
    }
    guard numbers.allSatisfy({ $0 >= 0 }), correct <= rows, classRows.reduce(0, +) == rows else {
      throw .impossibleStatistics(column: "metrics")
    }
  }
}

extension MetricLanes {
  public var accuracy: Double? { rows == 0 ? nil : Double(correct) / Double(rows) }

  /// In nats per row.
  public var meanLoss: Double? { rows == 0 ? nil : lossSum / Double(rows) }

  /// Fewer than 20 rows, or fewer than 5 of a class: a metric over them says little and tells too much.
  public var tooFewRows: Bool { rows < 20 || classRows.contains { $0 < 5 } }

  /// The area under the ROC curve, of a binary label with rows of both classes.
  public var auc: BinnedAUC? { BinnedAUC(histogram: histogram) }
}

/// An area under the ROC curve from binned scores: the exact one lies within `tieBound` of `value`.
///
/// A pair of a positive and a negative row in different bins is ordered as their scores are; within one bin the order is
/// not known, and each such pair counts one half: AUC = (concordant + ½ same bin) / pairs, tieBound = ½ same bin / pairs.
public struct BinnedAUC: Sendable, Hashable, Codable {
  public let value: Double
  public let tieBound: Double

  init?(histogram: [[Int]]) {
    guard histogram.count == 2 else { return nil }
    var negativesBelow = 0.0
    var concordant = 0.0
    var sameBin = 0.0
    var positives = 0.0
    for (negative, positive) in zip(histogram[0], histogram[1]) {
      concordant += Double(positive) * negativesBelow
      sameBin += Double(positive) * Double(negative)
      negativesBelow += Double(negative)
      positives += Double(positive)
    }
    let pairs = positives * negativesBelow
    guard pairs > 0 else { return nil }
    value = (concordant + sameBin / 2) / pairs
    tieBound = sameBin / 2 / pairs
  }
}
