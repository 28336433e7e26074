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
    accumulate: Bool = false, workspace: inout Workspace, threads: ThreadPool = .shared,
    on kernels: KernelTable = .best
  ) {
    precondition(m >= 0 && n >= 0 && k >= 0)
    precondition(a.count == m * k && b.count == k * n && c.count == m * n)
    multiply(
      &c, ldc: n, form, a, lda: form == .tn ? m : k, b, ldb: form == .nt ? k : n, m: m, n: n, k: k,
      accumulate: accumulate, workspace: &workspace, threads: threads, on: kernels)
  }

  /// The same for matrices that are columns of wider ones, such as the heads of an attention layer: the rows of A, B and C
  /// as stored lie `lda`, `ldb` and `ldc` floats apart. A span may end with its last row's last element.
  public static func multiply(
    _ c: inout MutableSpan<Float>, ldc: Int, _ form: Form, _ a: Span<Float>, lda: Int, _ b: Span<Float>, ldb: Int,
    m: Int, n: Int, k: Int, accumulate: Bool = false, workspace: inout Workspace, threads: ThreadPool = .shared,
    on kernels: KernelTable = .best
  ) {
    precondition(m >= 0 && n >= 0 && k >= 0)
    let transA = form == .tn
    let transB = form == .nt
    precondition(holds(a.count, rows: transA ? k : m, columns: transA ? m : k, stride: lda))
    precondition(holds(b.count, rows: transB ? n : k, columns: transB ? k : n, stride: ldb))
    precondition(holds(c.count, rows: m, columns: n, stride: ldc))
    guard m > 0, n > 0 else { return }
    let (ap, bp, cp) = (a.pointer, b.pointer, c.pointer())

    // Parts of the rows where C is narrow, else of the columns, which then each pack their part of B once; where A is
    // packed too, parts of the longer side, so that the shorter one is packed again for each. No part is so small that
    // `gemm` would choose another order of summation for it than for the whole.
    let byRows = n < 4 * kernels.panelColumns() || (transA && m > n)
    let chunks = threads.chunks(
      of: byRows ? m : n, unit: byRows ? 64 : 2 * kernels.panelColumns(), operations: 2 * m * n * k)
    let size = (kernels.gemmScratch(transA, transB, m, n, k) + 15) / 16 * 16
    let scratch = workspace.reserve(size * (chunks.count == 1 ? 1 : threads.count)).baseAddress!
    threads.run(chunks.count) { chunk, worker in
      let part = chunks[chunk]
      let i = byRows ? part.lowerBound : 0
      let j = byRows ? 0 : part.lowerBound
      kernels.gemm(
        transA, transB, byRows ? part.count : m, byRows ? n : part.count, k, ap + (transA ? i : i * lda), lda,
        bp + (transB ? j * ldb : j), ldb, cp + (i * ldc + j), ldc, accumulate, scratch + worker * size)
    }
  }

  /// Whether `count` floats hold rows `stride` apart, the last one to its end only.
  static func holds(_ count: Int, rows: Int, columns: Int, stride: Int) -> Bool {
    rows == 0 || columns == 0 || (stride >= columns && count >= (rows - 1) * stride + columns)
  }
}
