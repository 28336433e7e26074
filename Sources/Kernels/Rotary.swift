#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Rotary position embedding: pair j of a head is turned by the angle position · base^(-2j / width).
///
/// Source: Su et al., "RoFormer", arXiv:2104.09864, eq. 34.
public struct Rotary: Sendable, Hashable {
  /// Which elements of a head are a pair.
  public enum Pairing: Sendable, Hashable, CaseIterable {
    /// j and j + width/2, as in Hugging Face's Llama.
    case halves
    /// 2j and 2j + 1, as in the paper.
    case adjacent
  }

  public let width: Int
  public let positions: Int
  public let pairing: Pairing
  /// `[positions, width / 2]`
  private let cosine: [Float]
  private let sine: [Float]

  /// - Parameters:
  ///   - width: Of a head; even.
  ///   - positions: The tables' length; angles are computed in double precision.
  public init(width: Int, positions: Int, base: Double = 10_000, pairing: Pairing = .halves) {
    precondition(width > 0 && width % 2 == 0 && positions >= 0 && base > 0)
    self.width = width
    self.positions = positions
    self.pairing = pairing
    let half = width / 2
    let frequencies = (0..<half).map { pow(base, -2 * Double($0) / Double(width)) }
    var cosine = [Float]()
    var sine = [Float]()
    cosine.reserveCapacity(positions * half)
    sine.reserveCapacity(positions * half)
    for position in 0..<positions {
      for frequency in frequencies {
        cosine.append(Float(cos(Double(position) * frequency)))
        sine.append(Float(sin(Double(position) * frequency)))
      }
    }
    self.cosine = cosine
    self.sine = sine
  }

  /// Turns `[tokens, heads · width]` in place; back with `inverse`, which is also the gradient.
  ///
  /// - Parameters:
  ///   - stride: Floats between tokens; heads · width unless told otherwise.
  ///   - at: Each token's position, below `positions`.
  public func turn(
    _ x: inout MutableSpan<Float>, heads: Int, stride: Int? = nil, at places: Span<Int32>, inverse: Bool = false,
    threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    let tokens = places.count
    let stride = stride ?? heads * width
    precondition(Matmul.holds(x.count, rows: tokens, columns: heads * width, stride: stride))
    precondition(places.isWithin(positions))
    let (xp, at, c, s) = (x.pointer(), places.pointer, cosine.span.pointer, sine.span.pointer)
    threads.rows(tokens, heads * width) { i, count in
      kernels.rotary(
        count, heads, width, pairing == .adjacent, xp + i * stride, stride, at + i, c, s, inverse ? -1 : 1)
    }
  }
}
