/// A frozen weight W `[outputs, inputs]`, packed once in the order in which the product's inner loop reads it.
///
/// One copy serves both directions: the one that was not packed transposes blocks of the other on the way, which costs a
/// few percent of the product at many rows and up to a quarter at 128. Packing both costs twice the memory instead.
public final class PackedMatrix: Sendable {
  /// A product with W as its right-hand side.
  public enum Direction: Sendable, CaseIterable {
    /// y = x · Wᵀ, a layer's output.
    case forward
    /// dx = dy · W, its input's gradient.
    case backward
  }
  public struct Directions: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let forward = Directions(rawValue: 1)
    public static let backward = Directions(rawValue: 2)
    public static let both: Directions = [.forward, .backward]
  }

  public enum Precision: Sendable, CaseIterable {
    case fp32
    /// W is rounded to bf16, to nearest even, which defines the function on every CPU. At kernel level 5 W is kept so, at
    /// 2 bytes a weight, activations are rounded too, and sums are single precision; on other CPUs the rounded weights are
    /// kept as fp32 and the activations stay exact, so that results differ by what rounding the activations changes.
    case bf16
  }

  public let outputs: Int
  public let inputs: Int
  public let directions: Directions
  public let precision: Precision
  let kernels: KernelTable
  private let forward: Panels?
  private let backward: Panels?

  /// The panels of one direction.
  enum Panels: Sendable {
    case floats(Memory<Float>)
    case pairs(Memory<Int32>)
  }

  /// - Parameters:
  ///   - weight: `[outputs, inputs]`, not needed afterwards.
  ///   - directions: What is packed; both products work with either. At `bf16` and kernel level 5 the other direction is
  ///     packed too, since together they take what one takes at `fp32`.
  public init(
    _ weight: Span<Float>, outputs: Int, inputs: Int, directions: Directions = .both, precision: Precision = .fp32,
    on kernels: KernelTable = .best
  ) {
    precondition(outputs > 0 && inputs > 0 && weight.count == outputs * inputs)
    precondition(!directions.isDisjoint(with: .both))
    let brain = precision == .bf16 ? kernels.brain : nil
    self.outputs = outputs
    self.inputs = inputs
    self.directions = brain == nil ? directions : .both
    self.precision = precision
    self.kernels = kernels
    let source = weight.pointer
    if let brain {
      forward = .pairs(Memory(brain.pairs(outputs, inputs)) { brain.pack(true, outputs, inputs, source, inputs, $0) })
      backward = .pairs(Memory(brain.pairs(inputs, outputs)) { brain.pack(false, inputs, outputs, source, inputs, $0) })
      return
    }
    func panels(_ direction: Direction) -> Panels {
      let isForward = direction == .forward
      let (n, k) = isForward ? (outputs, inputs) : (inputs, outputs)
      return .floats(
        Memory(kernels.panelFloats(n, k)) {
          kernels.packPanels(isForward, n, k, source, inputs, $0)
          if precision == .bf16 { for i in 0..<kernels.panelFloats(n, k) { $0[i] = $0[i].roundedToBrain } }
        })
    }
    forward = directions.contains(.forward) ? panels(.forward) : nil
    backward = directions.contains(.backward) ? panels(.backward) : nil
  }

  /// What the packed copies take.
  public var byteCount: Int {
    [forward, backward].reduce(0) { bytes, panels in
      switch panels {
      case .floats(let memory): bytes + memory.count * MemoryLayout<Float>.stride
      case .pairs(let memory): bytes + memory.count * MemoryLayout<Int32>.stride
      case nil: bytes
      }
    }
  }

  /// Writes the `inputs` weights of row `index`, as the products see them.
  func copyRow(_ index: Int, to row: UnsafeMutablePointer<Float>) {
    let (panels, isTransposed) = panels(.forward)
    switch panels {
    case .floats(let memory):
      let width = kernels.panelColumns()
      for i in 0..<inputs {
        row[i] =
          memory.pointer[
            isTransposed
              ? (i / width * outputs + index) * width + i % width : (index / width * inputs + i) * width + index % width
          ]
      }
    case .pairs(let memory):
      let width = kernels.brain!.columns()
      for i in 0..<inputs {
        let pair = (index / width * ((inputs + 1) / 2) + i / 2) * width + index % width
        let bits = UInt32(bitPattern: memory.pointer[pair])
        row[i] = Float(bitPattern: i % 2 == 0 ? bits << 16 : bits & 0xffff_0000)
      }
    }
  }

  /// The panels for a direction, or those of the other one.
  func panels(_ direction: Direction) -> (panels: Panels, isTransposed: Bool) {
    let (own, other) = direction == .forward ? (forward, backward) : (backward, forward)
    return own.map { ($0, false) } ?? (other!, true)
  }
}

