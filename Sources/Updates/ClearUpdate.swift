import Compression
import Transforms

/// How an update travels without masks: each in its own scale, which no sum under masks could have.
///
///     rotated   the scale as binary32, then four bits for each of D rotated coordinates, least significant nibble first
///     sparse    a Zstandard frame of: the scale as binary32, a bit for each of d coordinates, a signed byte for each of the
///               `kept` that are set, in their order
///
/// A rotated update is unbiased: its scale is ‖z‖² / ⟨z, levels⟩, over the round's random signs, and costs 0.0096 of the
/// update's square. A sparse one is not, and is made for a participant that keeps what it left out for the next round.
///
/// Sources: Vargaftik et al., "EDEN", arXiv:2108.08842, for the scale; Lin et al., "Deep Gradient Compression",
/// arXiv:1712.01887, for the largest elements.
public struct ClearUpdate: Sendable, Hashable {
  public enum Format: Sendable, Hashable {
    case rotated
    /// The part of the coordinates that are sent, 0 to 1.
    case sparse(part: Double)
  }

  public let format: Format
  /// d.
  public let count: Int

  public init(_ format: Format, count: Int) {
    self.format = format
    self.count = count
  }

  /// What a decoded update may be longer than the clip norm allows: a scale that keeps the mean right lengthens.
  public static let stretch = 1.02

  /// The coordinates of `decode`: D rotated ones, or d.
  public var lanes: Int { rotation?.paddedCount ?? count }

  public var rotation: Rotation? { format == .rotated ? Rotation(dimension: count) : nil }

  /// Coordinates of a sparse update that are sent.
  public var kept: Int {
    guard case .sparse(let part) = format else { return 0 }
    return max(1, min(count, Int((part * Double(count)).rounded(.up))))
  }

  /// The bytes of an update, of a sparse one before Zstandard.
  public var byteCount: Int {
    switch format {
    case .rotated: 4 + (lanes + 1) / 2
    case .sparse: 4 + (count + 7) / 8 + kept
    }
  }

  /// More bytes than any update has: a frame adds a header and three bytes for each block of 2¹⁷.
  public var largestByteCount: Int { byteCount + byteCount >> 8 + 64 }

  /// - Parameters:
  ///   - x: A clipped and weighted update.
  ///   - signs: Of a rotated one.
  public func encode(_ x: [Float], signs: RotationSigns?) -> [UInt8] {
    precondition(x.count == count)
    switch (rotation, signs) {
    case (let rotation?, let signs?):
      let z = rotation.forward(x, signs: signs)
      let squared = Norms.squared(z.span)
      var codes = [UInt8](repeating: 0, count: (z.count + 1) / 2)
      guard squared > 0 else { return Self.bytes(0) + codes }
      let sigma = (squared / Double(z.count)).squareRoot()
      var span = codes.mutableSpan
      let product = FourBits.encode(&span, x: z.span, sigma: sigma)
      return Self.bytes(Float(squared / product)) + codes
    default: return Zstandard.compress(sparse(x))
    }
  }

  private func sparse(_ x: [Float]) -> [UInt8] {
    var marks = [UInt8](repeating: 0, count: (count + 7) / 8)
    var span = marks.mutableSpan
    LargestElements.mark(&span, x: x.span, count: kept)
    let taken = x.indices.filter { marks[$0 >> 3] >> UInt8($0 & 7) & 1 == 1 }
    let scale = (taken.map { x[$0].magnitude }.max() ?? 0) / 127
    let values = taken.map { k -> UInt8 in
      let exact = scale == 0 ? 0 : Double(x[k]) / Double(scale)
      return UInt8(bitPattern: Int8(max(-127, min(127, exact.rounded(.toNearestOrEven)))))
    }
    return Self.bytes(scale) + marks + values
  }

  /// The coordinates that an update stands for.
  ///
  /// - Parameter bytes: From anyone.
  /// - Throws: `.badUpdate`.
  public func decode(_ bytes: [UInt8]) throws(UpdateError) -> [Float] {
    var plain = bytes
    if format != .rotated {
      do throws(CompressionError) {
        let (content, length) = try Zstandard.decompressFirst(of: bytes[...], expecting: byteCount)
        guard length == bytes.count else { throw CompressionError.malformed }
        plain = content
      } catch {
        throw .badUpdate("\(error)")
      }
    }
    guard plain.count == byteCount else { throw .badUpdate("it has \(plain.count) bytes, expected \(byteCount)") }
    let scale = Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(plain[$1]) << UInt32(8 * $1) })
    guard scale.isFinite, scale >= 0 else { throw .badUpdate("its scale is no number of 0 or more") }
    var values = [Float](repeating: 0, count: lanes)
    switch format {
    case .rotated:
      if lanes & 1 == 1, plain[byteCount - 1] >> 4 != 0 { throw .badUpdate("its spare bits are not zero") }
      let codes = Array(plain[4...])
      var span = values.mutableSpan
      FourBits.decode(&span, codes: codes.span, scale: Double(scale))
    case .sparse:
      let marks = plain[4..<4 + (count + 7) / 8]
      guard marks.reduce(0, { $0 + $1.nonzeroBitCount }) == kept else {
        throw .badUpdate("it does not mark \(kept) coordinates")
      }
      if count & 7 != 0, marks.last! >> UInt8(count & 7) != 0 { throw .badUpdate("its spare bits are not zero") }
      var next = marks.endIndex
      for k in 0..<count where marks[marks.startIndex + k >> 3] >> UInt8(k & 7) & 1 == 1 {
        values[k] = Float(Int8(bitPattern: plain[next])) * scale
        next += 1
      }
    }
    return values
  }

  /// What is to be multiplied with decoded coordinates so that they are no longer than an honest participant's.
  public static func bound(_ values: [Float], to norm: Double) -> Double {
    let length = Norms.squared(values.span).squareRoot()
    return length > norm * stretch ? norm * stretch / length : 1
  }

  /// Adds decoded coordinates to a sum on a grid.
  public static func add(_ values: [Float], factor: Double, to sum: inout [UInt32], grid: UpdateGrid) {
    var span = sum.mutableSpan
    FixedPoint.add(&span, x: values.span, factor: factor, step: grid.step)
  }

  private static func bytes(_ value: Float) -> [UInt8] {
    withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
  }
}

extension ClearUpdate {
  /// The weighted mean that a sum of sparse updates stands for, and its norm; of rotated ones `UpdateEncoding.decode` tells.
  public static func mean(
    sum: [UInt32], totalWeight: UInt64, maximumWeight: UInt32, grid: UpdateGrid
  ) -> (mean: [Float], norm: Double) {
    var lifted = [Double](repeating: 0, count: sum.count)
    var span = lifted.mutableSpan
    _ = Rounding.lift(
      &span, lanes: sum.span, bits: grid.bits, step: grid.step, numerator: Double(maximumWeight),
      denominator: Double(totalWeight))
    var mean = [Float](repeating: 0, count: sum.count)
    var output = mean.mutableSpan
    Norms.narrow(&output, x: lifted.span)
    return (mean, Norms.squared(mean.span).squareRoot())
  }
}
