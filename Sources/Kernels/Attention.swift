/// Scaled dot-product attention with grouped queries over packed sequences: for every head h and token i,
/// o[i] = Σ_j softmax_j(scale · q[i] · k[j]) v[j], j over the tokens of i's own sequence, up to i if `causal`.
///
/// Queries are `[tokens, heads · width]`, keys and values `[tokens, keyValueHeads · width]`; head h reads key head
/// h · keyValueHeads / heads. Sequences lie one after another without padding.
///
/// Scores exist for a few rows at a time; the backward pass computes them again from the logarithms of their sums. Source:
/// Vaswani et al., "Attention Is All You Need", arXiv:1706.03762, eq. 1; Ainslie et al., "GQA", arXiv:2305.13245; Dao et
/// al., "FlashAttention", arXiv:2205.14135, appendix B.
public struct Attention: Sendable, Hashable {
  public let heads: Int
  public let keyValueHeads: Int
  public let width: Int
  public let causal: Bool
  public let scale: Float

  /// - Parameters:
  ///   - keyValueHeads: Divides `heads`.
  ///   - width: Of a head.
  ///   - scale: 1/√width unless told otherwise.
  public init(heads: Int, keyValueHeads: Int? = nil, width: Int, causal: Bool, scale: Float? = nil) {
    let keyValueHeads = keyValueHeads ?? heads
    precondition(heads > 0 && keyValueHeads > 0 && width > 0 && heads % keyValueHeads == 0)
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.width = width
    self.causal = causal
    self.scale = scale ?? 1 / Float(width).squareRoot()
  }

  /// Floats of `logSums`, which `backward` needs: one for every token and head.
  public func logSumCount(tokens: Int) -> Int { tokens * heads }

  /// - Parameters:
  ///   - o: `[tokens, heads · width]`, like q.
  ///   - logSums: `logSumCount(tokens:)` floats, kept for `backward`.
  ///   - qStride: Floats between tokens of q, `kvStride` of k and v, where they are columns of a wider matrix.
  ///   - starts: Where each sequence begins, ascending from 0, and at the end the number of tokens.
  public func forward(
    _ o: inout MutableSpan<Float>, logSums: inout MutableSpan<Float>, q: Span<Float>, qStride: Int? = nil,
    k: Span<Float>, v: Span<Float>, kvStride: Int? = nil, starts: Span<Int32>, workspace: inout Workspace,
    threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    let (tokens, longest) = Self.lengths(starts)
    let qStride = qStride ?? heads * width
    let kvStride = kvStride ?? keyValueHeads * width
    check(tokens, q.count, qStride, k.count, v.count, kvStride)
    precondition(o.count == tokens * heads * width && logSums.count == logSumCount(tokens: tokens))
    guard tokens > 0 else { return }
    let pointers = (o: o.pointer(), l: logSums.pointer(), q: q.pointer, k: k.pointer, v: v.pointer, s: starts.pointer)
    let size = (kernels.attentionScratch(longest, width, false) + 15) / 16 * 16
    let chunks = (starts.count - 1) * heads
    let isLong = 4 * tokens * longest * width * heads >= 4_000_000
    let scratch = workspace.reserve(size * threads.count).baseAddress!
    (isLong ? threads : .single).run(chunks) { chunk, worker in
      let (sequence, head) = (chunk / heads, chunk % heads)
      let start = Int(pointers.s[sequence])
      let length = Int(pointers.s[sequence + 1]) - start
      let own = start * heads * width + head * width
      let kv = start * kvStride + head * keyValueHeads / heads * width
      kernels.attentionForward(
        length, length, width, pointers.q + (start * qStride + head * width), qStride, pointers.k + kv, kvStride,
        pointers.v + kv, kvStride, pointers.o + own, heads * width, pointers.l + (start * heads + head), heads, scale,
        causal, scratch + worker * size)
    }
  }

  /// Attention of the last `queries` tokens of one sequence over all its keys, which is how a model that writes reads what
  /// it has written: `queries` rows of q and o, `keys` rows of k and v.
  public func forward(
    _ o: inout MutableSpan<Float>, q: Span<Float>, queries: Int, k: Span<Float>, v: Span<Float>, keys: Int,
    workspace: inout Workspace, threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    precondition(queries >= 0 && keys >= queries)
    precondition(q.count == queries * heads * width && o.count == q.count)
    precondition(k.count >= keys * keyValueHeads * width && v.count >= keys * keyValueHeads * width)
    guard queries > 0 else { return }
    let pointers = (o: o.pointer(), q: q.pointer, k: k.pointer, v: v.pointer)
    let (row, kvRow) = (heads * width, keyValueHeads * width)
    let size = (kernels.attentionScratch(keys, width, false) + 15) / 16 * 16
    let sums = (queries + 15) / 16 * 16
    let scratch = workspace.reserve((size + sums) * threads.count).baseAddress!
    let isLong = 4 * queries * keys * width * heads >= 4_000_000
    (isLong ? threads : .single).run(heads) { head, worker in
      let own = scratch + worker * (size + sums)
      let kv = head * keyValueHeads / heads * width
      kernels.attentionForward(
        queries, keys, width, pointers.q + head * width, row, pointers.k + kv, kvRow, pointers.v + kv, kvRow,
        pointers.o + head * width, row, own + size, 1, scale, causal, own)
    }
  }

