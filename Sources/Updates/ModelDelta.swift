import Compression
import Tensors
import Transforms

/// The way from one model to the next in few bytes, walked with the same bits everywhere.
///
/// A delta rounds the difference of two models; the model that it leads to, not the one that it was made for, is the next
/// model, at the coordinator too. A delta is one Zstandard frame, and deltas one after the other are again a delta: the
/// way over all of them, which is how a participant that missed rounds gets one.
///
///     bf16   d high bytes, d low bytes of bfloat16 numbers
///     int8   ⌈d/256⌉ scales as binary32, little-endian, then d signed bytes
public struct ModelDelta: Sendable, Hashable {
  public enum Format: String, Sendable, Hashable, Codable, CaseIterable { case bf16, int8 }

  public let format: Format
  /// d, the number of parameters.
  public let count: Int

  /// More steps than this are not combined, so that a few bytes cannot ask for hours of work.
  public static let mostSteps = 64

  public init(_ format: Format, count: Int) {
    self.format = format
    self.count = count
  }

  /// The bytes of one step before Zstandard, which adds less than one part in two hundred at worst.
  public var stepByteCount: Int {
    switch format {
    case .bf16: 2 * count
    case .int8: 4 * DeltaRounding.blocks(count) + count
    }
  }

  /// One step from a model towards another, and where it leads.
  ///
  /// - Throws: `.notFinite` when the step leads to an element that is no finite number.
  public func encode(from given: [Float], to wanted: [Float]) throws(UpdateError) -> (bytes: [UInt8], reached: [Float])
  {
    precondition(given.count == count && wanted.count == count)
    var step: [UInt8] = []
    step.reserveCapacity(stepByteCount)
    switch format {
    case .bf16:
      var steps = [UInt16](repeating: 0, count: count)
      var span = steps.mutableSpan
      DeltaRounding.toBfloat16(&span, from: given.span, to: wanted.span)
      step += steps.map { UInt8($0 >> 8) }
      step += steps.map { UInt8(truncatingIfNeeded: $0) }
    case .int8:
      var steps = [Int8](repeating: 0, count: count)
      var scales = [Float](repeating: 0, count: DeltaRounding.blocks(count))
      var span = steps.mutableSpan
      var scaleSpan = scales.mutableSpan
      DeltaRounding.toBytes(&span, scales: &scaleSpan, from: given.span, to: wanted.span)
      step += scales.littleEndianBytes
      step += steps.map { UInt8(bitPattern: $0) }
    }
    var reached = given
    try walk(step, &reached)
    return (Zstandard.compress(step), reached)
  }

  /// The model that a delta leads to, over one step or several.
  ///
  /// - Parameters:
  ///   - bytes: From anyone. Every frame must state the size of a step, which is compared before it is unpacked.
  ///   - steps: How many steps there must be.
  /// - Throws: `.badDelta`, or `.notFinite` with the first element that is no finite number.
  public func apply(_ bytes: [UInt8], to given: [Float], steps: ClosedRange<Int>) throws(UpdateError) -> [Float] {
    precondition(given.count == count)
    var reached = given
    var rest = bytes[...]
    var taken = 0
    while !rest.isEmpty {
      taken += 1
      guard taken <= steps.upperBound else { throw .badDelta("it has more than \(steps.upperBound) steps") }
      do {
        let (step, length) = try Zstandard.decompressFirst(of: rest, expecting: stepByteCount)
        rest = rest.dropFirst(length)
        try walk(step, &reached)
      } catch let error as CompressionError {
        throw .badDelta("\(error)")
      } catch let error as UpdateError {
        throw error
      } catch {
        throw .badDelta("\(error)")
      }
    }
    guard steps.contains(taken) else { throw .badDelta("it has \(taken) steps, expected \(steps.lowerBound)") }
    return reached
  }

  private func walk(_ step: [UInt8], _ y: inout [Float]) throws(UpdateError) {
    var span = y.mutableSpan
    switch format {
    case .bf16:
      let steps = (0..<count).map { UInt16(step[$0]) << 8 | UInt16(step[count + $0]) }
      DeltaRounding.walk(&span, steps: steps.span)
    case .int8:
      let start = 4 * DeltaRounding.blocks(count)
      let scales = step[..<start].withUnsafeBytes { [Float](littleEndianBytes: $0) }
      let steps = step[start...].map { Int8(bitPattern: $0) }
      DeltaRounding.walk(&span, steps: steps.span, scales: scales.span)
    }
    guard Norms.squared(y.span).isFinite else {
      throw .notFinite(index: y.firstIndex { !$0.isFinite } ?? 0)
    }
  }
}
