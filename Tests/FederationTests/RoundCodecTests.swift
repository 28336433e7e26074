import Federation
import Schemas
import SecureAggregation
import Testing
import Updates

@Suite("Round codec")
struct RoundCodecTests {
  private func survivors(_ count: Int) throws -> [Peer] {
    try (0..<count).map { i in
      let key = try IdentitySigner(seed: [UInt8](repeating: UInt8(i + 1), count: 32)).publicKey
      return Peer(name: "node-\(i)", organisation: "organisation \(i)", key: key)
    }
  }

  /// Three participants' updates are encoded, added lane by lane, and decoded again.
  @Test("The decoded mean is the weighted mean, within the grid's step, and the tail adds up")
  func weightedMean() throws {
    let roundPlan = RoundPlan(
      kind: .update, run: "hearts-1", roundID: 7, minimumSurvivors: 3, assumedColluders: 0, targetError: 1e-3,
      clipNorm: 2, dimension: 20, maximumWeight: 100, weightRule: 1,
      tailLanes: UInt32(1 + MetricLanes.laneCount(classes: 2)), metricScale: 1024, trainer: .zero, modelIn: .zero,
      deadlineSeconds: 0)
    let codec = RoundCodec(plan: roundPlan, rosterCount: 3, last: nil)
    #expect(codec.shape.bits == 24)
    #expect(codec.shape.count == 32)

    let transcript = Digest(sha256: [1, 2, 3])
    let deltas: [[Float]] = (0..<3).map { i in (0..<20).map { k in Float((k * 7 + i * 3) % 11 - 5) * 0.01 } }
    let weights: [UInt32] = [10, 40, 50]
    var metrics = MetricLanes(classes: 2)
    metrics.record(label: 1, score: 0.9, loss: 0.125, correct: true)
    metrics.record(label: 0, score: 0.7, loss: 1.5, correct: false)

    var vector = [UInt32](repeating: 0, count: 32)
    var tail = [UInt32](repeating: 0, count: Int(roundPlan.tailLanes))
    for i in 0..<3 {
      let coins = (0..<codec.coinBytes).map { UInt8(truncatingIfNeeded: $0 * 31 + i) }
      let input = try codec.encode(
        delta: deltas[i], weight: weights[i], metrics: metrics, coins: coins, transcript: transcript)
      for k in vector.indices { vector[k] = (vector[k] &+ input.vector[k]) & 0xFF_FFFF }
      for k in tail.indices { tail[k] &+= input.tail[k] }
    }
    let sum = RoundSum(vector: vector, tail: tail, statistics: [], survivors: try survivors(3))

    let (mean, norm) = try codec.mean(of: sum, transcript: transcript)
    let step = Double(try #require(codec.grid).step)
    for k in 0..<20 {
      let expected = (0..<3).map { i in Double(deltas[i][k]) * Double(weights[i]) }.reduce(0, +) / 100
      // Each of the 32 rotated coordinates is off by less than 3 steps of the sum, scaled by wMax / Σw = 1.
      #expect(abs(Double(mean[k]) - expected) < 3 * step * 32.0.squareRoot())
    }
    let squares = mean.map { Double($0) * Double($0) }
    #expect(abs(norm - squares.reduce(0, +).squareRoot()) < 1e-9)

    let cohort = try codec.metrics(of: sum, measures: .classes(2))
    #expect(cohort.rows == 6)
    #expect(cohort.correct == 3)
    #expect(cohort.lossSum == 3 * 1.625)
    #expect(tail[0] == 100)
  }

  @Test("A total weight that no survivors could have is refused, and the model stays as it is")
  func impossibleWeight() throws {
    let roundPlan = RoundPlan(
      kind: .update, run: "hearts-1", roundID: 7, minimumSurvivors: 3, assumedColluders: 0, targetError: 1e-3,
      clipNorm: 2, dimension: 4, maximumWeight: 100, weightRule: 1, tailLanes: 1, metricScale: 1024, trainer: .zero,
      modelIn: .zero, deadlineSeconds: 0)
    let codec = RoundCodec(plan: roundPlan, rosterCount: 3, last: nil)
    for total in [UInt32(2), 301] {
      let sum = RoundSum(
        vector: [UInt32](repeating: 0, count: codec.shape.count), tail: [total], statistics: [],
        survivors: try survivors(3))
      #expect(throws: UpdateError.impossibleTotalWeight(total: UInt64(total), survivors: 3, maximumWeight: 100)) {
        try codec.mean(of: sum, transcript: .zero)
      }
    }
  }

  @Test("A statistics round sends its lanes as they are, an evaluation round only its tail")
  func shapes() throws {
    var roundPlan = RoundPlan(
      kind: .counts, run: "hearts-1", roundID: 7, minimumSurvivors: 3, assumedColluders: 0, targetError: 1e-3,
      clipNorm: 2, dimension: 3, maximumWeight: 100, weightRule: 1, tailLanes: 0, metricScale: 1024, trainer: .zero,
      modelIn: .zero, deadlineSeconds: 0)
    let counts = RoundCodec(plan: roundPlan, rosterCount: 3, last: nil)
    #expect(counts.encode(statistics: [4, 5, .max]).statistics == [4, 5, .max])
    #expect(counts.shape == VectorShape(bits: 8, count: 0, tailLanes: 0, statisticLanes: 3))

    roundPlan.kind = .evaluation
    roundPlan.dimension = 0
    roundPlan.tailLanes = UInt32(1 + MetricLanes.laneCount(classes: 3))
    let evaluation = RoundCodec(plan: roundPlan, rosterCount: 3, last: nil)
    let input = evaluation.encode(metrics: MetricLanes(classes: 3), weight: 9)
    #expect(input.tail == [9, 0, 0, 0, 0, 0, 0])
    #expect(evaluation.shape == VectorShape(bits: 8, count: 0, tailLanes: 7, statisticLanes: 0))
  }
}
