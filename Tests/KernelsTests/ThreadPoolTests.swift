import Synchronization
import Testing

@testable import Kernels

@Suite("Threads")
struct ThreadPoolTests {
  @Test("Every chunk runs exactly once, run after run", arguments: [1, 2, 3, 8])
  func everyChunk(count: Int) {
    let pool = ThreadPool(count: count)
    for chunks in [0, 1, 2, 3, 17, 1000] {
      for _ in 0..<20 {
        let calls = (0..<chunks).map { _ in Counter() }
        pool.run(chunks) { (chunk: Int) in calls[chunk].value.add(1, ordering: .relaxed) }
        #expect(calls.allSatisfy { $0.value.load(ordering: .relaxed) == 1 })
      }
    }
  }
  final class Counter: Sendable { let value = Atomic(0) }

  @Test("Workers are numbered below the pool's count, and no two share a number at a time")
  func workers() {
    let pool = ThreadPool(count: 4)
    let busy = (0..<4).map { _ in Counter() }
    let clashes = Counter()
    pool.run(500) { _, worker in
      if busy[worker].value.add(1, ordering: .relaxed).oldValue != 0 { clashes.value.add(1, ordering: .relaxed) }
      busy[worker].value.subtract(1, ordering: .relaxed)
    }
    #expect(clashes.value.load(ordering: .relaxed) == 0)
  }

  @Test("Work inside work, and work from several threads at once, still runs every chunk")
  func nested() async {
    let pool = ThreadPool(count: 3)
    let total = Counter()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          pool.run(10) { (_: Int) in pool.run(10) { (_: Int) in total.value.add(1, ordering: .relaxed) } }
        }
      }
    }
    #expect(total.value.load(ordering: .relaxed) == 400)
  }

  @Test("Chunks cover a length without gaps, start at whole units, and none is shorter than a unit")
  func chunks() {
    for length in [0, 1, 15, 16, 17, 31, 32, 100, 4096, 4099] {
      for unit in [1, 16, 64] {
        for most in [1, 2, 8, 64] {
          let chunks = Chunks(length, unit: unit, most: most)
          var next = 0
          for chunk in 0..<chunks.count {
            #expect(chunks[chunk].lowerBound == next && next % unit == 0)
            #expect(chunks[chunk].count >= min(unit, length))
            next = chunks[chunk].upperBound
          }
          #expect(next == length && chunks.count <= most)
        }
      }
    }
  }
}
