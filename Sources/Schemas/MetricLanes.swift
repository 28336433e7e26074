import Foundation

/// What a model achieves on rows, as numbers that add up over participants: nothing here is a score or label of one row.
///
/// For a binary label the scores are counted per class in 64 bins of equal width, because histograms add up and the area
/// under a curve does not.
public struct MetricLanes: Sendable, Hashable, Codable {
  public static let binCount = 64

  public let measures: Measures
  public private(set) var rows: Int
  /// Cross-entropy in nats, or squared errors.
  public private(set) var lossSum: Double
  /// Rows whose most probable class is the label, or tokens of answers that are the most probable one.
  public private(set) var correct: Int
  /// Of the answers, each counted with the token that ends it.
  public private(set) var tokens: Int
  /// Rows per class of the label.
  public private(set) var classRows: [Int]
  /// `[class][bin]` of the probability of class 1; empty unless there are two classes.
  public private(set) var histogram: [[Int]]

  /// Of no rows yet.
  public init(_ measures: Measures) {
    self.measures = measures
    rows = 0
    lossSum = 0
    correct = 0
    tokens = 0
    let classes = if case .classes(let count) = measures { count } else { 0 }
    classRows = [Int](repeating: 0, count: classes)
    histogram = classes == 2 ? [[Int]](repeating: [Int](repeating: 0, count: Self.binCount), count: 2) : []
  }

  /// Of no rows with a label yet.
  public init(classes: Int) { self.init(.classes(classes)) }

  /// Counts one row with a label.
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

  /// Counts one row with a number.
  public mutating func record(squaredError: Double) {
    rows += 1
    lossSum += squaredError
  }

  /// Counts rows with an answer.
  ///
  /// - Parameters:
  ///   - tokens: Of the answers, those that end them included; at least 1 of each.
  ///   - loss: Their cross-entropy together, in nats.
  ///   - correct: How many of them are the most probable one.
  public mutating func record(rows: Int = 1, tokens: Int, loss: Double, correct: Int) {
    self.rows += rows
    self.tokens += tokens
    self.correct += correct
    lossSum += loss
  }
}

extension MetricLanes {
  /// Of metrics with classes: rows, loss and correct predictions, then the two histograms of a binary label or the rows of
  /// each class.
  public static func laneCount(classes: Int) -> Int { Measures.classes(classes).laneCount }

  /// What one participant may put into a lane, so that the sum over the largest cohort, 255, fits.
  private static let largest = Double(Int32.max / 256)

  /// Two's complement, the loss times `scale`. A loss too large for its lane saturates, so that a bad model looks bad.
  ///
  /// The loss of answers and of numbers has two lanes, its low 16 bits and the rest: thousands of tokens come to more than
  /// one lane of 32 bits can hold a cohort's sum of.
  public func lanes(scale: Double) -> [UInt32] {
    let loss = (lossSum * scale).rounded()
    switch measures {
    case .classes:
      let counts = histogram.isEmpty ? classRows : histogram.flatMap { $0 }
      return [UInt32(truncatingIfNeeded: rows), UInt32(Self.bounded(loss, Self.largest))]
        + [UInt32(truncatingIfNeeded: correct)] + counts.map { UInt32(truncatingIfNeeded: $0) }
    case .errors, .tokens:
      let bits = UInt64(Self.bounded(loss, Self.largest * 65_536))
      let counts = measures == .tokens ? [rows, tokens, correct] : [rows]
      return counts.map { UInt32(Self.bounded(Double($0), Self.largest)) }
        + [UInt32(bits & 0xFFFF), UInt32(bits >> 16)]
    }
  }

  private static func bounded(_ value: Double, _ bound: Double) -> Double {
    value.isNaN ? bound : max(0, min(bound, value))
  }

  /// - Throws: `.impossibleStatistics` for lanes that no rows could have given, such as more correct predictions than rows.
  public init(lanes: [UInt32], measures: Measures, scale: Double) throws(SchemaError) {
    guard lanes.count == measures.laneCount else {
      throw .wrongLength(what: "metric lanes", expected: measures.laneCount, found: lanes.count)
    }
    let numbers = lanes.map { Int(Int32(bitPattern: $0)) }
    self.init(measures)
    rows = numbers[0]
    switch measures {
    case .classes(let classes):
      lossSum = Double(numbers[1]) / scale
      correct = numbers[2]
      if classes == 2 {
        histogram = [Array(numbers[3..<3 + Self.binCount]), Array(numbers[(3 + Self.binCount)...])]
        classRows = histogram.map { $0.reduce(0, +) }
      } else {
        classRows = Array(numbers[3...])
      }
    case .errors, .tokens:
      if measures == .tokens { (tokens, correct) = (numbers[1], numbers[2]) }
      lossSum = Double(numbers[numbers.count - 2] + numbers[numbers.count - 1] << 16) / scale
    }
    guard numbers.allSatisfy({ $0 >= 0 }), classRows.isEmpty || classRows.reduce(0, +) == rows,
      correct <= (measures == .tokens ? tokens : rows), measures != .tokens || tokens >= rows
    else { throw .impossibleStatistics(column: "metrics") }
  }

  public init(lanes: [UInt32], classes: Int, scale: Double) throws(SchemaError) {
    try self.init(lanes: lanes, measures: .classes(classes), scale: scale)
  }
}

extension MetricLanes {
  /// Of classes, and of the tokens of answers when the answer so far is told; a number is never quite right.
  public var accuracy: Double? {
    let count = measures == .tokens ? tokens : rows
    return count == 0 || measures == .errors ? nil : Double(correct) / Double(count)
  }

  /// In nats per row, or per token of the answers; of numbers the mean squared error.
  public var meanLoss: Double? {
    let count = measures == .tokens ? tokens : rows
    return count == 0 ? nil : lossSum / Double(count)
  }

  /// Of answers only: e to the mean cross-entropy of a token.
  public var perplexity: Double? { measures == .tokens ? meanLoss.map { exp($0) } : nil }

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
