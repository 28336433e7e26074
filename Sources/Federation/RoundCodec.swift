public import Schemas
public import SecureAggregation
public import Updates

/// The public numbers of one round, which every side derives alike, and with them the way from a value to masked lanes and
/// from the opened sum back.
///
/// Grid and shape follow from the signed plan, the roster's count and the run's last update close; the rotation's signs
/// follow from the transcript key T, which nobody could know before the roster was frozen.
public struct RoundCodec: Sendable {
  public let plan: RoundPlan
  /// Absent unless the round sends updates.
  public let grid: UpdateGrid?
  let rotation: Rotation?
  /// How updates travel without masks; nil under them, and in rounds that send none.
  let clear: ClearUpdate?

  /// - Parameters:
  ///   - rosterCount: n.
  ///   - last: The last close of an update round of this run; `nil` before the first and after an alarm.
  ///   - clear: The run plan's `clearFormat`.
  public init(plan: RoundPlan, rosterCount: Int, last: RoundClose?, clear: ClearUpdate.Format? = nil) {
    self.plan = plan
    guard plan.kind == .update else {
      grid = nil
      rotation = nil
      self.clear = nil
      return
    }
    self.clear = clear.map { ClearUpdate($0, count: Int(plan.dimension)) }
    if let update = self.clear {
      grid = UpdateGrid(addingClear: rosterCount, clipNorm: plan.clipNorm)
      rotation = update.rotation
      return
    }
    rotation = Rotation(dimension: Int(plan.dimension))
    grid = UpdateGrid(
      participants: rosterCount, dimension: Int(plan.dimension), clipNorm: plan.clipNorm, targetError: plan.targetError,
      last: last.flatMap { Self.lastRound($0, maximumWeight: plan.maximumWeight) })
  }

  private static func lastRound(_ close: RoundClose, maximumWeight: UInt32) -> UpdateGrid.LastRound? {
    guard close.outcome == .done else { return nil }
    return UpdateGrid.LastRound(
      meanNorm: close.meanNorm, totalWeight: close.totalWeight, survivors: Int(close.survivors),
      maximumWeight: maximumWeight)
  }

  /// The largest norm that the mean of an update round can have: C, since every update is clipped to it, and the rounding of
  /// each survivor, which moves each of the D coordinates by less than a step. 0 in other rounds.
  public func largestMean(totalWeight: UInt64, survivors: Int) -> Double {
    guard let grid, totalWeight > 0 else { return 0 }
    guard clear == nil, let rotation else { return plan.clipNorm * ClearUpdate.stretch * (1 + 1e-3) }
    let rounding = Double(survivors) * grid.step * Double(rotation.paddedCount).squareRoot()
    return plan.clipNorm * (1 + 1e-3) + rounding * Double(plan.maximumWeight) / Double(totalWeight)
  }

  /// What every upload of the round consists of; of updates without masks their number alone counts.
  public var shape: VectorShape {
    VectorShape(
      bits: clear == nil ? grid?.bits ?? 8 : 8, count: clear?.lanes ?? rotation?.paddedCount ?? 0,
      tailLanes: Int(plan.tailLanes),
      statisticLanes: plan.kind.isStatistics ? Int(plan.dimension) : 0)
  }

  /// The bytes of coins that `encode` of an update reads: four a coordinate.
  public var coinBytes: Int { 4 * (rotation?.paddedCount ?? 0) }
}

// To lanes, at a participant.

extension RoundCodec {
  /// Counts or moments of a node's training rows.
  public func encode(statistics lanes: [UInt64]) -> MaskedInput {
    precondition(plan.kind.isStatistics && lanes.count == Int(plan.dimension))
    return MaskedInput(statistics: lanes)
  }

  /// An update, with the metrics of the model that it starts from in the tail.
  ///
  /// - Parameters:
  ///   - delta: Trained minus given parameters.
  ///   - weight: 1 to the plan's maximum weight.
  ///   - coins: `coinBytes` secret uniform bytes.
  ///   - transcript: T of the round.
  public func encode(
    delta: [Float], weight: UInt32, metrics: MetricLanes, coins: [UInt8], transcript: Digest
  ) throws -> MaskedInput {
    guard let grid, let rotation else { preconditionFailure("only an update round sends updates") }
    let lanes = try UpdateEncoding.encode(
      delta: delta, weight: weight, maximumWeight: plan.maximumWeight, clipNorm: plan.clipNorm, rotation: rotation,
      signs: try signs(transcript), grid: grid, coins: coins)
    return MaskedInput(vector: lanes, tail: tail(weight, metrics))
  }

  /// The metrics of the final model.
  public func encode(metrics: MetricLanes, weight: UInt32) -> MaskedInput {
    precondition(plan.kind == .evaluation)
    return MaskedInput(tail: tail(weight, metrics))
  }

  func tail(_ weight: UInt32, _ metrics: MetricLanes) -> [UInt32] {
    [weight] + metrics.lanes(scale: plan.metricScale)
  }
}

// From the opened sum, at the coordinator.

extension RoundCodec {
  /// The weighted mean of the survivors' updates, and its L2 norm.
  ///
  /// - Throws: `UpdateError.impossibleTotalWeight` or `.occupancyAlarm`: the round is abandoned and nobody accused.
  public func mean(of sum: RoundSum, transcript: Digest) throws -> (mean: [Float], norm: Double) {
    guard let grid else { preconditionFailure("only an update round has a mean") }
    guard let rotation else {
      return ClearUpdate.mean(
        sum: sum.vector, totalWeight: UInt64(sum.tail.first ?? 0), maximumWeight: plan.maximumWeight, grid: grid)
    }
    return try UpdateEncoding.decode(
      sum: sum.vector, totalWeight: UInt64(sum.tail.first ?? 0), survivors: sum.survivors.count,
      maximumWeight: plan.maximumWeight, rotation: rotation, signs: try signs(transcript), grid: grid)
  }

  /// The cohort's metrics of the model that the round started from.
  public func metrics(of sum: RoundSum, measures: Measures) throws(SchemaError) -> MetricLanes {
    try MetricLanes(lanes: Array(sum.tail.dropFirst()), measures: measures, scale: plan.metricScale)
  }
}

extension RoundCodec {
  /// Bit k of a pass's keystream is the sign of coordinate k: AES-256-CTR under
  /// HKDF(H("fsa1/rotation-seed", T), "fsa1/rotate" ‖ u16 pass), passes counted from 1.
  func signs(_ transcript: Digest) throws(AveragingError) -> RotationSigns {
    let seed = Digest(label: "fsa1/rotation-seed", transcript.bytes).bytes
    let count = rotation?.passSignBytes ?? 0
    return (
      pass1: try Primitives.stream(count, key: seed, label: "fsa1/rotate", context: [1, 0]),
      pass2: try Primitives.stream(count, key: seed, label: "fsa1/rotate", context: [2, 0])
    )
  }
}
