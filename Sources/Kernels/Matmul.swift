/// The product of two row-major matrices, C (+)= op(A) · op(B).
///
/// The three forms are those of a layer `y = x · Wᵀ` with W stored `[out, in]`: forward is `nt`, the gradient of x is `nn`
/// and that of W is `tn`.
public enum Matmul {
  public enum Form: Sendable, CaseIterable {
    /// A `[m, k]`, B `[k, n]`.
    case nn
    /// A `[m, k]`, B `[n, k]`.
    case nt
    /// A `[k, m]`, B `[k, n]`.
    case tn
  }

  /// - Parameters:
  ///   - c: `[m, n]`, m and n being what is left of `a` and `b` after `k`.
  ///   - k: The length that is summed over; at 0, C becomes (or stays) zero plus what `accumulate` keeps.
  ///   - accumulate: Add to `c` instead of replacing it.
  ///   - workspace: Holds the packed operands; grows on first use.
  public static func multiply(
    _ c: inout MutableSpan<Float>, _ form: Form, _ a: Span<Float>, _ b: Span<Float>, m: Int, n: Int, k: Int,
    accumulate: Bool = false, workspace: inout Workspace, on kernels: KernelTable = .best
  ) {
    precondition(m >= 0 && n >= 0 && k >= 0)
    precondition(a.count == m * k && b.count == k * n && c.count == m * n)
    let transA = form == .tn
    let transB = form == .nt
    let scratch = workspace.reserve(kernels.gemmScratch(transA, transB, m, n, k)).baseAddress!
    kernels.gemm(
      transA, transB, m, n, k, a.pointer, transA ? m : k, b.pointer, transB ? k : n, c.pointer(), n, accumulate,
      scratch)
  }
}
