/// Stored elements to binary32.
///
/// Source of the block formats: `block_q4_0`, `block_q4_1` and `block_q8_0` of ggml-common.h. Scales are binary16.
///
///     Q8_0  d, 32 × Int8                        w[j] = d · q[j]
///     Q4_0  d, 16 bytes                         w[j] = d · (q[j] − 8)
///     Q4_1  d, m, 16 bytes                      w[j] = d · q[j] + m
///
/// In the 4-bit types the low nibbles of the 16 bytes are q[0..<16], the high ones q[16..<32].
enum Dequantisation {
  /// - Parameters:
  ///   - y: Room for as many elements as `x` holds.
  ///   - x: Whole blocks, little-endian.
  static func dequantise(_ y: UnsafeMutablePointer<Float>, _ x: UnsafeRawBufferPointer, type: TensorType) {
    precondition(x.count % type.blockByteCount == 0)
    let blockCount = x.count / type.blockByteCount
    guard let x = x.baseAddress else { return }
    switch type {
    case .f32:
      for k in 0..<blockCount {
        y[k] = Float(bitPattern: UInt32(littleEndian: x.loadUnaligned(fromByteOffset: 4 * k, as: UInt32.self)))
      }
    case .f16: for k in 0..<blockCount { y[k] = HalfPrecision.float(binary16: bits(x, 2 * k)) }
    case .bf16: for k in 0..<blockCount { y[k] = HalfPrecision.float(bfloat16: bits(x, 2 * k)) }
    case .q8_0:
      for block in 0..<blockCount {
        let d = HalfPrecision.float(binary16: bits(x, 34 * block))
        let q = x + (34 * block + 2)
        for j in 0..<32 { y[32 * block + j] = d * Float(q.loadUnaligned(fromByteOffset: j, as: Int8.self)) }
      }
    case .q4_0:
      for block in 0..<blockCount {
        let d = HalfPrecision.float(binary16: bits(x, 18 * block))
        let q = x + (18 * block + 2)
        for j in 0..<16 {
          let pair = Int32(q.loadUnaligned(fromByteOffset: j, as: UInt8.self))
          y[32 * block + j] = d * Float((pair & 15) &- 8)
          y[32 * block + 16 + j] = d * Float((pair >> 4) &- 8)
        }
      }
    case .q4_1:
      for block in 0..<blockCount {
        let d = HalfPrecision.float(binary16: bits(x, 20 * block))
        let m = HalfPrecision.float(binary16: bits(x, 20 * block + 2))
        let q = x + (20 * block + 4)
        for j in 0..<16 {
          let pair = Int32(q.loadUnaligned(fromByteOffset: j, as: UInt8.self))
          y[32 * block + j] = d * Float(pair & 15) + m
          y[32 * block + 16 + j] = d * Float(pair >> 4) + m
        }
      }
    }
  }

  @inline(__always)
  private static func bits(_ x: UnsafeRawPointer, _ offset: Int) -> UInt16 {
    UInt16(littleEndian: x.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }
}
