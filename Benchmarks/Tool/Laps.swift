#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Times a work's laps in rounds that another process asks for, so that it can alternate with a competitor's.
///
/// The work loads, warms up by one lap, and calls `lap` at the end of that one and of each that follows, for ever. The
/// first call says `{"ready": true, …}`. Each line on standard input is then a number of laps; when they are done, one
/// line gives the milliseconds of a step in each, by the clock and of processor time: `{"wall": […], "cpu": […]}`. Beside
/// `Benchmarks/allocations.c` it also gives how often each lap took memory from the heap: `"allocations": […]`. At the end
/// of the input the process ends. While it waits it sleeps.
struct Laps {
  private var remaining = 0
  private var wall: [Double] = []
  private var cpu: [Double] = []
  private var allocations: [Int] = []
  private var began = (wall: 0.0, cpu: 0.0, allocations: 0)
  private let countAllocations: (@convention(c) () -> Int)? = dlsym(nil, "tributary_allocations").map {
    unsafeBitCast($0, to: (@convention(c) () -> Int).self)
  }
  private var isReady = false
  private let facts: String

  /// - Parameter facts: What the other side may want to know, as members of a JSON object.
  init(facts: KeyValuePairs<String, Int> = [:]) {
    self.facts = facts.map { ", \"\($0.key)\": \($0.value)" }.joined()
  }

  /// The end of a lap, and after the pause the beginning of the next.
  ///
  /// - Parameter steps: How many the lap held, since a work of microseconds is timed by the hundred.
  mutating func lap(steps: Int = 1) {
    if isReady {
      if let countAllocations { allocations.append(countAllocations() - began.allocations) }
      wall.append((milliseconds(CLOCK_MONOTONIC) - began.wall) / Double(steps))
      cpu.append((milliseconds(CLOCK_PROCESS_CPUTIME_ID) - began.cpu) / Double(steps))
      remaining -= 1
    } else {
      print("{\"ready\": true\(facts)}")
      isReady = true
    }
    while remaining == 0 {
      if !wall.isEmpty {
        let counts = countAllocations == nil ? "" : ", \"allocations\": \(allocations)"
        print("{\"wall\": \(wall), \"cpu\": \(cpu)\(counts)}")
        allocations.removeAll(keepingCapacity: true)
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
    restart()
  }

  /// Forgets what the lap took so far: what came before was its preparation.
  mutating func restart() {
    began = (milliseconds(CLOCK_MONOTONIC), milliseconds(CLOCK_PROCESS_CPUTIME_ID), countAllocations?() ?? 0)
  }

  private func milliseconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) * 1e3 + Double(time.tv_nsec) / 1e6
  }
}
