/// Sums and scalings in one fixed order: first element to last, in double precision, nothing fused.
public enum Norms {
  /// Σ x[k]², not finite exactly when some x[k] is not finite (the squares of single precision cannot overflow).
  public static func squared(_ x: Span<Float>) -> Double {
    var sum = 0.0
    x.withUnsafeBufferPointer { x in
      for k in x.indices {
        let value = Double(x[k])
        sum += value * value
      }
    }
    return sum
  }

  /// x[k] := fl32(fl64(x[k]) · factor).
  public static func scale(_ x: inout MutableSpan<Float>, by factor: Double) {
    x.withUnsafeMutableBufferPointer { x in
      for k in x.indices { x[k] = Float(Double(x[k]) * factor) }
    }
  }

  /// y[k] = fl32(fl64(y[k]) + factor · fl64(x[k])).
  public static func add(_ y: inout MutableSpan<Float>, x: Span<Float>, factor: Double) {
    precondition(y.count == x.count)
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        for k in y.indices { y[k] = Float(Double(y[k]) + factor * Double(x[k])) }
      }
    }
  }

  /// y[k] = fl32(x[k]) for as many elements as y holds.
  public static func narrow(_ y: inout MutableSpan<Float>, x: Span<Double>) {
    precondition(y.count <= x.count)
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        for k in y.indices { y[k] = Float(x[k]) }
      }
    }
  }
}
