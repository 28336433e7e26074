import Federation
import Schemas
import SecureAggregation
import Updates

/// What one kind of round sends from this node: masked numbers, and the keys and signatures around them.
public struct LeavingRound: Sendable, Hashable, Codable {
  public var kind: String
  /// How often it happens in a run.
  public var rounds: Int
  /// What the numbers are, in words.
  public var content: String
  public var lanes: Int
  /// 64 for statistics, B for an update; its tail has lanes of 32.
  public var bitsPerLane: Int
  public var tailLanes: Int
  /// Bytes of values a round, masked unless the plan averages in the clear.
  public var maskedBytes: Int
  /// Keys, encrypted shares and signatures a round, in a full cohort; about.
  public var protocolBytes: Int

  public var totalBytes: Int { rounds * (maskedBytes + protocolBytes) }
}

extension LeavingRound {
  /// The rounds of a run of this plan in a full cohort, if every column of a table is kept.
  static func rounds(of plan: RunPlan) -> [LeavingRound] {
    let family = plan.model.family
    let tail = 1 + family.measures.laneCount
    let dimension = family.largestParameterCount
    let metrics = "weight, \(family.measures.words)"
    let update = { (rounds: Int, last: UpdateGrid.LastRound?) in
      LeavingRound(
        .update, plan: plan, rounds: rounds,
        content: "what training changed in \(dimension) parameters, clipped to \(plan.update.clipNorm); \(metrics)",
        shape: VectorShape(
          bits: UpdateGrid(
            participants: plan.cohort.size, dimension: dimension, clipNorm: plan.update.clipNorm,
            targetError: plan.update.targetError, last: last
          ).bits,
          count: Rotation(dimension: dimension).paddedCount, tailLanes: tail, statisticLanes: 0))
    }
    // With every weight at its maximum, which is when the fewest bits are needed.
    let later = UpdateGrid.LastRound(
      meanNorm: plan.update.clipNorm, totalWeight: UInt64(plan.cohort.size) * UInt64(plan.maximumWeight),
      survivors: plan.cohort.size, maximumWeight: plan.maximumWeight)
    var rounds = family.statistics.map { kind in
      let (lanes, words) = family.statisticsContent(of: kind)
      return LeavingRound(
        kind, plan: plan, rounds: 1, content: words,
        shape: VectorShape(bits: 0, count: 0, tailLanes: 0, statisticLanes: lanes))
    }
    if let format = plan.clearFormat {
      let clear = ClearUpdate(format, count: dimension)
      rounds.append(LeavingRound(clear, plan: plan, tail: tail, content: update(1, nil).content))
    } else if dimension <= UpdateGrid.smallDimension || plan.rounds == 1 {
      rounds.append(update(plan.rounds, nil))
    } else {
      rounds += [update(1, nil), update(plan.rounds - 1, later)]
    }
    rounds.append(
      LeavingRound(
        .evaluation, plan: plan, rounds: 1,
        content: "\(metrics) of the final model",
        shape: VectorShape(bits: 0, count: 0, tailLanes: tail, statisticLanes: 0)))
    return rounds
  }

  /// Updates without masks; a sparse one is compressed further, by an amount that depends on the training.
  private init(_ clear: ClearUpdate, plan: RunPlan, tail: Int, content: String) {
    self.init(
      kind: "\(RoundKind.update)", rounds: plan.rounds, content: content,
      lanes: clear.kept > 0 ? clear.kept : clear.lanes, bitsPerLane: clear.kept > 0 ? 8 : 4, tailLanes: tail,
      maskedBytes: clear.byteCount + 4 * tail, protocolBytes: Self.unmaskedBytes)
  }

  /// The advert, and the statement on the upload.
  private static let unmaskedBytes = 320 + 140

  private init(_ kind: RoundKind, plan: RunPlan, rounds: Int, content: String, shape: VectorShape) {
    let others = plan.cohort.size - 1
    self.init(
      kind: "\(kind)", rounds: rounds, content: content,
      lanes: shape.statisticLanes + shape.count, bitsPerLane: kind.isStatistics ? 64 : shape.bits,
      tailLanes: shape.tailLanes, maskedBytes: shape.byteCount,
      // An advert (4 keys and digests of 32 bytes, a nonce, a signature, names), a share for each other (80 and a rank),
      // the statement on the upload, a confirmation, and a share of each member in the answer.
      protocolBytes: Self.unmaskedBytes + (plan.averaging == .clear ? 0 : 82 * others + 66 + 35 * (others + 1)))
  }
}

extension Measures {
  fileprivate var words: String {
    switch self {
    case .classes(2): "rows, loss, correct predictions and score counts"
    case .classes: "rows, loss, correct predictions and rows of each class"
    case .errors: "rows and squared errors, all added up"
    case .tokens: "rows, tokens of their answers, correct ones and loss, all added up"
    }
  }
}
