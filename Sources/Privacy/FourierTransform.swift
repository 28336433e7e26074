#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The discrete Fourier transform of a power of two of complex numbers: X[k] = Σ x[j] e^(−2πi jk / n).
///
/// Source: Cooley and Tukey, "An Algorithm for the Machine Calculation of Complex Fourier Series", 1965; radix 2, in
/// place, decimation in time. Each factor comes from the library's sine and cosine, so that errors grow with log n only.
struct FourierTransform {
  let count: Int
  private let cosines: [Double]
  private let sines: [Double]

  init(count: Int) {
    precondition(count > 0 && count & (count - 1) == 0, "a power of two")
    self.count = count
    let angles = (0..<max(1, count / 2)).map { -2 * Double.pi * Double($0) / Double(count) }
    cosines = angles.map { cos($0) }
    sines = angles.map { sin($0) }
  }

  /// Transforms in place; `inverse` takes the conjugate factors and divides by n.
  func transform(_ real: inout [Double], _ imaginary: inout [Double], inverse: Bool = false) {
    precondition(real.count == count && imaginary.count == count)
    real.withUnsafeMutableBufferPointer { x in
      imaginary.withUnsafeMutableBufferPointer { y in
        cosines.withUnsafeBufferPointer { c in
          sines.withUnsafeBufferPointer { s in run(x, y, c, s, inverse ? -1 : 1) }
        }
        guard inverse else { return }
        for i in 0..<count {
          x[i] /= Double(count)
          y[i] /= Double(count)
        }
      }
    }
  }

  private func run(
    _ x: UnsafeMutableBufferPointer<Double>, _ y: UnsafeMutableBufferPointer<Double>,
    _ cosines: UnsafeBufferPointer<Double>, _ sines: UnsafeBufferPointer<Double>, _ sign: Double
  ) {
    let bits = count.trailingZeroBitCount
    for i in 0..<count where bits > 0 {
      let j = Int(UInt64(i).bitReversed >> UInt64(64 - bits))
      if j > i {
        x.swapAt(i, j)
        y.swapAt(i, j)
      }
    }
    var half = 1
    while half < count {
      let stride = count / (2 * half)
      for start in Swift.stride(from: 0, to: count, by: 2 * half) {
        for k in 0..<half {
          let (c, s) = (cosines[k * stride], sign * sines[k * stride])
          let (i, j) = (start + k, start + k + half)
          let (re, im) = (c * x[j] - s * y[j], c * y[j] + s * x[j])
          (x[j], y[j]) = (x[i] - re, y[i] - im)
          (x[i], y[i]) = (x[i] + re, y[i] + im)
        }
      }
      half *= 2
    }
  }
}

extension UInt64 {
  fileprivate var bitReversed: UInt64 {
    var v = byteSwapped
    v = (v >> 4) & 0x0f0f_0f0f_0f0f_0f0f | (v & 0x0f0f_0f0f_0f0f_0f0f) << 4
    v = (v >> 2) & 0x3333_3333_3333_3333 | (v & 0x3333_3333_3333_3333) << 2
    return (v >> 1) & 0x5555_5555_5555_5555 | (v & 0x5555_5555_5555_5555) << 1
  }
}