  /// The gradients of q, k and v; arguments as in `forward`, whose `o` and `logSums` these are.
  ///
  /// - Parameters: `dq` is laid out like `q` (stride included), `dk` and `dv` like `k` and `v`.
  public func backward(
    dq: inout MutableSpan<Float>, dk: inout MutableSpan<Float>, dv: inout MutableSpan<Float>, dO: Span<Float>,
    o: Span<Float>, logSums: Span<Float>, q: Span<Float>, qStride: Int? = nil, k: Span<Float>, v: Span<Float>,
    kvStride: Int? = nil, starts: Span<Int32>, workspace: inout Workspace, threads: ThreadPool = .shared,
    on kernels: KernelTable = .best
  ) {
    let (tokens, longest) = Self.lengths(starts)
    let row = heads * width
    let qStride = qStride ?? row
    let kvStride = kvStride ?? keyValueHeads * width
    check(tokens, q.count, qStride, k.count, v.count, kvStride)
    check(tokens, dq.count, qStride, dk.count, dv.count, kvStride)
    precondition(o.count == tokens * row && dO.count == o.count && logSums.count == logSumCount(tokens: tokens))
    guard tokens > 0 else { return }
    let inputs = (o: o.pointer, g: dO.pointer, l: logSums.pointer, q: q.pointer, k: k.pointer, v: v.pointer)
    let outputs = (q: dq.pointer(), k: dk.pointer(), v: dv.pointer())
    let s = starts.pointer
    let group = heads / keyValueHeads
    let size = (kernels.attentionScratch(longest, width, true) + 15) / 16 * 16
    // Query heads of a group each write the gradients of their own keys and values, which are then added in their order.
    let shares = group == 1 ? 0 : (tokens * row + 15) / 16 * 16
    let scratch = workspace.reserve(2 * shares + size * threads.count).baseAddress!
    let pool = 10 * tokens * longest * row >= 4_000_000 ? threads : .single
    pool.run((starts.count - 1) * heads) { chunk, worker in
      let (sequence, head) = (chunk / heads, chunk % heads)
      let start = Int(s[sequence])
      let length = Int(s[sequence + 1]) - start
      let own = start * row + head * width
      let query = start * qStride + head * width
      let kv = start * kvStride + head / group * width
      kernels.attentionBackward(
        length, width, inputs.q + query, qStride, inputs.k + kv, kvStride, inputs.v + kv, kvStride, inputs.o + own, row,
        inputs.g + own, row, inputs.l + (start * heads + head), heads, scale, causal, outputs.q + query, qStride,
        group == 1 ? outputs.k + kv : scratch + own, group == 1 ? kvStride : row,
        group == 1 ? outputs.v + kv : scratch + (shares + own), group == 1 ? kvStride : row,
        scratch + (2 * shares + worker * size))
    }
    guard group > 1 else { return }
    pool.run(tokens) { token, _ in
      for head in 0..<keyValueHeads {
        let at = token * kvStride + head * width
        for (target, share) in [(outputs.k + at, scratch), (outputs.v + at, scratch + shares)] {
          let first = share + (token * row + head * group * width)
          target.update(from: first, count: width)
          for member in 1..<group { kernels.addScaled(width, first + member * width, 1, target) }
        }
      }
    }
  }

  /// The number of tokens, and of those of the longest sequence.
  private static func lengths(_ starts: Span<Int32>) -> (tokens: Int, longest: Int) {
    precondition(starts.count >= 1 && starts[0] == 0)
    var longest = 0
    for i in 1..<starts.count {
      precondition(starts[i] >= starts[i - 1])
      longest = max(longest, Int(starts[i] - starts[i - 1]))
    }
    return (Int(starts[starts.count - 1]), longest)
  }

  private func check(_ tokens: Int, _ q: Int, _ qStride: Int, _ k: Int, _ v: Int, _ kvStride: Int) {
    precondition(Matmul.holds(q, rows: tokens, columns: heads * width, stride: qStride))
    precondition(Matmul.holds(k, rows: tokens, columns: keyValueHeads * width, stride: kvStride))
    precondition(Matmul.holds(v, rows: tokens, columns: keyValueHeads * width, stride: kvStride))
  }
}

extension ThreadPool {
  /// For work too short to share.
  static let single = ThreadPool(count: 1)
}
