#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What `scripts/bench timing` runs: whether the time of operations on secrets depends on them.
///
/// Each operation gets inputs of two classes, in random order, made before anything is timed, and Welch's t test compares
/// the two classes' times. A difference that is there grows with the number of measurements; one that is not stays below
/// 4.5 but for chance, so that a measurement above is repeated, and fails when it stays above three times. Two controls leak
/// on purpose and must be noticed.
///
/// Source: Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?", DATE 2017.
@main
enum TimingBenchmark {
  static let limit = 4.5

  static func main() {
    var measurements = 200_000
    if let given = CommandLine.arguments.dropFirst().first {
      guard let count = Int(given), count >= 1000 else {
        print("usage: TimingBenchmark [MEASUREMENTS, at least 1000]")
        exit(2)
      }
      measurements = count
    }
    var failed = false
    print("\(measurements) measurements each; |t| below \(limit) tells no difference\n")
    for subject in Subject.all {
      var t = Double.infinity
      for _ in 0..<3 where t > limit { t = min(t, measure(subject, measurements)) }
      let met = subject.isControl == (t > limit)
      failed = failed || !met
      let verdict = subject.isControl ? (met ? "leaks, as it must" : "NOT NOTICED") : met ? "no difference" : "LEAKS"
      let figure = String(Int((t * 10).rounded()) / 10) + "." + String(Int((t * 10).rounded()) % 10)
      print(subject.name.padded(to: 50) + figure.padded(to: 10) + verdict)
    }
    if failed { exit(1) }
  }

  static func measure(_ subject: Subject, _ count: Int) -> Double {
    var generator = SystemRandomNumberGenerator()
    let second = (0..<count).map { _ in Bool.random(using: &generator) }
    var times: [Double] = []
    times.reserveCapacity(count)
    let clock = ContinuousClock()
    var sum: UInt64 = 0
    // In pieces, whose inputs are made before the first of them is timed.
    for start in stride(from: 0, to: count, by: 1000) {
      let inputs = second[start..<min(count, start + 1000)].map { subject.input($0, &generator) }
      for input in inputs {
        let began = clock.now
        sum &+= subject.run(input)
        times.append(Double((clock.now - began).components.attoseconds) * 1e-9)
      }
    }
    // The results are used, so that nothing can be left out.
    return sum == .max ? 0 : Welch.largest(times, second: second)
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
