#if canImport(Glibc)
  import Glibc
#endif

extension Array where Element: BitwiseCopyable {
  /// `count` elements that `body` writes, every one of them, in memory for which the system is asked for large pages.
  ///
  /// A model's vector is a thousand pages of 4 KiB: the faults of their first use take as long as a rotation, and so do
  /// the misses of the address cache when a transposition jumps between them.
  public init(ofLargePages count: Int, _ body: (inout MutableSpan<Element>) -> Void) {
    self.init(unsafeUninitializedCapacity: count) { buffer, written in
      adviseLargePages(UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[...]))
      var span = UnsafeMutableBufferPointer(rebasing: buffer[..<count]).mutableSpan
      body(&span)
      written = count
    }
  }
}

/// Of the memory, what consists of whole large pages. It is advice: where the system does not take it, nothing changes.
private func adviseLargePages(_ memory: UnsafeMutableRawBufferPointer) {
  #if canImport(Glibc)
    let page = 1 << 21
    guard let start = memory.baseAddress else { return }
    let first = start.alignedUp(toMultipleOf: page)
    let end = (start + memory.count).alignedDown(toMultipleOf: page)
    if first < end { madvise(first, end - first, MADV_HUGEPAGE) }
  #endif
}
