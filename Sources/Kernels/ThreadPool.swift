import CPUFeatures
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Threads that share the chunks of one piece of work at a time; the caller is one of them.
///
/// Chunks are claimed, not assigned: a helper that wakes late, or that the machine keeps busy elsewhere, finds nothing
/// left and delays nobody. A pool that is already running something, or that is asked from inside a chunk, runs the new
/// work on the calling thread alone.
///
/// Results must not depend on how many threads there are, so no operation here adds up what different chunks computed in
/// an order that chance decides: chunks are parts of the output.
public final class ThreadPool: Sendable {
  /// As many threads as `TRIBUTARY_THREADS` says, or as the machine has processors.
  public static let shared = ThreadPool(
    count: getenv("TRIBUTARY_THREADS").flatMap { Int(String(cString: $0)) } ?? Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  )

  /// The threads, the caller's included.
  public let count: Int
  private let shift: Shift

  /// - Parameter count: Threads, the caller's included; values outside 1...64 are brought to the nearer end.
  public init(count: Int) {
    self.count = min(max(count, 1), 64)
    shift = Shift()
    for worker in 1..<self.count { shift.hire(worker) }
  }

  deinit { shift.dismiss() }

  /// Calls `body` once for every chunk in `0..<chunks`, on any of the threads, and returns when all calls have.
  public func run(_ chunks: Int, _ body: (_ chunk: Int) -> Void) {
    run(chunks) { chunk, _ in body(chunk) }
  }

  /// The same, telling the body which thread of `0..<count` it runs on, so that each can have memory of its own.
  public func run(_ chunks: Int, _ body: (_ chunk: Int, _ worker: Int) -> Void) {
    guard count > 1, chunks > 1, shift.isFree.exchange(false, ordering: .acquiring) else {
      for chunk in 0..<chunks { body(chunk, 0) }
      return
    }
    withoutActuallyEscaping(body) { shift.run(chunks, $0) }
    shift.isFree.store(true, ordering: .releasing)
  }
}

/// The state that a pool's threads share; it outlives the pool until its last thread has left.
///
/// `ticket` holds the run's generation, its number of chunks and the next one to claim, in 24, 20 and 20 bits, so that one
/// compare-exchange claims a chunk of the right run. `job` is written before a ticket with its generation appears and read
/// only between claiming a chunk and reporting it done, while `run` waits: this is what makes it `@unchecked Sendable`.
private final class Shift: @unchecked Sendable {
  typealias Job = (Int, Int) -> Void

  let isFree = Atomic(true)
  private let ticket = Atomic<UInt64>(0)
  private let unfinished = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let isDismissed = Atomic(false)
  private var job: Job?
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let called: UnsafeMutablePointer<pthread_cond_t>
  private let finished: UnsafeMutablePointer<pthread_cond_t>

  /// Looks at the ticket this often before sleeping: about 4 µs, since the next operation of a step follows at once, and
  /// no more, since another program may need the processor.
  private static let spins = 150

  init() {
    mutex = .allocate(capacity: 1)
    called = .allocate(capacity: 1)
    finished = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(called, nil)
    pthread_cond_init(finished, nil)
  }

  deinit {
    pthread_cond_destroy(called)
    pthread_cond_destroy(finished)
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
    called.deallocate()
    finished.deallocate()
  }

  private final class Place {
    let shift: Shift
    let worker: Int
    init(_ shift: Shift, _ worker: Int) {
      self.shift = shift
      self.worker = worker
    }
  }

  func hire(_ worker: Int) {
    let place = Unmanaged.passRetained(Place(self, worker))
    #if canImport(Darwin)
      var thread: pthread_t?
    #else
      var thread = pthread_t()
    #endif
    let failure = pthread_create(&thread, nil, threadMain, place.toOpaque())
    // With fewer threads than wanted the work is done all the same.
    if failure != 0 { place.release() }
    #if canImport(Darwin)
      if let thread { pthread_detach(thread) }
    #else
      if failure == 0 { pthread_detach(thread) }
    #endif
  }

