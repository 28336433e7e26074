/// Adding numbers on a fine grid, where the order of the summands changes nothing.
public enum FixedPoint {
  /// lanes[k] += the integer nearest to fl64(x[k]) · factor / step, ties to even, mod 2³².
  ///
  /// - Parameter x: |x[k] · factor / step| stays below 2⁶², which the caller sees to.
  public static func add(_ lanes: inout MutableSpan<UInt32>, x: Span<Float>, factor: Double, step: Double) {
    precondition(lanes.count == x.count)
    x.withUnsafeBufferPointer { x in
      lanes.withUnsafeMutableBufferPointer { lanes in
        for k in lanes.indices {
          let value = (Double(x[k]) * factor / step).rounded(.toNearestOrEven)
          lanes[k] &+= UInt32(truncatingIfNeeded: Int64(value))
        }
      }
    }
  }
}
