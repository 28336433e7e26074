/// The gated unit of the Llama family, element by element: y = gate · sigmoid(gate) · up.
///
/// Source: Shazeer, "GLU Variants Improve Transformer", arXiv:2002.05202, eq. 5 (Swish with β = 1).
public enum SwiGLU {
  public static func forward(
    _ y: inout MutableSpan<Float>, gate: Span<Float>, up: Span<Float>, threads: ThreadPool = .shared,
    on kernels: KernelTable = .best
  ) {
    precondition(gate.count == y.count && up.count == y.count)
    let (gatePointer, upPointer, yPointer) = (gate.pointer, up.pointer, y.pointer())
    threads.elementwise(gate.count) { kernels.swiGLU($1, gatePointer + $0, upPointer + $0, yPointer + $0) }
  }

  /// dGate = dy · up · silu'(gate) and dUp = dy · silu(gate).
  public static func backward(
    dGate: inout MutableSpan<Float>, dUp: inout MutableSpan<Float>, gate: Span<Float>, up: Span<Float>,
    dy: Span<Float>, threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    let count = gate.count
    precondition(up.count == count && dy.count == count && dGate.count == count && dUp.count == count)
    let inputs = (gate: gate.pointer, up: up.pointer, dy: dy.pointer)
    let outputs = (gate: dGate.pointer(), up: dUp.pointer())
    threads.elementwise(count) {
      kernels.swiGLUBackward(
        $1, inputs.gate + $0, inputs.up + $0, inputs.dy + $0, outputs.gate + $0, outputs.up + $0)
    }
  }
}
