/// Rounds the way from one vector to another, and walks it: the loops of model deltas.
///
/// Walking is y[k] = fl32(fl64(y[k]) + step) with a step that double precision holds exactly, so that contracting the
/// product and the sum would change nothing and every machine gets the same bits.
public enum DeltaRounding {
  /// Elements that share one scale.
  public static let block = 256

  /// Eight bits an element: scales[b] = fl32(max |to − from| / 127) over block b, and steps[k] the nearest integer to
  /// (to[k] − from[k]) / scales[b], ties to even, within ±127; the step walked is scales[b] · steps[k].
  public static func toBytes(
    _ steps: inout MutableSpan<Int8>, scales: inout MutableSpan<Float>, from: Span<Float>, to: Span<Float>
  ) {
    precondition(steps.count == from.count && from.count == to.count && scales.count == blocks(from.count))
    from.withUnsafeBufferPointer { from in
      to.withUnsafeBufferPointer { to in
        scales.withUnsafeMutableBufferPointer { scales in
          steps.withUnsafeMutableBufferPointer { steps in
            for b in scales.indices {
              let range = b * block..<min((b + 1) * block, from.count)
              var largest = 0.0
              for k in range { largest = max(largest, (Double(to[k]) - Double(from[k])).magnitude) }
              let scale = Float(largest / 127)
              scales[b] = scale
              for k in range {
                let exact = scale == 0 ? 0 : (Double(to[k]) - Double(from[k])) / Double(scale)
                steps[k] = Int8(max(-127, min(127, exact.rounded(.toNearestOrEven))))
              }
            }
          }
        }
      }
    }
  }

  /// y[k] = fl32(fl64(y[k]) + fl64(scales[b]) · steps[k]).
  public static func walk(_ y: inout MutableSpan<Float>, steps: Span<Int8>, scales: Span<Float>) {
    precondition(steps.count == y.count && scales.count == blocks(y.count))
    steps.withUnsafeBufferPointer { steps in
      scales.withUnsafeBufferPointer { scales in
        y.withUnsafeMutableBufferPointer { y in
          for k in y.indices { y[k] = Float(Double(y[k]) + Double(scales[k / block]) * Double(steps[k])) }
        }
      }
    }
  }

  /// Sixteen bits an element: the nearest bfloat16 to fl32(to[k] − from[k]), ties to even, as the upper half of its
  /// binary32. What is too large becomes an infinity.
  public static func toBfloat16(_ steps: inout MutableSpan<UInt16>, from: Span<Float>, to: Span<Float>) {
    precondition(steps.count == from.count && from.count == to.count)
    from.withUnsafeBufferPointer { from in
      to.withUnsafeBufferPointer { to in
        steps.withUnsafeMutableBufferPointer { steps in
          for k in steps.indices {
            let bits = Float(Double(to[k]) - Double(from[k])).bitPattern
            steps[k] = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
          }
        }
      }
    }
  }

  /// y[k] = fl32(fl64(y[k]) + the bfloat16 steps[k]).
  public static func walk(_ y: inout MutableSpan<Float>, steps: Span<UInt16>) {
    precondition(steps.count == y.count)
    steps.withUnsafeBufferPointer { steps in
      y.withUnsafeMutableBufferPointer { y in
        for k in y.indices { y[k] = Float(Double(y[k]) + Double(Float(bitPattern: UInt32(steps[k]) << 16))) }
      }
    }
  }

  /// How many scales `count` elements have.
  public static func blocks(_ count: Int) -> Int { (count + block - 1) / block }
}
