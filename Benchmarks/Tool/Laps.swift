#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Times a work's laps in rounds that another process asks for, so that it can alternate with a competitor's.
///
/// The work loads, warms up by one lap, and calls `lap` at the end of that one and of each that follows, for ever. The
/// first call says `{"ready": true, …}`. Each line on standard input is then a number of laps; when they are done, one
/// line gives the milliseconds of a step in each, by the clock and of processor time: `{"wall": […], "cpu": […]}`. At the
/// end of the input the process ends. While it waits it sleeps.
struct Laps {
  private var remaining = 0
  private var wall: [Double] = []
  private var cpu: [Double] = []
  private var began = (wall: 0.0, cpu: 0.0)
  private var isReady = false
  /// Steps that one lap holds: a work of microseconds is timed by the hundred.
  private let stepsPerLap: Int
  private let facts: String

  /// - Parameters:
  ///   - stepsPerLap: Times are divided by it.
  ///   - facts: What the other side may want to check, as members of a JSON object.
  init(stepsPerLap: Int = 1, facts: KeyValuePairs<String, Int> = [:]) {
    self.stepsPerLap = stepsPerLap
    self.facts = facts.map { ", \"\($0.key)\": \($0.value)" }.joined()
  }

  /// The end of a lap, and after the pause the beginning of the next.
  mutating func lap() {
    if isReady {
      wall.append(milliseconds(CLOCK_MONOTONIC) - began.wall)
      cpu.append(milliseconds(CLOCK_PROCESS_CPUTIME_ID) - began.cpu)
      remaining -= 1
    } else {
      print("{\"ready\": true\(facts)}")
      isReady = true
    }
    while remaining == 0 {
      if !wall.isEmpty {
        print("{\"wall\": \(steps(wall)), \"cpu\": \(steps(cpu))}")
        wall.removeAll(keepingCapacity: true)
        cpu.removeAll(keepingCapacity: true)
      }
      fflush(nil)
      guard let line = readLine() else { exit(0) }
      guard let count = Int(line), count > 0 else {
        BenchmarkTool.fail("expected a number of laps, found \"\(line)\"")
      }
      remaining = count
    }
    began = (milliseconds(CLOCK_MONOTONIC), milliseconds(CLOCK_PROCESS_CPUTIME_ID))
  }

  private func steps(_ laps: [Double]) -> [Double] { laps.map { $0 / Double(stepsPerLap) } }

  private func milliseconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
  }
}
