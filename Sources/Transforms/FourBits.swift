/// Four bits for each coordinate of a rotated vector: the nearest of sixteen levels that fit a normal distribution best.
///
/// Source for the levels: Max, "Quantizing for Minimum Distortion", IRE Trans. Inf. Theory 6(1), 1960, table I, N = 16.
public enum FourBits {
  /// The positive half of the levels, in standard deviations; the other half is their negatives.
  public static let levels: [Double] = [0.1284, 0.3881, 0.6568, 0.9424, 1.2562, 1.6181, 2.0690, 2.7326]

  /// Writes element k's code into nibble k, lowest first: the index of the level nearest to |x[k]| / sigma, and 8 for minus.
  ///
  /// - Returns: Σ x[k] · level[k], levels with their signs, in double precision from the first element to the last.
  public static func encode(_ codes: inout MutableSpan<UInt8>, x: Span<Float>, sigma: Double) -> Double {
    precondition(codes.count == (x.count + 1) / 2 && sigma > 0)
    // A level is nearest up to the middle between it and the next.
    let middles = zip(levels, levels.dropFirst()).map { ($0 + $1) / 2 * sigma }
    var product = 0.0
    levels.withUnsafeBufferPointer { levels in
      middles.withUnsafeBufferPointer { middles in
        x.withUnsafeBufferPointer { x in
          codes.withUnsafeMutableBufferPointer { codes in
            for k in x.indices {
              let magnitude = Double(x[k].magnitude)
              var index = 0
              for middle in middles { index += magnitude > middle ? 1 : 0 }
              let code = UInt8(index) | (x[k].sign == .minus ? 8 : 0)
              codes[k >> 1] = k & 1 == 0 ? code : codes[k >> 1] | code << 4
              product += magnitude * levels[index]
            }
          }
        }
      }
    }
    return product
  }

  /// y[k] = fl32(scale · level of nibble k).
  public static func decode(_ y: inout MutableSpan<Float>, codes: Span<UInt8>, scale: Double) {
    precondition(codes.count == (y.count + 1) / 2)
    let table = (levels + levels.map { -$0 }).map { Float($0 * scale) }
    table.withUnsafeBufferPointer { table in
      codes.withUnsafeBufferPointer { codes in
        y.withUnsafeMutableBufferPointer { y in
          for k in y.indices { y[k] = table[Int(codes[k >> 1] >> UInt8(4 * (k & 1)) & 15)] }
        }
      }
    }
  }
}
