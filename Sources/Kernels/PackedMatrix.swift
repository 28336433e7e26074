/// A frozen weight W `[outputs, inputs]`, packed once in the order in which the product's inner loop reads it.
///
/// One copy serves both directions: the one that was not packed transposes blocks of the other on the way, which costs a
/// few percent of the product at 128 rows and less at more. Packing both costs twice the memory instead.
public final class PackedMatrix: Sendable {
  /// A product with W as its right-hand side.
  public struct Directions: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// y = x · Wᵀ, a layer's output.
    public static let forward = Directions(rawValue: 1)
    /// dx = dy · W, its input's gradient.
    public static let backward = Directions(rawValue: 2)
    public static let both: Directions = [.forward, .backward]
  }
  public enum Direction: Sendable, CaseIterable { case forward, backward }

  public let outputs: Int
  public let inputs: Int
  public let directions: Directions
  let kernels: KernelTable
  private let forward: AlignedFloats?
  private let backward: AlignedFloats?

  /// - Parameter weight: `[outputs, inputs]`, not needed afterwards.
  public init(
    _ weight: Span<Float>, outputs: Int, inputs: Int, directions: Directions = .both, on kernels: KernelTable = .best
  ) {
    precondition(outputs > 0 && inputs > 0 && weight.count == outputs * inputs)
    precondition(!directions.isDisjoint(with: .both))
    self.outputs = outputs
    self.inputs = inputs
    self.directions = directions
    self.kernels = kernels
    let source = weight.pointer
    if directions.contains(.forward) {
      forward = AlignedFloats(kernels.panelFloats(outputs, inputs)) {
        kernels.packPanels(true, outputs, inputs, source, inputs, $0)
      }
    } else {
      forward = nil
    }
    if directions.contains(.backward) {
      backward = AlignedFloats(kernels.panelFloats(inputs, outputs)) {
        kernels.packPanels(false, inputs, outputs, source, inputs, $0)
      }
    } else {
      backward = nil
    }
  }

  /// What the packed copies take.
  public var byteCount: Int { ((forward?.count ?? 0) + (backward?.count ?? 0)) * MemoryLayout<Float>.stride }

  /// The panels for a direction, or those of the other one.
  func panels(_ direction: Direction) -> (pointer: UnsafePointer<Float>, isTransposed: Bool) {
    let (own, other) = direction == .forward ? (forward, backward) : (backward, forward)
    return own.map { ($0.pointer, false) } ?? (other!.pointer, true)
  }
}

/// Floats that are written once, aligned to cache lines, and may then be read from any thread.
final class AlignedFloats: @unchecked Sendable {
  let pointer: UnsafePointer<Float>
  let count: Int

  init(_ count: Int, _ fill: (UnsafeMutablePointer<Float>) -> Void) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * MemoryLayout<Float>.stride, alignment: 64)
    let floats = memory.initializeMemory(as: Float.self, repeating: 0, count: max(count, 1))
    fill(floats)
    pointer = UnsafePointer(floats)
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
    let (n, k) =
      direction == .forward ? (weight.outputs, weight.inputs) : (weight.inputs, weight.outputs)
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
    let width = kernels.panelColumns()
    let chunks = threads.chunks(of: n, unit: 2 * width, operations: 2 * rows * n * k)
    let needed = isTransposed ? kernels.gemmTransposedScratch(n, k) : kernels.gemmPackedScratch()
    let size = (needed + 15) / 16 * 16
    let scratch = workspace.reserve(size * (chunks.count == 1 ? 1 : threads.count)).baseAddress!
    threads.run(chunks.count) { chunk, worker in
      let part = chunks[chunk]
      let j = part.lowerBound
      let own = scratch + worker * size
      if isTransposed {
        kernels.gemmPackedTransposed(
          rows, part.count, k, ap, lda, panels + j * width, n, cp + j, ldc, accumulate, own)
        if let biasPointer {
          for i in 0..<rows { kernels.addScaled(part.count, biasPointer + j, 1, cp + (i * ldc + j)) }
        }
      } else {
        kernels.gemmPacked(
          rows, part.count, k, ap, lda, panels + j * k, cp + j, ldc, accumulate, biasPointer.map { $0 + j }, own)
      }
    }
  }
}
