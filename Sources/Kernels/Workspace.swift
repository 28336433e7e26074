/// Memory that is taken once and used in every step, aligned to cache lines: parts of an arena with names, or scratch.
///
/// Reserving more than was ever reserved allocates; after the first step nothing does.
public struct Workspace: ~Copyable {
  private var memory: UnsafeMutableRawPointer
  private var capacity: Int

  /// - Parameter count: Floats to start with; zeroed.
  public init(count: Int = 0) {
    precondition(count >= 0)
    memory = Self.allocate(count)
    capacity = count
  }

  deinit { memory.deallocate() }

  /// At least `count` floats of scratch; what they held before is lost when the workspace grows.
  public mutating func reserve(_ count: Int) -> UnsafeMutableBufferPointer<Float> {
    precondition(count >= 0)
    if count > capacity {
      memory.deallocate()
      memory = Self.allocate(count)
      capacity = count
    }
    return UnsafeMutableBufferPointer(start: memory.assumingMemoryBound(to: Float.self), count: count)
  }

  private static func allocate(_ count: Int) -> UnsafeMutableRawPointer {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
    memory.initializeMemory(as: Float.self, repeating: 0, count: max(count, 1))
    return memory
  }
}
