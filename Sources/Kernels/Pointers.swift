// The public edge is spans, the levels' edge is pointers. A span is a borrowed pointer that cannot move, so its pointer
// is good for as long as the function that received the span runs, and every operation here is one such function.

extension Span where Element: BitwiseCopyable {
  var pointer: UnsafePointer<Element> {
    // An empty span has no address; its kernel's loops then run zero times.
    withUnsafeBufferPointer { $0.baseAddress } ?? UnsafePointer(bitPattern: MemoryLayout<Element>.alignment)!
  }
}

extension MutableSpan where Element: BitwiseCopyable {
  mutating func pointer() -> UnsafeMutablePointer<Element> {
    withUnsafeMutableBufferPointer { $0.baseAddress }
      ?? UnsafeMutablePointer(bitPattern: MemoryLayout<Element>.alignment)!
  }
}
