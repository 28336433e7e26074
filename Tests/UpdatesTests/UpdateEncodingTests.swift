import Testing

@testable import Updates

@Suite("Update encoding")
struct UpdateEncodingTests {
  private struct Cohort {
    let rotation: Rotation
    let signs: RotationSigns
    var deltas: [[Float]]
    var weights: [UInt32]
    let maximumWeight: UInt32 = 1000
    var generator: SplitMix64

    init(participants: Int, dimension: Int, seed: UInt64, value: (inout SplitMix64) -> Double) {
      var generator = SplitMix64(state: seed)
      rotation = Rotation(dimension: dimension)
      let bytes = rotation.passSignBytes
      signs = (pass1: generator.bytes(bytes), pass2: generator.bytes(bytes))
      deltas = (0..<participants).map { _ in (0..<dimension).map { _ in Float(value(&generator)) } }
      weights = (0..<participants).map { _ in UInt32(1 + generator.next() % 1000) }
      self.generator = generator
    }

    var totalWeight: UInt64 { weights.reduce(0) { $0 + UInt64($1) } }

    /// The weighted mean in double precision, nothing clipped.
    var mean: [Double] {
      var mean = [Double](repeating: 0, count: rotation.dimension)
      for (delta, weight) in zip(deltas, weights) {
        for k in mean.indices { mean[k] += Double(delta[k]) * Double(weight) / Double(totalWeight) }
      }
      return mean
    }

    mutating func sum(on grid: UpdateGrid, clipNorm: Double) throws -> [UInt32] {
      var sum = [UInt32](repeating: 0, count: rotation.paddedCount)
      for (delta, weight) in zip(deltas, weights) {
        let lanes = try UpdateEncoding.encode(
          delta: delta, weight: weight, maximumWeight: maximumWeight, clipNorm: clipNorm, rotation: rotation,
          signs: signs, grid: grid, coins: generator.bytes(4 * rotation.paddedCount))
        #expect(lanes.allSatisfy { UInt64($0) < 1 << UInt64(grid.bits) })
        for k in sum.indices {
          sum[k] = (sum[k] &+ lanes[k]) & UInt32(truncatingIfNeeded: UInt64(1) << UInt64(grid.bits) - 1)
        }
      }
      return sum
    }

    func decoded(_ sum: [UInt32], on grid: UpdateGrid) throws -> (mean: [Float], norm: Double) {
      try UpdateEncoding.decode(
        sum: sum, totalWeight: totalWeight, survivors: deltas.count, maximumWeight: maximumWeight, rotation: rotation,
        signs: signs, grid: grid)
    }
  }

  @Test("Encoding, summing and decoding gives the weighted mean to within the grid", arguments: [1, 20, 300, 33_000])
  func exactness(dimension: Int) throws {
    var cohort = Cohort(participants: 4, dimension: dimension, seed: UInt64(dimension)) { $0.normal() / 100 }
    let grid = UpdateGrid(participants: 4, dimension: dimension, clipNorm: 50, targetError: 1e-3, last: nil)
    let (mean, norm) = try cohort.decoded(try cohort.sum(on: grid, clipNorm: 50), on: grid)
    // Each of four roundings moves each of D coordinates by less than a step; single precision adds about 10⁻⁶ of each.
    let scale = Double(cohort.maximumWeight) / Double(cohort.totalWeight)
    let rounding = 4 * grid.step * Double(cohort.rotation.paddedCount).squareRoot() * scale
    let bound = rounding + 1e-5 * (length(cohort.mean) + length(cohort.deltas.joined().map(Double.init)) * scale)
    #expect(length(zip(mean, cohort.mean).map { Double($0) - $1 }) < bound)
    #expect(norm == length(mean.map(Double.init)))
  }

  @Test("The error at the rule's bits meets its target for heavy-tailed updates", arguments: [5, 20])
  func targetError(participants: Int) throws {
    let dimension = 3 * (1 << 15) + 3
    var source = SplitMix64(state: 9)
    let values = (0..<9973).map { _ in source.heavyTailed() * 1e-3 }
    var cohort = Cohort(participants: participants, dimension: dimension, seed: UInt64(participants)) {
      let draw = $0.next()
      return draw >> 63 == 1 ? values[Int(draw % 9973)] : -values[Int(draw % 9973)]
    }
    cohort.weights = cohort.weights.map { _ in 1000 }
    let expected = cohort.mean
    let last = UpdateGrid.LastRound(
      meanNorm: length(expected), totalWeight: cohort.totalWeight, survivors: participants, maximumWeight: 1000)
    let grid = UpdateGrid(
      participants: participants, dimension: dimension, clipNorm: 100, targetError: 1e-3, last: last)
    #expect(grid.bits == (participants == 5 ? 9 : 10))
    let (mean, _) = try cohort.decoded(try cohort.sum(on: grid, clipNorm: 100), on: grid)
    let error = length(zip(mean, expected).map { Double($0) - $1 }) / length(expected)
    // 44·n/4^B, n = 5 and B = 9 or n = 20 and B = 10, is 8.4·10⁻⁴; half of it would mean that the rule wastes a bit.
    #expect(error * error < 1e-3 && error * error > 4e-4)
  }

