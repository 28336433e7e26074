/// The Walsh-Hadamard transform of one block, in place: x := H·x / √n, where n is the power of two that the block holds
/// and H the ±1 matrix in natural (Hadamard) order. H·H = n·I, so that the transform is its own inverse.
///
/// The order of the arithmetic is part of the specification, since every participant and every reader of a round must
/// get the same bits: strides 1, 2, 4, …, n/2, each butterfly (a + b, a − b), then one multiplication by 1/√n. Three
/// strides share one walk here, and those that stay inside a tile come before the next tile: less memory moves, and each
/// butterfly has the same operands.
///
/// Source: Fino and Algazi, "Unified Matrix Treatment of the Fast Walsh-Hadamard Transform", IEEE Trans. Computers, 1976.
public enum Hadamard {
  /// Transforms `x[start ..< start + count]` in single precision; the scale is fl32(1/√count).
  public static func transform(_ x: inout MutableSpan<Float>, start: Int, count: Int) {
    precondition(start >= 0 && count > 0 && count & (count - 1) == 0 && start <= x.count - count)
    let scale = Float(1 / Double(count).squareRoot())
    x.withUnsafeMutableBufferPointer { buffer in
      let block = buffer.baseAddress! + start
      butterflies(block, count)
      for i in 0..<count { block[i] *= scale }
    }
  }

  /// Transforms `x[start ..< start + count]` in double precision; the scale is 1/√count.
  public static func transform(_ x: inout MutableSpan<Double>, start: Int, count: Int) {
    precondition(start >= 0 && count > 0 && count & (count - 1) == 0 && start <= x.count - count)
    let scale = 1 / Double(count).squareRoot()
    x.withUnsafeMutableBufferPointer { buffer in
      let block = buffer.baseAddress! + start
      butterflies(block, count)
      for i in 0..<count { block[i] *= scale }
    }
  }
}

/// What of a block stays in the first-level cache.
private let tileBytes = 16_384

@inline(always)
private func butterflies<Scalar: BinaryFloatingPoint & SIMDScalar>(_ x: UnsafeMutablePointer<Scalar>, _ n: Int) {
  guard n >= 8 else { return plainButterflies(x, n) }
  let tile = min(n, tileBytes / MemoryLayout<Scalar>.stride)
  for start in stride(from: 0, to: n, by: tile) {
    for i in stride(from: start, to: start + tile, by: 8) { eightNeighbours(x + i) }
    wideButterflies(x + start, tile, from: 8)
  }
  wideButterflies(x, n, from: tile)
}

/// The strides 1, 2 and 4 on x[0..<8]: even and odd places are added and subtracted, sums first, three times; then each
/// result is back at its place.
@inline(always)
private func eightNeighbours<Scalar: BinaryFloatingPoint & SIMDScalar>(_ x: UnsafeMutablePointer<Scalar>) {
  var v = SIMD8(lowHalf: load(x), highHalf: load(x + 4))
  v = SIMD8(lowHalf: v.evenHalf + v.oddHalf, highHalf: v.evenHalf - v.oddHalf)
  v = SIMD8(lowHalf: v.evenHalf + v.oddHalf, highHalf: v.evenHalf - v.oddHalf)
  store(v.evenHalf + v.oddHalf, x)
  store(v.evenHalf - v.oddHalf, x + 4)
}

/// The strides from `first`, a multiple of 4, to n/2, by threes as long as there are three.
@inline(always)
private func wideButterflies<Scalar: BinaryFloatingPoint & SIMDScalar>(
  _ x: UnsafeMutablePointer<Scalar>, _ n: Int, from first: Int
) {
  var h = first
  while h * 8 <= n {
    for base in stride(from: 0, to: n, by: 8 * h) {
      for i in stride(from: base, to: base + h, by: 4) { threeStrides(x + i, h) }
    }
    h *= 8
  }
  while h < n {
    for base in stride(from: 0, to: n, by: 2 * h) {
      for i in stride(from: base, to: base + h, by: 4) {
        let a = load(x + i), b = load(x + i + h)
        store(a + b, x + i)
        store(a - b, x + i + h)
      }
    }
    h *= 2
  }
}

/// The strides h, 2h and 4h on four neighbours at each of eight places.
@inline(always)
private func threeStrides<Scalar: BinaryFloatingPoint & SIMDScalar>(_ x: UnsafeMutablePointer<Scalar>, _ h: Int) {
  let x0 = load(x), x1 = load(x + h), x2 = load(x + 2 * h), x3 = load(x + 3 * h)
  let x4 = load(x + 4 * h), x5 = load(x + 5 * h), x6 = load(x + 6 * h), x7 = load(x + 7 * h)
  let a0 = x0 + x1, a1 = x0 - x1, a2 = x2 + x3, a3 = x2 - x3
  let a4 = x4 + x5, a5 = x4 - x5, a6 = x6 + x7, a7 = x6 - x7
  let b0 = a0 + a2, b1 = a1 + a3, b2 = a0 - a2, b3 = a1 - a3
  let b4 = a4 + a6, b5 = a5 + a7, b6 = a4 - a6, b7 = a5 - a7
  store(b0 + b4, x)
  store(b1 + b5, x + h)
  store(b2 + b6, x + 2 * h)
  store(b3 + b7, x + 3 * h)
  store(b0 - b4, x + 4 * h)
  store(b1 - b5, x + 5 * h)
  store(b2 - b6, x + 6 * h)
  store(b3 - b7, x + 7 * h)
}

/// The definition, stride by stride, for blocks too small for the loops above.
@inline(always)
private func plainButterflies<Scalar: BinaryFloatingPoint>(_ x: UnsafeMutablePointer<Scalar>, _ n: Int) {
  var h = 1
  while h < n {
    for base in stride(from: 0, to: n, by: 2 * h) {
      for i in base..<base + h {
        let a = x[i], b = x[i + h]
        x[i] = a + b
        x[i + h] = a - b
      }
    }
    h *= 2
  }
}

@inline(always) private func load<Scalar: SIMDScalar>(_ p: UnsafeMutablePointer<Scalar>) -> SIMD4<Scalar> {
  UnsafeRawPointer(p).loadUnaligned(as: SIMD4<Scalar>.self)
}

@inline(always) private func store<Scalar: SIMDScalar>(_ v: SIMD4<Scalar>, _ p: UnsafeMutablePointer<Scalar>) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: SIMD4<Scalar>.self)
}