extension Float {
  /// The nearest number that bf16 has, ties to even; NaN stays NaN.
  var roundedToBrain: Float {
    guard isFinite else { return self }
    return Float(bitPattern: (bitPattern + 0x7fff + ((bitPattern >> 16) & 1)) & 0xffff_0000)
  }
}

/// Memory that is written once, aligned to cache lines, and may then be read from any thread.
final class Memory<Element: BitwiseCopyable & Numeric>: @unchecked Sendable {
  let pointer: UnsafePointer<Element>
  let count: Int

  init(_ count: Int, _ fill: (UnsafeMutablePointer<Element>) -> Void) {
    let bytes = max(count, 1) * MemoryLayout<Element>.stride
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
      .initializeMemory(as: Element.self, repeating: .zero, count: max(count, 1))
    fill(memory)
    pointer = UnsafePointer(memory)
    self.count = count
  }

  deinit { pointer.deallocate() }
}

extension Matmul {
  /// C (+)= A · Wᵀ (`forward`: A `[rows, inputs]`, C `[rows, outputs]`) or A · W (`backward`, the reverse), W packed.
  ///
  /// - Parameters:
  ///   - ldc: Floats between rows of C, and `lda` of A; their widths unless told otherwise.
  ///   - bias: Added to every row; as long as C is wide. Not together with `accumulate`.
  public static func multiply(
    _ c: inout MutableSpan<Float>, ldc: Int? = nil, _ a: Span<Float>, lda: Int? = nil, by weight: PackedMatrix,
    _ direction: PackedMatrix.Direction, rows: Int, accumulate: Bool = false, bias: Span<Float>? = nil,
    workspace: inout Workspace, threads: ThreadPool = .shared
  ) {
    let (n, k) = direction == .forward ? (weight.outputs, weight.inputs) : (weight.inputs, weight.outputs)
    let lda = lda ?? k
    let ldc = ldc ?? n
    precondition(rows >= 0)
    precondition(holds(a.count, rows: rows, columns: k, stride: lda))
    precondition(holds(c.count, rows: rows, columns: n, stride: ldc))
    if let bias { precondition(bias.count == n && !accumulate) }
    guard rows > 0 else { return }

    let kernels = weight.kernels
    let (ap, cp, biasPointer) = (a.pointer, c.pointer(), bias?.pointer)
    let (panels, isTransposed) = weight.panels(direction)
    let operations = 2 * rows * n * k

    switch panels {
    case .pairs(let memory):
      let brain = kernels.brain!
      let chunks = threads.chunks(of: n, unit: 2 * brain.columns(), operations: operations)
      share(chunks, brain.scratch(), &workspace, threads) { columns, scratch in
        let j = columns.lowerBound
        brain.gemm(
          rows, columns.count, k, ap, lda, memory.pointer + j * ((k + 1) / 2), cp + j, ldc, accumulate,
          biasPointer.map { $0 + j }, scratch)
      }

    case .floats(let memory) where !isTransposed:
      let chunks = threads.chunks(of: n, unit: 2 * kernels.panelColumns(), operations: operations)
      share(chunks, kernels.gemmPackedScratch(), &workspace, threads) { columns, scratch in
        let j = columns.lowerBound
        kernels.gemmPacked(
          rows, columns.count, k, ap, lda, memory.pointer + j * k, cp + j, ldc, accumulate,
          biasPointer.map { $0 + j }, scratch)
      }

    case .floats(let memory):
      let width = kernels.panelColumns()
      let chunks = threads.chunks(of: n, unit: 2 * width, operations: operations)
      share(chunks, kernels.gemmTransposedScratch(n, k), &workspace, threads) { columns, scratch in
        let j = columns.lowerBound
        kernels.gemmPackedTransposed(
          rows, columns.count, k, ap, lda, memory.pointer + j * width, n, cp + j, ldc, accumulate, scratch)
        if let biasPointer {
          for i in 0..<rows { kernels.addScaled(columns.count, biasPointer + j, 1, cp + (i * ldc + j)) }
        }
      }
    }
  }

  /// Runs the chunks with memory of its own for each thread.
  private static func share(
    _ chunks: Chunks, _ scratch: Int, _ workspace: inout Workspace, _ threads: ThreadPool,
    _ body: (_ part: Range<Int>, _ scratch: UnsafeMutablePointer<Float>) -> Void
  ) {
    let size = (scratch + 15) / 16 * 16
    let memory = workspace.reserve(size * (chunks.count == 1 ? 1 : threads.count)).baseAddress!
    threads.run(chunks.count) { chunk, worker in body(chunks[chunk], memory + worker * size) }
  }
}
