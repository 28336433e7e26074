/// binary32 to the stored types that are written: F32, F16, BF16 and Q8_0.
public enum Quantisation {
  /// The elements as bytes of that type, little-endian.
  ///
  /// Q8_0 as ggml's `quantize_row_q8_0_ref`: in each block of 32, d = max |w| / 127 and q = w / d to the nearest, halves
  /// away from zero; d is then stored as binary16.
  ///
  /// - Parameter values: Whole blocks. Nil for the 4-bit types, which nothing here writes.
  public static func quantise(_ values: [Float], as type: TensorType) -> [UInt8]? {
    precondition(values.count % type.blockLength == 0, "whole blocks")
    let byteCount = values.count / type.blockLength * type.blockByteCount
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    switch type {
    case .f32: for k in values.indices { append(values[k].bitPattern, to: &bytes) }
    case .f16: for k in values.indices { append(HalfPrecision.binary16(values[k]), to: &bytes) }
    case .bf16: for k in values.indices { append(HalfPrecision.bfloat16(values[k]), to: &bytes) }
    case .q8_0:
      for start in stride(from: 0, to: values.count, by: 32) {
        var largest: Float = 0
        for j in start..<start + 32 { largest = max(largest, values[j].magnitude) }
        let d = largest / 127
        let inverse = d == 0 ? 0 : 1 / d
        append(HalfPrecision.binary16(d), to: &bytes)
        for j in start..<start + 32 {
          let q = (values[j] * inverse).rounded(.toNearestOrAwayFromZero)
          bytes.append(UInt8(bitPattern: Int8(max(-127, min(127, q)))))
        }
      }
    case .q4_0, .q4_1: return nil
    }
    return bytes
  }

  private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
