import Schemas
import Testing

/// Rows with a score that tells the classes apart a little: seeded, no two scores equal.
private func syntheticRows(_ count: Int, seed: UInt64) -> [(label: Int, score: Double)] {
  var generator = SplitMix64(state: seed)
  return (0..<count).map { _ in
    let label = Double.random(in: 0..<1, using: &generator) < 0.3 ? 1 : 0
    let noise = Double.random(in: 0..<1, using: &generator)
    return (label, 0.2 * Double(label) + 0.8 * noise * noise)
  }
}

/// The share of pairs in which the positive row has the higher score, by looking at every pair.
private func exactAUC(_ rows: [(label: Int, score: Double)]) -> Double {
  let negatives = rows.filter { $0.label == 0 }.map(\.score)
  let positives = rows.filter { $0.label == 1 }.map(\.score)
  var concordant = 0.0
  for positive in positives {
    for negative in negatives { concordant += positive > negative ? 1 : positive == negative ? 0.5 : 0 }
  }
  return concordant / Double(positives.count * negatives.count)
}

private func lanes(_ rows: [(label: Int, score: Double)]) -> MetricLanes {
  var lanes = MetricLanes(classes: 2)
  for row in rows { lanes.record(label: row.label, score: row.score, loss: 0.5, correct: row.label == 1) }
  return lanes
}

struct MetricLanesTests {
  @Test("The binned area under the curve lies within its tie bound of the exact one", arguments: [30, 300, 3000])
  func binnedAgainstExact(count: Int) throws {
    let rows = syntheticRows(count, seed: UInt64(count))
    let binned = try #require(lanes(rows).auc)
    #expect(abs(binned.value - exactAUC(rows)) <= binned.tieBound + 1e-12)
    #expect(binned.tieBound < 0.02)
  }

  @Test("Scores in different bins give the exact area and no bound; in one bin nothing is known")
  func extremes() throws {
    // One negative between two positives: one of two pairs is concordant.
    let apart = lanes([(1, 0.1), (0, 0.5), (1, 0.9)])
    #expect(apart.auc == lanes([(1, 0.1), (0, 0.5), (1, 0.9)]).auc)
    #expect(apart.auc?.value == 0.5 && apart.auc?.tieBound == 0)
    let together = try #require(lanes([(1, 0.501), (0, 0.502)]).auc)
    #expect(together.value == 0.5 && together.tieBound == 0.5)
    #expect(lanes([(1, 0.5)]).auc == nil)
    #expect(MetricLanes(classes: 3).auc == nil)
  }

  @Test("Lanes of participants add up to the metrics of all their rows")
  func additive() throws {
    let first = syntheticRows(25, seed: 1)
    let second = syntheticRows(40, seed: 2)
    let sum = zip(lanes(first).lanes(scale: 1024), lanes(second).lanes(scale: 1024)).map { $0 &+ $1 }
    #expect(try MetricLanes(lanes: sum, classes: 2, scale: 1024) == lanes(first + second))
    #expect(sum.count == MetricLanes.laneCount(classes: 2))
  }

  @Test("Classes beyond two are counted without scores")
  func manyClasses() throws {
    var metrics = MetricLanes(classes: 3)
    for label in [0, 1, 1, 2] { metrics.record(label: label, score: 0, loss: 0.25, correct: label == 1) }
    #expect(metrics.lanes(scale: 4) == [4, 4, 2, 1, 2, 1])
    #expect(metrics.accuracy == 0.5 && metrics.meanLoss == 0.25)
    #expect(try MetricLanes(lanes: metrics.lanes(scale: 4), classes: 3, scale: 4) == metrics)
  }

  @Test("Fewer than 20 rows or 5 of a class are too few to tell")
  func tooFewRows() {
    func metrics(_ negatives: Int, _ positives: Int) -> MetricLanes {
      lanes(
        [Int](repeating: 0, count: negatives).map { ($0, 0.2) }
          + [Int](repeating: 1, count: positives).map { ($0, 0.8) })
    }
    #expect(metrics(14, 5).tooFewRows)
    #expect(metrics(16, 4).tooFewRows)
    #expect(!metrics(15, 5).tooFewRows)
    #expect(MetricLanes(classes: 2).tooFewRows && MetricLanes(classes: 2).accuracy == nil)
  }

