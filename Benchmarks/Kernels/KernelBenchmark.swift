import Kernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Our side of `scripts/bench kernels`, driven by Benchmarks/Kernels/kernels.py through lines on the standard streams.
///
/// For each line `SECONDS WORD…` it repeats the operation that the words name for about so long, and answers with the
/// milliseconds that its fastest repetition took by the wall clock and of this thread's processor time.
@main
enum KernelBenchmark {
  static func main() {
    // One work at a time: what it is and its operands, which stay warm while the peers have their turns.
    var words: [Substring] = []
    var work: Work?
    print(#"{"ready": true, "level": "\#(KernelTable.best.level)", "threads": \#(ThreadPool.shared.count)}"#)
    fflush(nil)
    while let line = readLine() {
      let parts = line.split(separator: " ")
      guard let seconds = parts.first.flatMap({ Double($0) }) else { continue }
      if work == nil || Array(parts.dropFirst()) != words {
        words = Array(parts.dropFirst())
        work = Work.named(words)
      }
      guard let work else {
        print(#"{"error": "no such work"}"#)
        fflush(nil)
        continue
      }
      let (wall, cpu) = fastest(of: work, seconds: seconds)
      print(#"{"wall": \#(wall * 1e3), "cpu": \#(cpu * 1e3)}"#)
      fflush(nil)
    }
  }

  static func fastest(of work: Work, seconds: Double) -> (wall: Double, cpu: Double) {
    work.lap()
    var best = (wall: Double.infinity, cpu: Double.infinity)
    let end = time(CLOCK_MONOTONIC) + seconds
    repeat {
      let (wall, cpu) = (time(CLOCK_MONOTONIC), time(CLOCK_THREAD_CPUTIME_ID))
      work.lap()
      best.cpu = min(best.cpu, time(CLOCK_THREAD_CPUTIME_ID) - cpu)
      best.wall = min(best.wall, time(CLOCK_MONOTONIC) - wall)
    } while time(CLOCK_MONOTONIC) < end
    return best
  }

  static func time(_ clock: clockid_t) -> Double {
    var t = timespec()
    clock_gettime(clock, &t)
    return Double(t.tv_sec) + Double(t.tv_nsec) * 1e-9
  }
}
