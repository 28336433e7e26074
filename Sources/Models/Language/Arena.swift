import Kernels

typealias Region = UnsafeMutableBufferPointer<Float>

/// Hands out regions one after the other, each at the beginning of a cache line; without memory it only counts.
struct ArenaCursor {
  private let memory: Region?
  private(set) var floatCount = 0

  fileprivate init(_ memory: Region?) { self.memory = memory }

  mutating func take(_ count: Int) -> Region {
    let start = floatCount
    floatCount += (count + 15) / 16 * 16
    return memory.map { $0.part(start..<start + count) } ?? Region(start: nil, count: 0)
  }

  mutating func take(_ count: Int, if isNeeded: Bool) -> Region {
    isNeeded ? take(count) : Region(start: nil, count: 0)
  }
}

/// All the memory of a network's passes, taken at once and never again: activations, gradients, scratch between layers.
///
/// A class, because the network's parts hold regions of it for as long as they live.
final class Arena<Buffers> {
  let buffers: Buffers
  private let memory: Workspace

  /// - Parameter build: Takes the regions; called twice, first to count.
  init(_ build: (inout ArenaCursor) -> Buffers) {
    var memory = Workspace()
    var cursor = ArenaCursor(memory.reserve(Self.byteCount(build) / MemoryLayout<Float>.stride))
    buffers = build(&cursor)
    self.memory = memory
  }

  /// What it would take, without taking it.
  static func byteCount(_ build: (inout ArenaCursor) -> Buffers) -> Int {
    var cursor = ArenaCursor(nil)
    _ = build(&cursor)
    return cursor.floatCount * MemoryLayout<Float>.stride
  }
}

extension UnsafeMutableBufferPointer<Float> {
  /// The first rows of that width: a region is made for the largest pass, and most are smaller.
  func rows(_ count: Int, _ width: Int) -> Self { part(0..<count * width) }

  /// What begins at that float.
  func from(_ offset: Int) -> Self { part(offset..<count) }
}

/// What every operation of a pass is given beside its numbers.
final class ComputeContext {
  let kernels: KernelTable
  let threads: ThreadPool
  /// Packed operands and the like; grows in the first pass.
  var workspace = Workspace()
  /// While they are there, a way back adds up the norms of each example's gradient instead of the gradients.
  var ghosts: GhostNorms?
  /// What the loss of each example of a pass counts; one if there are none.
  var exampleScales: [Float]?

  /// Made when first used, with their scratch.
  lazy var clippingNorms = GhostNorms()

  init(kernels: KernelTable = .best, threads: ThreadPool = .shared) {
    self.kernels = kernels
    self.threads = threads
  }

  /// Multiplies the row of each example by its scale.
  func scale(_ rows: Region, columns: Int) {
    guard let exampleScales else { return }
    for (i, scale) in exampleScales.enumerated() {
      for k in i * columns..<(i + 1) * columns { rows[k] *= scale }
    }
  }
}

/// Small frozen tensors (biases, gains, the matrices A of adapters) at addresses that stay.
final class ConstantMemory {
  private var regions: [UnsafeMutableRawPointer] = []
  private(set) var byteCount = 0

  func keep(_ values: [Float]) -> Region {
    let bytes = max(values.count, 1) * MemoryLayout<Float>.stride
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    regions.append(memory)
    byteCount += bytes
    let region = Region(start: memory.bindMemory(to: Float.self, capacity: max(values.count, 1)), count: values.count)
    _ = region.initialize(fromContentsOf: values)
    return region
  }

  deinit { for region in regions { region.deallocate() } }
}