  @Test("The order in which updates are added changes no byte of the mean")
  func anyOrder() throws {
    var cohort = Cohort(participants: 3, dimension: 50, seed: 1) { $0.normal() }
    let grid = UpdateGrid(participants: 3, dimension: 50, clipNorm: 10, targetError: 1e-3, last: nil)
    let lanes = try zip(cohort.deltas, cohort.weights).map { delta, weight in
      try UpdateEncoding.encode(
        delta: delta, weight: weight, maximumWeight: 1000, clipNorm: 10, rotation: cohort.rotation,
        signs: cohort.signs, grid: grid, coins: cohort.generator.bytes(4 * cohort.rotation.paddedCount))
    }
    let sums = [[0, 1, 2], [2, 0, 1]].map { order in
      lanes[0].indices.map { k in order.reduce(UInt32(0)) { ($0 + lanes[$1][k]) & 0xFF_FFFF } }
    }
    #expect(try cohort.decoded(sums[0], on: grid).mean == (try cohort.decoded(sums[1], on: grid).mean))
  }

  @Test("An update is scaled to the clip norm and by its share of the greatest weight")
  func clipping() throws {
    // ‖(3, 4)‖ = 5, clipped to 1, half the weight: 0.1 of each.
    #expect(try Clipping.factor(for: [3, 4], weight: 50, maximumWeight: 100, clipNorm: 1) == 0.1)
    #expect(try Clipping.factor(for: [3, 4], weight: 100, maximumWeight: 100, clipNorm: 5) == 1)
    #expect(try Clipping.factor(for: [0, 0], weight: 1, maximumWeight: 1, clipNorm: 5) == 1)
    #expect(try Clipping.norm(of: [3, 4]) == 5)
  }

  @Test("A broken update is refused before it could be masked")
  func refusals() {
    func encode(
      _ delta: [Float], weight: UInt32 = 1, clipNorm: Double = 1
    ) throws(UpdateError) -> [UInt32] {
      let rotation = Rotation(dimension: 2)
      let grid = UpdateGrid(participants: 3, dimension: 2, clipNorm: 1, targetError: 1e-3, last: nil)
      return try UpdateEncoding.encode(
        delta: delta, weight: weight, maximumWeight: 10, clipNorm: clipNorm, rotation: rotation,
        signs: (pass1: [0], pass2: [0]), grid: grid, coins: [UInt8](repeating: 0, count: 8))
    }
    #expect(throws: UpdateError.wrongLength(expected: 2, found: 3)) { try encode([1, 2, 3]) }
    #expect(throws: UpdateError.notFinite(index: 1)) { try encode([1, .nan]) }
    #expect(throws: UpdateError.notFinite(index: 0)) { try encode([-.infinity, .nan]) }
    #expect(throws: UpdateError.zeroWeight) { try encode([1, 2], weight: 0) }
    #expect(throws: UpdateError.excessiveWeight(weight: 11, maximum: 10)) { try encode([1, 2], weight: 11) }
    #expect(throws: UpdateError.unusableClipNorm(0)) { try encode([1, 2], clipNorm: 0) }
    #expect(throws: UpdateError.unusableClipNorm(.infinity)) { try encode([1, 2], clipNorm: .infinity) }
  }

  @Test("A total weight that no survivors could have abandons the round", arguments: [0, 2, 3001, UInt64.max])
  func impossibleWeight(total: UInt64) {
    let cohort = Cohort(participants: 3, dimension: 4, seed: 1) { $0.normal() }
    let grid = UpdateGrid(participants: 3, dimension: 4, clipNorm: 1, targetError: 1e-3, last: nil)
    #expect(throws: UpdateError.impossibleTotalWeight(total: total, survivors: 3, maximumWeight: 1000)) {
      try UpdateEncoding.decode(
        sum: [1, 2, 3, 4], totalWeight: total, survivors: 3, maximumWeight: 1000, rotation: cohort.rotation,
        signs: cohort.signs, grid: grid)
    }
  }

  @Test("A sum that fills a monitored grid evenly raises the occupancy alarm, and passes where none can wrap")
  func occupancy() throws {
    let dimension = 70_000
    var cohort = Cohort(participants: 3, dimension: dimension, seed: 2) { _ in 0 }
    let last = UpdateGrid.LastRound(meanNorm: 1, totalWeight: 3000, survivors: 3, maximumWeight: 1000)
    let watched = UpdateGrid(participants: 3, dimension: dimension, clipNorm: 9, targetError: 1e-3, last: last)
    let mask = UInt32(1) << UInt32(watched.bits) - 1
    let even = (0..<cohort.rotation.paddedCount).map { _ in
      UInt32(truncatingIfNeeded: cohort.generator.next()) & mask
    }
    #expect {
      try cohort.decoded(even, on: watched)
    } throws: { error in
      guard case UpdateError.occupancyAlarm(let beyond, let count) = error else { return false }
      return count == cohort.rotation.paddedCount && abs(Double(beyond) / Double(count) - 0.2) < 0.01
    }
    let first = UpdateGrid(participants: 3, dimension: dimension, clipNorm: 9, targetError: 1e-3, last: nil)
    #expect(try cohort.decoded(even, on: first).norm > 0)
  }

  @Test("Updates that suddenly grow tenfold raise the alarm instead of a wrapped model")
  func growth() throws {
    let dimension = 70_000
    var cohort = Cohort(participants: 3, dimension: dimension, seed: 4) { $0.normal() * 1e-2 }
    cohort.weights = [1000, 1000, 1000]
    let last = UpdateGrid.LastRound(
      meanNorm: length(cohort.mean) / 10, totalWeight: 3000, survivors: 3, maximumWeight: 1000)
    let grid = UpdateGrid(participants: 3, dimension: dimension, clipNorm: 9, targetError: 1e-3, last: last)
    let sum = try cohort.sum(on: grid, clipNorm: 9)
    #expect(throws: UpdateError.self) { try cohort.decoded(sum, on: grid) }
  }

  private func length(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
}
