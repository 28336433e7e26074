/// Where the randomness of a mechanism comes from: a keystream that nobody can foretell. Whoever knows it can take the
/// noise away again.
public protocol SecretRandomness: AnyObject {
  /// Overwrites `bytes` with the next bytes of the stream.
  func read(into bytes: UnsafeMutableRawBufferPointer)
}

/// The words of a stream, fetched some hundreds at a time.
struct RandomWords {
  private let source: any SecretRandomness
  private var words = [UInt64](repeating: 0, count: 512)
  private var next: Int

  init(_ source: any SecretRandomness) {
    self.source = source
    next = words.count
  }

  mutating func word() -> UInt64 {
    if next == words.count {
      words.withUnsafeMutableBytes { source.read(into: $0) }
      next = 0
    }
    defer {
      // A word serves once, and is not left lying about.
      words[next] = 0
      next += 1
    }
    return UInt64(littleEndian: words[next])
  }

  /// Uniform in (0, 1), with 53 digits however small it is: a mechanism's tail must be as fine as its middle.
  mutating func unit() -> Double {
    let high = word()
    guard high < 1 << 53 else { return (Double(high) + 0.5) * 0x1p-64 }
    return (Double(high) + (Double(word()) + 0.5) * 0x1p-64) * 0x1p-64
  }
}
