/// Welch's t statistic of two classes of times, from running means and sums of squares (Welford's recurrence).
struct Welch {
  private var classes = [Moments(), Moments()]

  private struct Moments {
    var count = 0.0
    var mean = 0.0
    var squares = 0.0

    mutating func add(_ x: Double) {
      count += 1
      let before = x - mean
      mean += before / count
      squares += before * (x - mean)
    }

    var meanVariance: Double { squares / (count - 1) / count }
  }

  mutating func add(_ time: Double, toSecond second: Bool) { classes[second ? 1 : 0].add(time) }

  /// 0 when a class has too few times to tell.
  var t: Double {
    guard classes.allSatisfy({ $0.count > 100 }) else { return 0 }
    let variance = classes[0].meanVariance + classes[1].meanVariance
    return variance > 0 ? (classes[0].mean - classes[1].mean) / variance.squareRoot() : 0
  }

  /// The largest |t| over all times and over those below some percentiles: what delays a few measurements, an interrupt
  /// for instance, hides a small difference among the others.
  static func largest(_ times: [Double], second: [Bool]) -> Double {
    let sorted = times.sorted()
    return [0.5, 0.75, 0.9, 0.95, 0.99, 1.0].map { share in
      let limit = sorted[Int(Double(sorted.count - 1) * share)]
      var welch = Welch()
      for (time, second) in zip(times, second) where time <= limit { welch.add(time, toSecond: second) }
      return abs(welch.t)
    }.max()!
  }
}
