import Transforms

/// The signs of a rotation's two passes, one bit a coordinate of the padded vector, 1 = minus, least significant first.
public typealias RotationSigns = (pass1: [UInt8], pass2: [UInt8])

/// The public random rotation of one round: two passes of random signs and blocked Hadamard transforms, with a
/// transposition between them so that every coordinate reaches every block.
///
/// The vector's d coordinates are split by the binary digits of d into blocks of 2¹⁵ and then smaller powers of two down
/// to 2⁸; only the rest is padded with zeros, to the next power of two. Without the small blocks a model just over a
/// power of two would pay for up to twice its size.
///
/// `forward` works in single precision in the order that `Hadamard` states; `inverse` in double precision, once a round.
/// Both give the same bits on every machine.
///
/// Source for two passes: one makes a coordinate's distribution only heuristically normal, two bring it within O(d^−½)
/// (arXiv:2605.06014).
public struct Rotation: Sendable, Hashable {
  /// d, the length of the vectors that go in.
  public let dimension: Int
  /// The powers of two whose sum is `paddedCount`, first block first.
  public let blocks: [Int]
  /// D, the length of the rotated vector.
  public let paddedCount: Int
  /// g of the transposition between the passes: input p of pass 2 is output p·g mod D of pass 1.
  public let stride: Int

  /// The bytes of signs that each pass reads: one bit a coordinate.
  public var passSignBytes: Int { (paddedCount + 7) / 8 }

  /// - Parameter dimension: At least 1, below 2³².
  public init(dimension: Int) {
    precondition(dimension >= 1 && dimension < Int(UInt32.max))
    var blocks = [Int](repeating: 1 << 15, count: dimension >> 15)
    for digit in (8..<15).reversed() where dimension >> digit & 1 == 1 { blocks.append(1 << digit) }
    let rest = dimension & 0xFF
    if rest > 0 {
      var padded = 1
      while padded < rest { padded *= 2 }
      blocks.append(padded)
    }
    self.dimension = dimension
    self.blocks = blocks
    paddedCount = blocks.reduce(0, +)
    stride = Transposition.stride(count: paddedCount)
  }

  /// - Parameters:
  ///   - x: d elements.
  ///   - factor: Scales them first, in double precision and rounded to single.
  /// - Returns: D elements, of the same Euclidean norm up to rounding when the factor is 1.
  public func forward(_ x: [Float], factor: Double = 1, signs: RotationSigns) -> [Float] {
    precondition(x.count == dimension)
    let first = [Float](ofLargePages: paddedCount) { first in
      Signs.scale(&first, x: x.span, factor: factor, bits: signs.pass1.span)
      transformBlocks { Hadamard.transform(&first, start: $0, count: $1) }
    }
    return [Float](ofLargePages: paddedCount) { second in
      Transposition.forward(&second, x: first.span, stride: stride)
      Signs.apply(&second, bits: signs.pass2.span)
      transformBlocks { Hadamard.transform(&second, start: $0, count: $1) }
    }
  }

  /// The inverse of `forward`, in double precision.
  ///
  /// - Parameter y: D elements.
  /// - Returns: d elements; those of the padding are dropped.
  public func inverse(_ y: consuming [Double], signs: RotationSigns) -> [Double] {
    precondition(y.count == paddedCount)
    var second = y.mutableSpan
    transformBlocks { Hadamard.transform(&second, start: $0, count: $1) }
    Signs.apply(&second, bits: signs.pass2.span)
    var first = [Double](ofLargePages: paddedCount) { first in
      Transposition.inverse(&first, x: second.span, stride: stride)
      transformBlocks { Hadamard.transform(&first, start: $0, count: $1) }
      Signs.apply(&first, bits: signs.pass1.span)
    }
    first.removeLast(paddedCount - dimension)
    return first
  }

  private func transformBlocks(_ transform: (_ start: Int, _ count: Int) -> Void) {
    var start = 0
    for block in blocks {
      transform(start, block)
      start += block
    }
  }
}
