/// The Walsh-Hadamard transform of one block, in place: x := H·x / √n, where n is the power of two that the block holds
/// and H the ±1 matrix in natural (Hadamard) order. H·H = n·I, so that the transform is its own inverse.
///
/// The order of the arithmetic is part of the specification, since every participant and every reader of a round must
/// get the same bits: strides 1, 2, 4, …, n/2, each butterfly (a + b, a − b), then one multiplication by 1/√n. Two
/// strides share one walk over the block here, which moves less memory and changes no result.
///
/// Source: Fino and Algazi, "Unified Matrix Treatment of the Fast Walsh-Hadamard Transform", IEEE Trans. Computers, 1976.
public enum Hadamard {
  /// Transforms `x[start ..< start + count]` in single precision; the scale is fl32(1/√count).
  public static func transform(_ x: inout MutableSpan<Float>, start: Int, count: Int) {
    precondition(start >= 0 && count > 0 && count & (count - 1) == 0 && start <= x.count - count)
    let scale = Float(1 / Double(count).squareRoot())
    x.withUnsafeMutableBufferPointer { buffer in
      let block = buffer.baseAddress! + start
      floatButterflies(block, count)
      for i in 0..<count { block[i] *= scale }
    }
  }

  /// Transforms `x[start ..< start + count]` in double precision; the scale is 1/√count.
  public static func transform(_ x: inout MutableSpan<Double>, start: Int, count: Int) {
    precondition(start >= 0 && count > 0 && count & (count - 1) == 0 && start <= x.count - count)
    let scale = 1 / Double(count).squareRoot()
    x.withUnsafeMutableBufferPointer { buffer in
      let block = buffer.baseAddress! + start
      doubleButterflies(block, count)
      for i in 0..<count { block[i] *= scale }
    }
  }
}

private func floatButterflies(_ x: UnsafeMutablePointer<Float>, _ n: Int) {
  guard n >= 8 else { return plainButterflies(x, n) }
  // Strides 1, 2 and 4 stay inside eight neighbours.
  for i in stride(from: 0, to: n, by: 8) { eightButterflies(x + i) }
  var h = 8
  while h * 4 <= n {
    for base in stride(from: 0, to: n, by: 4 * h) {
      let p = x + base
      for i in stride(from: 0, to: h, by: 8) {
        let a = load(p + i), b = load(p + i + h), c = load(p + i + 2 * h), d = load(p + i + 3 * h)
        let s = a + b, t = a - b, u = c + d, v = c - d
        store(s + u, p + i)
        store(t + v, p + i + h)
        store(s - u, p + i + 2 * h)
        store(t - v, p + i + 3 * h)
      }
    }
    h *= 4
  }
  if h < n {  // one stride is left, n/2
    for i in stride(from: 0, to: h, by: 8) {
      let a = load(x + i), b = load(x + i + h)
      store(a + b, x + i)
      store(a - b, x + i + h)
    }
  }
}

private func doubleButterflies(_ x: UnsafeMutablePointer<Double>, _ n: Int) {
  guard n >= 8 else { return plainButterflies(x, n) }
  for i in stride(from: 0, to: n, by: 8) { eightButterflies(x + i) }
  var h = 8
  while h * 4 <= n {
    for base in stride(from: 0, to: n, by: 4 * h) {
      let p = x + base
      for i in stride(from: 0, to: h, by: 8) {
        let a = load(p + i), b = load(p + i + h), c = load(p + i + 2 * h), d = load(p + i + 3 * h)
        let s = a + b, t = a - b, u = c + d, v = c - d
        store(s + u, p + i)
        store(t + v, p + i + h)
        store(s - u, p + i + 2 * h)
        store(t - v, p + i + 3 * h)
      }
    }
    h *= 4
  }
  if h < n {
    for i in stride(from: 0, to: h, by: 8) {
      let a = load(x + i), b = load(x + i + h)
      store(a + b, x + i)
      store(a - b, x + i + h)
    }
  }
}

/// The butterflies of strides 1, 2 and 4 on x[0..<8].
@inline(__always)
private func eightButterflies<Scalar: BinaryFloatingPoint>(_ x: UnsafeMutablePointer<Scalar>) {
  let a0 = x[0] + x[1], a1 = x[0] - x[1], a2 = x[2] + x[3], a3 = x[2] - x[3]
  let a4 = x[4] + x[5], a5 = x[4] - x[5], a6 = x[6] + x[7], a7 = x[6] - x[7]
  let b0 = a0 + a2, b1 = a1 + a3, b2 = a0 - a2, b3 = a1 - a3
  let b4 = a4 + a6, b5 = a5 + a7, b6 = a4 - a6, b7 = a5 - a7
  x[0] = b0 + b4
  x[1] = b1 + b5
  x[2] = b2 + b6
  x[3] = b3 + b7
  x[4] = b0 - b4
  x[5] = b1 - b5
  x[6] = b2 - b6
  x[7] = b3 - b7
}

/// The definition, stride by stride, for blocks too small for the loops above.
@inline(__always)
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

@inline(__always) private func load(_ p: UnsafePointer<Float>) -> SIMD8<Float> {
  UnsafeRawPointer(p).loadUnaligned(as: SIMD8<Float>.self)
}

@inline(__always) private func load(_ p: UnsafePointer<Double>) -> SIMD8<Double> {
  UnsafeRawPointer(p).loadUnaligned(as: SIMD8<Double>.self)
}

@inline(__always) private func store<Scalar>(_ v: SIMD8<Scalar>, _ p: UnsafeMutablePointer<Scalar>) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: SIMD8<Scalar>.self)
}
