@testable import Kernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Lengths around every vector width: 1, the widths 4, 8 and 16, their doubles, and their neighbours.
let raggedLengths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130]

/// Repeatable numbers for tests: a linear congruential generator (Knuth's MMIX constants), its upper bits.
struct TestNumbers {
  var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

  /// Uniform between `-bound` and `bound`.
  mutating func next(_ bound: Float = 1) -> Float {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (Float(state >> 40) / Float(1 << 23) - 1) * bound
  }

  mutating func floats(_ count: Int, _ bound: Float = 1) -> [Float] { (0..<count).map { _ in next(bound) } }

  mutating func labels(_ count: Int, classes: Int) -> [Int32] {
    (0..<count).map { _ in min(Int32((next() + 1) / 2 * Float(classes)), Int32(classes - 1)) }
  }
}

/// Floats that end where the next memory page is forbidden: a kernel that reads or writes past the end crashes the test.
final class GuardedFloats {
  let floats: UnsafeMutableBufferPointer<Float>
  private let pages: UnsafeMutableRawPointer
  private let size: Int

  init(_ values: [Float]) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let bytes = values.count * MemoryLayout<Float>.stride
    let inner = (bytes + page - 1) / page * page
    size = inner + page
    pages = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
    mprotect(pages + inner, page, PROT_NONE)
    let start = (pages + (inner - bytes)).bindMemory(to: Float.self, capacity: values.count)
    floats = UnsafeMutableBufferPointer(start: start, count: values.count)
    _ = floats.initialize(from: values)
  }

  deinit { munmap(pages, size) }

  var values: [Float] { Array(floats) }
}

/// The largest |a - b| / (1 + |b|), infinite if anything is NaN.
func worstError(_ a: [Float], _ b: [Double]) -> Double {
  guard a.count == b.count else { return .infinity }
  var worst = 0.0
  for (x, y) in zip(a, b) {
    let error = abs(Double(x) - y) / (1 + abs(y))
    worst = error.isNaN ? .infinity : max(worst, error)
  }
  return worst
}

/// The gradient of `f` at `x` by central differences, in double precision: the error is near 1e-9 for smooth f of size 1.
func finiteDifferences(_ x: [Double], step: Double = 1e-5, _ f: ([Double]) -> Double) -> [Double] {
  x.indices.map { i in
    var up = x
    var down = x
    up[i] += step
    down[i] -= step
    return (f(up) - f(down)) / (2 * step)
  }
}

extension Array where Element == Float {
  var doubles: [Double] { map(Double.init) }
}
