/// A frozen weight `[outputs, inputs]` in whole numbers of 8 bits, for generation: one token reads every weight once, so
/// the fewer bytes the better.
///
/// Blocks of 32 inputs share a scale in half precision (the format that llama.cpp names Q8_0): 34 bytes for 32 weights.
/// Activations are rounded in the same way as they come, to 8 bits and a scale for each block.
public final class QuantisedMatrix: @unchecked Sendable {
  public let outputs: Int
  public let inputs: Int
  // Written in `init` only, which is why this class may be called Sendable.
  private let weights: UnsafeMutablePointer<Int8>
  private let scales: UnsafeMutablePointer<UInt16>

  /// Outputs whose blocks lie together, block by block, so that the product reads one stream of memory.
  private static let group = 4
  /// Where block b of the row-major weight lies.
  private func place(_ b: Int) -> Int {
    let blocks = inputs / Self.block
    let (row, column) = (b / blocks, b % blocks)
    return (row / Self.group * blocks + column) * Self.group + row % Self.group
  }

  /// Inputs that share a scale; `inputs` must be a multiple of it.
  public static let block = 32

  /// Rounds a weight `[outputs, inputs]` to blocks.
  public convenience init(_ weight: Span<Float>, outputs: Int, inputs: Int) {
    precondition(weight.count == outputs * inputs)
    self.init(outputs: outputs, inputs: inputs)
    for b in 0..<outputs * inputs / Self.block {
      let block = weight.extracting(b * Self.block..<(b + 1) * Self.block)
      var top: Float = 0
      for i in block.indices { top = max(top, abs(block[i])) }
      let inverse = top > 0 ? 127 / top : 0
      scales[place(b)] = Half.bits(top / 127)
      for i in block.indices {
        weights[place(b) * Self.block + i] = Int8((block[i] * inverse).rounded(.toNearestOrEven))
      }
    }
  }

  /// Takes Q8_0 blocks as they lie in a GGUF file, row after row: a scale of 2 bytes, then 32 numbers.
  public convenience init(q8 blocks: Span<UInt8>, outputs: Int, inputs: Int) {
    self.init(outputs: outputs, inputs: inputs)
    let size = 2 + Self.block
    precondition(blocks.count == outputs * inputs / Self.block * size)
    for b in 0..<outputs * inputs / Self.block {
      scales[place(b)] = UInt16(blocks[b * size]) | UInt16(blocks[b * size + 1]) << 8
      for i in 0..<Self.block { weights[place(b) * Self.block + i] = Int8(bitPattern: blocks[b * size + 2 + i]) }
    }
  }

  /// Takes Q4_0 blocks, exactly: a scale of 2 bytes, then 16 bytes whose lower halves are the first 16 numbers and upper
  /// halves the others, each plus 8.
  public convenience init(q4 blocks: Span<UInt8>, outputs: Int, inputs: Int) {
    self.init(outputs: outputs, inputs: inputs)
    let size = 2 + Self.block / 2
    precondition(blocks.count == outputs * inputs / Self.block * size)
    for b in 0..<outputs * inputs / Self.block {
      scales[place(b)] = UInt16(blocks[b * size]) | UInt16(blocks[b * size + 1]) << 8
      for i in 0..<Self.block / 2 {
        let pair = blocks[b * size + 2 + i]
        weights[place(b) * Self.block + i] = Int8(pair & 15) - 8
        weights[place(b) * Self.block + Self.block / 2 + i] = Int8(pair >> 4) - 8
      }
    }
  }

  private init(outputs: Int, inputs: Int) {
    precondition(outputs > 0 && inputs > 0 && inputs % Self.block == 0)
    self.outputs = outputs
    self.inputs = inputs
    // The last group of rows is padded with zeros.
    let count = (outputs + Self.group - 1) / Self.group * Self.group * inputs
    weights = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 64).bindMemory(
      to: Int8.self, capacity: count)
    weights.initialize(repeating: 0, count: count)
    scales = .allocate(capacity: count / Self.block)
    scales.initialize(repeating: 0, count: count / Self.block)
  }

  deinit {
    weights.deallocate()
    scales.deallocate()
  }

  public var byteCount: Int { outputs * inputs / Self.block * (Self.block + 2) }

  /// The weight of an output and input, as the product sees it.
  public func weight(_ output: Int, _ input: Int) -> Float {
    precondition((0..<outputs).contains(output) && (0..<inputs).contains(input))
    let at = place((output * inputs + input) / Self.block)
    return Half.float(scales[at]) * Float(weights[at * Self.block + input % Self.block])
  }

  /// y = x · Wᵀ.
  ///
  /// - Parameters: `y` is `[rows, outputs]`, `x` `[rows, inputs]`; meant for few rows: at more, `PackedMatrix` is faster.
  public func multiply(
    _ y: inout MutableSpan<Float>, x: Span<Float>, rows: Int = 1, workspace: inout Workspace,
    threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    precondition(rows >= 0 && x.count == rows * inputs && y.count == rows * outputs)
    guard rows > 0 else { return }
    precondition(kernels.quantGroup() == Self.group)
    let blocks = inputs / Self.block
    let (xp, yp) = (x.pointer, y.pointer())
    let (numbers, scalesOfX) = (rows * inputs / 4, (rows * blocks + 15) / 16 * 16)
    let scratch = workspace.reserve((numbers + 15) / 16 * 16 + scalesOfX).baseAddress!
    let xScales = scratch + (numbers + 15) / 16 * 16
    let bytes = UnsafeMutableRawPointer(scratch).assumingMemoryBound(to: Int8.self)
    kernels.quantise(rows * inputs, xp, bytes, xScales)
    // A thread's own rows of W, since memory is what it waits for: long runs, and few of them.
    let chunks = Chunks(outputs, unit: 64, most: rows * outputs * inputs < 200_000 ? 1 : 4 * threads.count)
    threads.run(chunks.count) { (chunk: Int) in
      let part = chunks[chunk]
      kernels.multiplyQuantised(
        rows, part.count, blocks, weights + part.lowerBound * inputs, scales + part.lowerBound * blocks, bytes, xScales,
        yp + part.lowerBound, outputs)
    }
  }
}

/// IEEE half precision by its bits, since not every platform's compiler has the type.
enum Half {
  static func float(_ bits: UInt16) -> Float {
    let magnitude = Float(bitPattern: UInt32(bits & 0x7fff) << 13) * 0x1p112
    return bits & 0x8000 == 0 ? magnitude : -magnitude
  }

  /// The nearest half of a number that is not negative, ties to even; above the largest, the largest.
  static func bits(_ x: Float) -> UInt16 {
    let scaled = (min(x, 65_504) * 0x1p-112).bitPattern
    return UInt16((scaled + 0xfff + ((scaled >> 13) & 1)) >> 13)
  }
}
