public import Schemas
public import SecureAggregation
import Updates

// Uploads without masks: tail and statistics as they are under masks, little-endian, and a compressed update.

extension RoundCodec {
  /// What one participant's upload says, once it is read.
  struct ClearContribution {
    var tail: [UInt32]
    var statistics: [UInt64]
    /// Coordinates of the update, and what to multiply them with.
    var update: (values: [Float], factor: Double)?
  }

  /// More bytes than any upload without masks has.
  var largestClearUpload: Int { leadingBytes + (clear?.largestByteCount ?? 0) }

  private var leadingBytes: Int { 4 * shape.tailLanes + 8 * shape.statisticLanes }

  /// Statistics or the final model's metrics.
  public func clearPayload(_ input: MaskedInput) -> [UInt8] {
    precondition(plan.kind != .update)
    return leading(input.tail, input.statistics)
  }

  /// An update, with the metrics of the model that it starts from.
  ///
  /// - Returns: The payload, and what of the clipped update it leaves out.
  public func clearPayload(
    delta: [Float], weight: UInt32, metrics: MetricLanes, transcript: Digest
  ) throws -> (payload: [UInt8], leftOut: [Float]) {
    guard let clear else { preconditionFailure("only an update round without masks sends updates so") }
    guard delta.count == clear.count else { throw UpdateError.wrongLength(expected: clear.count, found: delta.count) }
    let factor = try Clipping.factor(
      for: delta, weight: weight, maximumWeight: plan.maximumWeight, clipNorm: plan.clipNorm)
    let x = delta.map { Float(Double($0) * factor) }
    let bytes = clear.encode(x, signs: rotation == nil ? nil : try signs(transcript))
    var leftOut: [Float] = []
    if rotation == nil {
      let share = Float(Double(plan.maximumWeight) / Double(weight))
      leftOut = zip(x, try clear.decode(bytes)).map { ($0 - $1) * share }
    }
    return (leading(tail(weight, metrics), []) + bytes, leftOut)
  }

  /// Reads an upload that anyone may have sent.
  ///
  /// An update that is longer than its weight allows is cut down to what an honest one can have; what is not even numbers
  /// is refused.
  func read(_ payload: [UInt8], measures: Measures) throws -> ClearContribution {
    guard payload.count >= leadingBytes, payload.count <= largestClearUpload else {
      throw UpdateError.badUpdate("it has \(payload.count) bytes, expected \(leadingBytes) to \(largestClearUpload)")
    }
    func number<Value: FixedWidthInteger>(_ offset: Int, as type: Value.Type) -> Value {
      payload.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type)) }
    }
    let tail = (0..<shape.tailLanes).map { number(4 * $0, as: UInt32.self) }
    let statistics = (0..<shape.statisticLanes).map { number(4 * tail.count + 8 * $0, as: UInt64.self) }
    if let weight = tail.first {
      guard weight > 0 else { throw UpdateError.zeroWeight }
      guard weight <= plan.maximumWeight else {
        throw UpdateError.excessiveWeight(weight: weight, maximum: plan.maximumWeight)
      }
      _ = try MetricLanes(lanes: Array(tail.dropFirst()), measures: measures, scale: plan.metricScale)
    }
    let rest = Array(payload[leadingBytes...])
    guard let clear else {
      guard rest.isEmpty else { throw UpdateError.badUpdate("\(rest.count) bytes follow its numbers") }
      return ClearContribution(tail: tail, statistics: statistics)
    }
    let values = try clear.decode(rest)
    let allowed = plan.clipNorm * Double(tail.first ?? 0) / Double(plan.maximumWeight)
    return ClearContribution(
      tail: tail, statistics: statistics, update: (values, ClearUpdate.bound(values, to: allowed)))
  }

  private func leading(_ tail: [UInt32], _ statistics: [UInt64]) -> [UInt8] {
    var bytes: [UInt8] = []
    func append(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
    tail.forEach { append($0) }
    statistics.forEach { append($0) }
    return bytes
  }
}
