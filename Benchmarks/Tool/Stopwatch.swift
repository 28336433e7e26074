#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Seconds by the clock and of this process's time on processors.
struct Stopwatch {
  private(set) var wall = 0.0
  private(set) var cpu = 0.0

  /// Adds what a piece of work takes.
  mutating func time<Result>(_ work: () throws -> Result) rethrows -> Result {
    let began = (wall: Self.seconds(CLOCK_MONOTONIC), cpu: Self.seconds(CLOCK_PROCESS_CPUTIME_ID))
    defer {
      wall += Self.seconds(CLOCK_MONOTONIC) - began.wall
      cpu += Self.seconds(CLOCK_PROCESS_CPUTIME_ID) - began.cpu
    }
    return try work()
  }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