  @Test("A loss beyond its lane saturates, and a score that is no number or out of range does not trap")
  func saturation() throws {
    var metrics = MetricLanes(classes: 2)
    metrics.record(label: 0, score: .nan, loss: .infinity, correct: false)
    metrics.record(label: 1, score: 7, loss: 1e300, correct: false)
    metrics.record(label: 1, score: -7, loss: 0, correct: false)
    let read = try MetricLanes(lanes: metrics.lanes(scale: 1), classes: 2, scale: 1)
    #expect(read.lossSum == Double(Int32.max / 256) && read.rows == 3)
    #expect(read.histogram[1][63] == 1 && read.histogram[1][0] == 1)
  }

  @Test("Lanes that no rows could have given are refused")
  func impossible() {
    var good = lanes(syntheticRows(25, seed: 1)).lanes(scale: 1)
    #expect(throws: SchemaError.self) { try MetricLanes(lanes: [1], classes: 2, scale: 1) }
    good[2] = 26
    #expect(throws: SchemaError.self) { try MetricLanes(lanes: good, classes: 2, scale: 1) }
    good[2] = .max
    #expect(throws: SchemaError.self) { try MetricLanes(lanes: good, classes: 2, scale: 1) }
  }
}

@Suite("Metrics of answers and numbers")
struct OtherMeasuresTests {
  @Test("Answers are measured per token, and add up over participants however large their loss is")
  func answers() throws {
    var first = MetricLanes(.tokens)
    first.record(tokens: 10, loss: 20, correct: 4)
    first.record(tokens: 30, loss: 40_000, correct: 0)
    var second = MetricLanes(.tokens)
    second.record(tokens: 60, loss: 1_000_000, correct: 6)
    #expect(first.meanLoss == 40_020.0 / 40)
    #expect(first.accuracy == 0.1 && first.auc == nil)
    let sum = zip(first.lanes(scale: 1024), second.lanes(scale: 1024)).map { $0 &+ $1 }
    let both = try MetricLanes(lanes: sum, measures: .tokens, scale: 1024)
    #expect(both.rows == 3 && both.tokens == 100 && both.correct == 10)
    #expect(both.meanLoss == 10_400.2)
    var even = MetricLanes(.tokens)
    even.record(tokens: 4, loss: 4, correct: 1)
    #expect(abs(try #require(even.perplexity) - 2.718_281_828) < 1e-8)
  }

  @Test("Numbers are measured by their mean squared error")
  func numbers() throws {
    var metrics = MetricLanes(.errors)
    metrics.record(squaredError: 0.25)
    metrics.record(squaredError: 0.75)
    #expect(metrics.meanLoss == 0.5 && metrics.perplexity == nil && metrics.accuracy == nil)
    #expect(try MetricLanes(lanes: metrics.lanes(scale: 1024), measures: .errors, scale: 1024) == metrics)
  }

  @Test("The largest cohort of the worst models fits the lanes", arguments: [Measures.tokens, .errors])
  func worst(measures: Measures) throws {
    var metrics = MetricLanes(measures)
    if measures == .tokens { metrics.record(tokens: .max / 2, loss: .infinity, correct: 0) }
    if measures == .errors { metrics.record(squaredError: .nan) }
    let sum = metrics.lanes(scale: 1024).map { $0 &* 255 }
    let cohort = try MetricLanes(lanes: sum, measures: measures, scale: 1024)
    #expect(try #require(cohort.meanLoss) > 50)
  }

  @Test("Lanes that no rows could have given are refused")
  func impossible() {
    for lanes: [UInt32] in [[2, 1, 0, 0, 0], [1, 1, 0, .max, 0], [.max, 1, 0, 0, 0], [1, 1, 2, 0, 0]] {
      #expect(throws: SchemaError.impossibleStatistics(column: "metrics")) {
        try MetricLanes(lanes: lanes, measures: .tokens, scale: 1024)
      }
    }
    #expect(throws: SchemaError.self) { try MetricLanes(lanes: [1, 1], measures: .tokens, scale: 1024) }
  }
}
