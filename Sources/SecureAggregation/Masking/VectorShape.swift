/// What every upload of a round holds, and so how long it is.
public struct VectorShape: Hashable, Codable, Sendable {
  /// B: the width of a vector lane, 8 to 32. It counts for nothing when there is no vector.
  public var bits: Int
  /// Vector lanes: the padded length of the rotated update.
  public var count: Int
  /// u32 lanes: the weight, then metrics.
  public var tailLanes: Int
  /// u64 lanes of a statistics round.
  public var statisticLanes: Int

  public init(bits: Int, count: Int, tailLanes: Int, statisticLanes: Int) {
    self.bits = bits
    self.count = count
    self.tailLanes = tailLanes
    self.statisticLanes = statisticLanes
  }

  /// Bytes of the packed vector.
  public var vectorByteCount: Int { (bits * count + 7) / 8 }
  /// Bytes of the whole upload.
  public var byteCount: Int { vectorByteCount + 4 * tailLanes + 8 * statisticLanes }

  /// Refuses a shape that does not fit the plan: the padded vector of another kind of round, or another tail.
  ///
  /// The padded length may exceed the plan's dimension, never twofold and 32 more.
  func validate(_ plan: RoundPlan) throws(AveragingError) {
    guard (8...32).contains(bits) else { throw .inputShape("\(bits) bits a lane, expected 8 to 32") }
    guard tailLanes == Int(plan.tailLanes) else {
      throw .inputShape("\(tailLanes) tail lanes, the plan has \(plan.tailLanes)")
    }
    let dimension = Int(plan.dimension)
    guard statisticLanes == (plan.kind.isStatistics ? dimension : 0) else {
      throw .inputShape("\(statisticLanes) statistic lanes in a round of kind \(plan.kind)")
    }
    let allowed = plan.kind == .update ? dimension...(2 * dimension + 32) : 0...0
    guard allowed.contains(count) else {
      throw .inputShape("\(count) vector lanes for \(dimension) coordinates in a round of kind \(plan.kind)")
    }
  }

  /// Refuses bytes that are not an upload of this shape: another length, or spare bits that are not zero.
  public func check(_ payload: [UInt8], from sender: String) throws(AveragingError) {
    let what = "upload of \(sender)"
    guard payload.count <= byteCount else { throw .oversize(of: what, limit: byteCount, found: payload.count) }
    guard payload.count == byteCount else { throw .wrongLength(of: what, expected: byteCount, found: payload.count) }
    let used = bits * count % 8
    if used != 0, payload[vectorByteCount - 1] >> UInt8(used) != 0 { throw .paddingBits(from: sender) }
  }
}

/// What one participant contributes, before masking: lanes modulo 2^B, 2^32 and 2^64.
public struct MaskedInput: Hashable, Sendable {
  public var vector: [UInt32]
  public var tail: [UInt32]
  public var statistics: [UInt64]

  public init(vector: [UInt32] = [], tail: [UInt32] = [], statistics: [UInt64] = []) {
    self.vector = vector
    self.tail = tail
    self.statistics = statistics
  }

  /// Refuses other counts than the round's, lanes wider than B bits, and a weight of zero or above the maximum:
  /// inside a mask nobody could see them.
  func validate(_ shape: VectorShape, maximumWeight: UInt32) throws(AveragingError) {
    for (what, found, expected) in [
      ("vector", vector.count, shape.count), ("tail", tail.count, shape.tailLanes),
      ("statistics", statistics.count, shape.statisticLanes),
    ] where found != expected {
      throw .inputShape("\(found) \(what) lanes, expected \(expected)")
    }
    guard shape.bits == 32 || vector.allSatisfy({ $0 >> UInt32(shape.bits) == 0 }) else {
      throw .inputShape("a vector lane is wider than \(shape.bits) bits")
    }
    if let weight = tail.first, weight == 0 || weight > maximumWeight {
      throw .inputShape("weight \(weight), expected 1 to \(maximumWeight)")
    }
  }
}
