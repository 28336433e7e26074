/// The elements of a vector that are largest in magnitude.
public enum LargestElements {
  /// Sets bit k, least significant first, of the `count` elements with the largest magnitudes; of equal ones the first.
  ///
  /// Magnitudes of finite numbers are ordered as their bits are, so that two counts, of the upper and of the lower half of
  /// those bits, find the smallest that is taken.
  public static func mark(_ marks: inout MutableSpan<UInt8>, x: Span<Float>, count: Int) {
    precondition(marks.count == (x.count + 7) / 8 && (0...x.count).contains(count))
    x.withUnsafeBufferPointer { x in
      marks.withUnsafeMutableBufferPointer { marks in
        for byte in marks.indices { marks[byte] = 0 }
        guard count > 0 else { return }
        var tally = [Int](repeating: 0, count: 1 << 16)
        for value in x { tally[Int(value.magnitude.bitPattern >> 16)] += 1 }
        let (upper, above) = boundary(tally, count)
        tally = [Int](repeating: 0, count: 1 << 16)
        for value in x where Int(value.magnitude.bitPattern >> 16) == upper {
          tally[Int(value.magnitude.bitPattern & 0xFFFF)] += 1
        }
        let (lower, larger) = boundary(tally, count - above)
        let smallest = UInt32(upper << 16 | lower)
        var equal = count - above - larger
        for k in x.indices {
          let bits = x[k].magnitude.bitPattern
          guard bits >= smallest else { continue }
          if bits == smallest {
            guard equal > 0 else { continue }
            equal -= 1
          }
          marks[k >> 3] |= 1 << UInt8(k & 7)
        }
      }
    }
  }

  /// The greatest index from which on the tallies come to at least `count`, and what those above it come to.
  private static func boundary(_ tally: [Int], _ count: Int) -> (index: Int, above: Int) {
    var above = 0
    var index = tally.count - 1
    while above + tally[index] < count {
      above += tally[index]
      index -= 1
    }
    return (index, above)
  }
}
