import Kernels

/// Multiply-adds in registers on every thread, and nothing else: the speed that no step can exceed.
///
///     peak
///
/// A lap is a million repetitions of the kernel level's loop on each thread; `operations` says how many operations those
/// are.
enum PeakWork {
  static func run(_ options: Options) throws {
    let repetitions = 1_000_000
    let threads = ThreadPool.shared
    var laps = Laps(facts: ["operations": threads.count * Peak.multiplyAdd(repetitions: repetitions)])
    while true {
      threads.run(threads.count) { _ in Peak.multiplyAdd(repetitions: repetitions) }
      laps.lap()
    }
  }
}