  private let threadMain: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
    let place = Unmanaged<Place>.fromOpaque(argument!).takeRetainedValue()
    place.shift.work(place.worker)
    return nil
  }

  func dismiss() {
    pthread_mutex_lock(mutex)
    isDismissed.store(true, ordering: .sequentiallyConsistent)
    pthread_cond_broadcast(called)
    pthread_mutex_unlock(mutex)
  }

  private static func generation(_ ticket: UInt64) -> UInt64 { ticket >> 40 }

  private func work(_ worker: Int) {
    var seen: UInt64 = 0
    while true {
      var spins = 0
      while Self.generation(ticket.load(ordering: .acquiring)) == seen {
        if isDismissed.load(ordering: .relaxed) { return }
        if spins < Self.spins {
          spins += 1
          cpu_pause()
          continue
        }
        pthread_mutex_lock(mutex)
        sleepers.add(1, ordering: .sequentiallyConsistent)
        while Self.generation(ticket.load(ordering: .sequentiallyConsistent)) == seen,
          !isDismissed.load(ordering: .sequentiallyConsistent)
        {
          pthread_cond_wait(called, mutex)
        }
        sleepers.subtract(1, ordering: .sequentiallyConsistent)
        pthread_mutex_unlock(mutex)
      }
      seen = Self.generation(ticket.load(ordering: .acquiring))
      claim(worker)
    }
  }

  /// Runs chunks until none is left.
  private func claim(_ worker: Int) {
    var current = ticket.load(ordering: .acquiring)
    while true {
      let next = current & 0xf_ffff
      guard next < (current >> 20) & 0xf_ffff else { return }
      let (exchanged, original) = ticket.compareExchange(
        expected: current, desired: current + 1, ordering: .acquiringAndReleasing)
      guard exchanged else {
        current = original
        continue
      }
      job!(Int(next), worker)
      if unfinished.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
        // Under the lock, so that the caller cannot miss it between its last look and its sleep.
        pthread_mutex_lock(mutex)
        pthread_cond_signal(finished)
        pthread_mutex_unlock(mutex)
      }
      current = ticket.load(ordering: .acquiring)
    }
  }

  func run(_ chunks: Int, _ job: @escaping Job) {
    precondition(chunks < 1 << 20)
    self.job = job
    unfinished.store(chunks, ordering: .relaxed)
    let generation = (Self.generation(ticket.load(ordering: .relaxed)) + 1) & 0xff_ffff
    ticket.store(generation << 40 | UInt64(chunks) << 20, ordering: .sequentiallyConsistent)
    if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
      pthread_mutex_lock(mutex)
      pthread_cond_broadcast(called)
      pthread_mutex_unlock(mutex)
    }
    claim(0)
    var spins = 0
    while unfinished.load(ordering: .acquiring) > 0, spins < Self.spins {
      spins += 1
      cpu_pause()
    }
    if unfinished.load(ordering: .acquiring) > 0 {
      pthread_mutex_lock(mutex)
      while unfinished.load(ordering: .acquiring) > 0 { pthread_cond_wait(finished, mutex) }
      pthread_mutex_unlock(mutex)
    }
    self.job = nil
  }
}

/// The parts of a length that chunks of work get: alike, whole multiples of a unit but for the last, and none much shorter.
struct Chunks {
  let count: Int
  private let length: Int
  private let unit: Int

  /// - Parameters:
  ///   - unit: Chunks start at multiples of it.
  ///   - most: At most this many chunks, and at least 1.
  init(_ length: Int, unit: Int, most: Int) {
    self.length = length
    self.unit = unit
    count = max(1, min(most, length / unit))
  }

  /// Never less than a unit long, unless the whole is.
  subscript(_ chunk: Int) -> Range<Int> {
    let units = length / unit
    let start = units * chunk / count * unit
    return start..<(chunk == count - 1 ? length : units * (chunk + 1) / count * unit)
  }
}

extension ThreadPool {
  /// Chunks for work of so many operations: one alone where waking a helper would cost more than it saves, else a few for
  /// each thread, so that one which is held up leaves its share to the others.
  func chunks(of length: Int, unit: Int, operations: Int) -> Chunks {
    Chunks(length, unit: unit, most: operations < 4_000_000 || count == 1 ? 1 : 4 * count)
  }
}
