// The hot loops, compiled once for each CPU level: KernelsBase, KernelsV3 and KernelsV4 all hold a link to this folder.
//
// Rules of this file, each of which costs a factor of 2 or more, or an illegal instruction on an old CPU, when broken:
// - One file: a debug build has no inlining across files, and tests should run at full speed.
// - Only free functions over raw pointers and scalars leave the module. A struct, closure or array at the edge makes the
//   compiler emit helpers whose weak symbols carry no module name, of which the linker keeps one copy for the whole
//   program, whatever CPU it was built for. scripts/check-levels looks for them.
// - `@inline(always)`, not `@inline(__always)`, which is a hint. No closures in loops: an operation is a type.
// - No `.sum()`, `.max()`, and no `SIMDx<Int32>(floats)` or back: they stay calls.
// - No argument checks, no allocation. Callers are the types of target Kernels, which check shapes once per call.
//
// Matrices are row-major. Lengths need not be multiples of the vector width: the last elements go through a padded vector.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// MARK: - The level

// The only place where the level shows. `maximumRows` is the height of the matrix product's register tile: as many rows
// of two vectors as the registers hold (6 rows would fit level 3's 16 registers on paper, and spill). `SkinnyTile` names
// the height of the skinny product's tile, rows of one vector of 8, found in the same way.
#if LEVEL_V4
  typealias V = SIMD16<Float>
  typealias IV = SIMD16<Int32>
  typealias SkinnyTile = InlineArray<12, Void>
  let maximumRows = 14
  let skinnyRows = 12
#elseif LEVEL_V3
  typealias V = SIMD8<Float>
  typealias IV = SIMD8<Int32>
  typealias SkinnyTile = InlineArray<8, Void>
  let maximumRows = 5
  let skinnyRows = 8
#elseif arch(arm64)
  typealias V = SIMD4<Float>
  typealias IV = SIMD4<Int32>
  typealias SkinnyTile = InlineArray<12, Void>
  let maximumRows = 14
  let skinnyRows = 12
#else
  typealias V = SIMD4<Float>
  typealias IV = SIMD4<Int32>
  typealias SkinnyTile = InlineArray<6, Void>
  let maximumRows = 5
  let skinnyRows = 6
#endif
/// Floats per vector.
let lanes = V.scalarCount
/// Columns of the register tile: two vectors.
let tileColumns = 2 * V.scalarCount

typealias Input = UnsafePointer<Float>
typealias Output = UnsafeMutablePointer<Float>

// MARK: - Vectors

extension SIMD where Scalar == Float {
  /// self += a · b: rounded once where the level has FMA, twice on the x86 baseline (where `addProduct` would call `fmaf`
  /// once per lane).
  @inline(always)
  mutating func madd(_ a: Self, _ b: Self) {
    #if LEVEL_V3 || LEVEL_V4 || arch(arm64)
      self.addProduct(a, b)
    #else
      self += a * b
    #endif
  }
}

@inline(always) func load(_ p: Input) -> V { UnsafeRawPointer(p).loadUnaligned(as: V.self) }
@inline(always) func load4(_ p: Input) -> SIMD4<Float> { UnsafeRawPointer(p).loadUnaligned(as: SIMD4<Float>.self) }
@inline(always) func load8(_ p: Input) -> SIMD8<Float> { UnsafeRawPointer(p).loadUnaligned(as: SIMD8<Float>.self) }
@inline(always) func load(_ p: UnsafePointer<Int32>) -> IV { UnsafeRawPointer(p).loadUnaligned(as: IV.self) }
@inline(always) func store<T: SIMD>(_ p: Output, _ v: T) where T.Scalar == Float {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: T.self)
}

/// The first `count` lanes from memory, `fill` in the others.
@inline(always) func load(_ p: Input, _ count: Int, fill: Float = 0) -> V {
  var v = V(repeating: fill)
  for i in 0..<count { v[i] = p[i] }
  return v
}
@inline(always) func load(_ p: UnsafePointer<Int32>, _ count: Int) -> IV {
  var v = IV()
  for i in 0..<count { v[i] = p[i] }
  return v
}
@inline(always) func store(_ p: Output, _ v: V, _ count: Int) { for i in 0..<count { p[i] = v[i] } }

@inline(always) func all(_ x: Float) -> V { V(repeating: x) }
@inline(always) func bits(_ v: V) -> IV { unsafeBitCast(v, to: IV.self) }
@inline(always) func floats(_ v: IV) -> V { unsafeBitCast(v, to: V.self) }
/// Each lane is `a`'s if it is NaN.
@inline(always) func larger(_ a: V, _ b: V) -> V { a.replacing(with: b, where: a .< b) }
@inline(always) func smaller(_ a: V, _ b: V) -> V { a.replacing(with: b, where: b .< a) }
/// a · b + c
@inline(always) func fma(_ a: V, _ b: V, _ c: V) -> V {
  var r = c
  r.madd(a, b)
  return r
}

@inline(always) func sum(_ v: V) -> Float {
  #if LEVEL_V4
    let a = v.lowHalf + v.highHalf
    let b = a.lowHalf + a.highHalf
  #elseif LEVEL_V3
    let b = v.lowHalf + v.highHalf
  #else
    let b = v
  #endif
  return (b[0] + b[2]) + (b[1] + b[3])
}
@inline(always) func maximum(_ v: V) -> Float {
  #if LEVEL_V4
    let a = v.lowHalf.replacing(with: v.highHalf, where: v.lowHalf .< v.highHalf)
    let b = a.lowHalf.replacing(with: a.highHalf, where: a.lowHalf .< a.highHalf)
  #elseif LEVEL_V3
    let b = v.lowHalf.replacing(with: v.highHalf, where: v.lowHalf .< v.highHalf)
  #else
    let b = v
  #endif
  return max(max(b[0], b[2]), max(b[1], b[3]))
}

// MARK: - Functions of a vector

/// exp(x), to about 2 units in the last place between -87.3 and 88.3, and the value at the nearer end outside.
///
/// x = n·ln 2 + r; exp(r) by a polynomial of degree 5 + 1 and 2ⁿ by its exponent bits, which are the low bits of
/// x/ln 2 + 1.5·2²³ + 127. Source: Cephes library, `expf.c` (polynomial and the two-part ln 2).
@inline(always) func exp(_ x: V) -> V {
  let x = smaller(larger(x, all(-87.3)), all(88.3))
  let t = fma(x, all(1.442_695_04), all(12_582_912 + 127))
  let n = t - all(12_582_912 + 127)
  let r = fma(n, all(2.121_944_40e-4), fma(n, all(-0.693_359_375), x))
  var p = fma(all(1.987_569_150_0e-4), r, all(1.398_199_950_7e-3))
  p = fma(p, r, all(8.333_451_907_3e-3))
  p = fma(p, r, all(4.166_579_589_4e-2))
  p = fma(p, r, all(1.666_666_545_9e-1))
  p = fma(p, r, all(5.000_000_120_1e-1))
  p = fma(p, r * r, r) + all(1)
  return p * floats(bits(t) &<< IV(repeating: 23))
}

/// 1 / (1 + exp(-x))
@inline(always) func sigmoid(_ x: V) -> V { all(1) / (all(1) + exp(-x)) }

/// log(1 + t) for 0 <= t <= 1, with a small *relative* error also near 0.
///
/// log(1 + t) = 2 artanh(s), s = t / (2 + t) <= 1/3, and artanh(s) = s + s³/3 + s⁵/5 + … ; what follows s¹⁵ is below
/// 2e-9 of the result.
@inline(always) func logOnePlus(_ t: V) -> V {
  let s = t / (all(2) + t)
  let q = s * s
  var p = fma(all(2.0 / 15), q, all(2.0 / 13))
  p = fma(p, q, all(2.0 / 11))
  p = fma(p, q, all(2.0 / 9))
  p = fma(p, q, all(2.0 / 7))
  p = fma(p, q, all(2.0 / 5))
  p = fma(p, q, all(2.0 / 3))
  p = fma(p, q, all(2))
  return p * s
}

// MARK: - Matrix product: register tiles

// C[MR, two vectors] (+)= A-panel[k, MR] · B[k, two vectors]; `ldb` is the tile width where B was packed, B's own leading
// dimension where it is read in place. Out of line once per MR: several in one body spill their accumulators.
@inline(never)
func wideTile<let MR: Int>(
  _: InlineArray<MR, Void>.Type, _ k: Int, _ a: Input, _ b: Input, _ ldb: Int, _ c: Output, _ ldc: Int,
  _ accumulate: Bool
) {
  var x = InlineArray<MR, V> { _ in V() }
  var y = InlineArray<MR, V> { _ in V() }
  var a = a
  var b = b
  var left = k
  while left > 0 {
    let b0 = load(b)
    let b1 = load(b + lanes)
    for i in 0..<MR {
      let ai = V(repeating: a[i])
      x[unchecked: i].madd(ai, b0)
      y[unchecked: i].madd(ai, b1)
    }
    a += MR
    b += ldb
    left &-= 1
  }
  var c = c
  if accumulate {
    for i in 0..<MR {
      store(c, load(c) + x[unchecked: i])
      store(c + lanes, load(c + lanes) + y[unchecked: i])
      c += ldc
    }
  } else {
    for i in 0..<MR {
      store(c, x[unchecked: i])
      store(c + lanes, y[unchecked: i])
      c += ldc
    }
  }
}

// The same for the last columns, one vector wide.
@inline(never)
func narrowTile<let MR: Int>(
  _: InlineArray<MR, Void>.Type, _ k: Int, _ a: Input, _ b: Input, _ ldb: Int, _ c: Output, _ ldc: Int,
  _ accumulate: Bool
) {
  var x = InlineArray<MR, V> { _ in V() }
  var a = a
  var b = b
  var left = k
  while left > 0 {
    let b0 = load(b)
    for i in 0..<MR { x[unchecked: i].madd(V(repeating: a[i]), b0) }
    a += MR
    b += ldb
    left &-= 1
  }
  var c = c
  for i in 0..<MR {
    store(c, accumulate ? load(c) + x[unchecked: i] : x[unchecked: i])
    c += ldc
  }
}

@inline(always)
func tile(
  _ rows: Int, _ wide: Bool, _ k: Int, _ a: Input, _ b: Input, _ ldb: Int, _ c: Output, _ ldc: Int, _ accumulate: Bool
) {
  @inline(always) func run<let MR: Int>(_ size: InlineArray<MR, Void>.Type) {
    if wide {
      wideTile(size, k, a, b, ldb, c, ldc, accumulate)
    } else {
      narrowTile(size, k, a, b, ldb, c, ldc, accumulate)
    }
  }
  switch rows {
  case 1: run(InlineArray<1, Void>.self)
  case 2: run(InlineArray<2, Void>.self)
  case 3: run(InlineArray<3, Void>.self)
  case 4: run(InlineArray<4, Void>.self)
  case 5: run(InlineArray<5, Void>.self)
  #if LEVEL_V4 || arch(arm64)
    case 6: run(InlineArray<6, Void>.self)
    case 7: run(InlineArray<7, Void>.self)
    case 8: run(InlineArray<8, Void>.self)
    case 9: run(InlineArray<9, Void>.self)
    case 10: run(InlineArray<10, Void>.self)
    case 11: run(InlineArray<11, Void>.self)
    case 12: run(InlineArray<12, Void>.self)
    case 13: run(InlineArray<13, Void>.self)
    case 14: run(InlineArray<14, Void>.self)
  #endif
  default: break
  }
}

// MARK: - Matrix product: packing

@inline(always) func evens(_ a: V, _ b: V) -> V { V(lowHalf: a.evenHalf, highHalf: b.evenHalf) }
@inline(always) func odds(_ a: V, _ b: V) -> V { V(lowHalf: a.oddHalf, highHalf: b.oddHalf) }

/// Four columns of `lanes` rows as four vectors: element r of vector j is p[min(r, last)·ld + j].
///
/// Two stages of un-interleaving turn groups of 4 x 4 floats into columns; a transpose of whole vectors would spill.
@inline(always) func columns4(_ p: Input, _ ld: Int, _ last: Int) -> (V, V, V, V) {
  @inline(always) func row(_ i: Int) -> SIMD4<Float> { load4(p + min(i, last) &* ld) }
  #if LEVEL_V4
    @inline(always) func group(_ i: Int) -> V {
      V(
        lowHalf: SIMD8(lowHalf: row(i), highHalf: row(i + 1)),
        highHalf: SIMD8(lowHalf: row(i + 2), highHalf: row(i + 3)))
    }
    let a = group(0)
    let b = group(4)
    let c = group(8)
    let d = group(12)
  #elseif LEVEL_V3
    let a = V(lowHalf: row(0), highHalf: row(1))
    let b = V(lowHalf: row(2), highHalf: row(3))
    let c = V(lowHalf: row(4), highHalf: row(5))
    let d = V(lowHalf: row(6), highHalf: row(7))
  #else
    let a = row(0)
    let b = row(1)
    let c = row(2)
    let d = row(3)
  #endif
  let e0 = evens(a, b)
  let e1 = evens(c, d)
  let o0 = odds(a, b)
  let o1 = odds(c, d)
  return (evens(e0, e1), evens(o0, o1), odds(e0, e1), odds(o0, o1))
}

/// panel[j·stride + r] = source[r·ld + j] for r < rows <= lanes and j < k.
///
/// Writes whole vectors in order of j, so up to `lanes` floats past the panel's end are overwritten.
@inline(never)
func packTransposed(_ rows: Int, _ k: Int, _ source: Input, _ ld: Int, _ panel: Output, _ stride: Int) {
  @inline(always) func strip(_ j: Int, _ last: Int) {
    let v = columns4(source + j, ld, last)
    let d = panel + j &* stride
    store(d, v.0)
    store(d + stride, v.1)
    store(d + 2 &* stride, v.2)
    store(d + 3 &* stride, v.3)
  }
  var j = 0
  if rows == lanes {
    while j &+ 4 <= k {
      strip(j, lanes &- 1)
      j &+= 4
    }
  } else {
    while j &+ 4 <= k {
      strip(j, rows &- 1)
      j &+= 4
    }
  }
  while j < k {
    for r in 0..<rows { panel[j &* stride &+ r] = source[r &* ld &+ j] }
    j &+= 1
  }
}

/// panel[j·stride + r] = source[j·ld + r] for r < columns and j < k: short rows, copied as two overlapping vectors.
@inline(never)
func packRows(_ columns: Int, _ k: Int, _ source: Input, _ ld: Int, _ panel: Output, _ stride: Int) {
  var s = source
  var d = panel
  if columns == tileColumns {
    for _ in 0..<k {
      store(d, load(s))
      store(d + lanes, load(s + lanes))
      s += ld
      d += stride
    }
  } else if columns >= 8 && columns <= 16 {
    for _ in 0..<k {
      let low = load8(s)
      let high = load8(s + (columns &- 8))
      store(d, low)
      store(d + (columns &- 8), high)
      s += ld
      d += stride
    }
  } else if columns >= 4 && columns <= 8 {
    for _ in 0..<k {
      let low = load4(s)
      let high = load4(s + (columns &- 4))
      store(d, low)
      store(d + (columns &- 4), high)
      s += ld
      d += stride
    }
  } else {
    for _ in 0..<k {
      for r in 0..<columns { d[r] = s[r] }
      s += ld
      d += stride
    }
  }
}

/// One row panel of op(A): panel[j·rows + r], from A stored [k, rows] (`transposed`) or [rows, k].
@inline(always)
func packA(_ transposed: Bool, _ rows: Int, _ k: Int, _ source: Input, _ ld: Int, _ panel: Output) {
  if transposed {
    packRows(rows, k, source, ld, panel, rows)
    return
  }
  // The last strip first: a strip of fewer than `lanes` rows spills into the next j, which the strip before it rewrites.
  var r = (rows &- 1) / lanes &* lanes
  while r >= 0 {
    packTransposed(min(lanes, rows &- r), k, source + r &* ld, ld, panel + r, rows)
    r &-= lanes
  }
}

/// One column panel of op(B): panel[j·tileColumns + c], from B stored [columns, k] (`transposed`) or [k, columns];
/// columns past the last are zero.
@inline(always)
func packB(_ transposed: Bool, _ columns: Int, _ k: Int, _ source: Input, _ ld: Int, _ panel: Output) {
  if columns < tileColumns { panel.update(repeating: 0, count: tileColumns &* k) }
  guard transposed else {
    packRows(columns, k, source, ld, panel, tileColumns)
    return
  }
  var c = 0
  while c < columns {
    let width = min(lanes, columns &- c)
    if width == lanes {
      packTransposed(lanes, k, source + c &* ld, ld, panel + c, tileColumns)
    } else {
      for r in 0..<width {
        for j in 0..<k { panel[j &* tileColumns &+ c &+ r] = source[(c &+ r) &* ld &+ j] }
      }
    }
    c &+= lanes
  }
}

// MARK: - Matrix product

// Cache blocks: a B panel of depth × tileColumns stays in L1, a block of A of blockRows × depth in L2.
let blockDepth = 384
let blockRows = 224
let blockColumns = 2048
/// At most this many columns go to the skinny product.
let skinnyColumns = 8

@inline(always) func rounded(_ n: Int, to multiple: Int) -> Int { (n &+ multiple &- 1) / multiple &* multiple }

/// A product whose wide side would be wasted on rows is computed as its transpose: Cᵀ = Bᵀ A.
@inline(always) func isFlipped(_ transA: Bool, _ transB: Bool, _ m: Int, _ n: Int) -> Bool {
  transA && !transB && n <= skinnyColumns && m > skinnyColumns
}

/// Floats of scratch memory that `gemm` needs for these arguments.
public func gemmScratch(_ transA: Bool, _ transB: Bool, _ m: Int, _ n: Int, _ k: Int) -> Int {
  if isFlipped(transA, transB, m, n) {
    return rounded(m &* n, to: 16) &+ gemmScratch(true, false, n, m, k)
  }
  if n <= skinnyColumns && !transA { return 8 &* k &+ 8 &* skinnyRows }
  let depth = min(k, blockDepth)
  let a = min(rounded(m, to: maximumRows), blockRows) &* depth &+ 64
  let b = min(rounded(n, to: tileColumns), blockColumns) &* depth
  return rounded(a, to: 16) &+ rounded(b, to: 16) &+ maximumRows &* tileColumns
}

/// C (+)= op(A) · op(B), where op(A) is [m, k], op(B) [k, n] and C [m, n].
///
/// A is stored [k, m] where `transA`, B [n, k] where `transB`; `lda`, `ldb`, `ldc` are distances between rows as stored.
/// Packs blocks of both operands, as in Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication"
/// (2008); rows are spread evenly over the panels, so that no tile is much lower than the others.
@inline(never)
public func gemm(
  _ transA: Bool, _ transB: Bool, _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>, _ lda: Int,
  _ b: UnsafePointer<Float>, _ ldb: Int, _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ accumulate: Bool,
  _ scratch: UnsafeMutablePointer<Float>
) {
  guard m > 0, n > 0 else { return }
  guard k > 0 else {
    if !accumulate { for i in 0..<m { (c + i &* ldc).update(repeating: 0, count: n) } }
    return
  }
  if isFlipped(transA, transB, m, n) {
    gemm(true, false, n, m, k, b, ldb, a, lda, scratch, m, false, scratch + rounded(m &* n, to: 16))
    for i in 0..<m {
      for j in 0..<n {
        let v = scratch[j &* m &+ i]
        c[i &* ldc &+ j] = accumulate ? c[i &* ldc &+ j] + v : v
      }
    }
    return
  }
  if n <= skinnyColumns && !transA {
    skinny(transB, m, n, k, a, lda, b, ldb, c, ldc, accumulate, scratch)
    return
  }

  let panels = (m &+ maximumRows &- 1) / maximumRows
  let panelRows = m / panels
  let tallPanels = m &- panels &* panelRows  // the first ones, one row higher
  let depths = (k &+ blockDepth &- 1) / blockDepth
  let depth = (k &+ depths &- 1) / depths
  let panelsPerBlock = min(panels, blockRows / maximumRows)
  let packedA = scratch
  let packedB = packedA + rounded(min(rounded(m, to: maximumRows), blockRows) &* min(k, blockDepth) &+ 64, to: 16)
  let edge = packedB + rounded(min(rounded(n, to: tileColumns), blockColumns) &* min(k, blockDepth), to: 16)
  // Too little reuse to pay for packing B.
  let inPlace = !transB && (m <= 2 &* maximumRows || k <= 32)

  var j0 = 0
  while j0 < n {
    let nc = min(blockColumns, n &- j0)
    var k0 = 0
    while k0 < k {
      let kc = min(depth, k &- k0)
      let adds = accumulate || k0 > 0
      var j = 0
      while j < nc {
        let columns = min(tileColumns, nc &- j)
        if !(inPlace && (columns == tileColumns || columns == lanes)) {
          let source = transB ? b + ((j0 &+ j) &* ldb &+ k0) : b + (k0 &* ldb &+ j0 &+ j)
          packB(transB, columns, kc, source, ldb, packedB + j &* kc)
        }
        j &+= tileColumns
      }
      var p0 = 0
      while p0 < panels {
        let p1 = min(p0 &+ panelsPerBlock, panels)
        var ap = packedA
        for p in p0..<p1 {
          let rows = p < tallPanels ? panelRows &+ 1 : panelRows
          let i = p &* panelRows &+ min(p, tallPanels)
          packA(transA, rows, kc, transA ? a + (k0 &* lda &+ i) : a + (i &* lda &+ k0), lda, ap)
          ap += rows &* kc
        }
        j = 0
        while j < nc {
          let columns = min(tileColumns, nc &- j)
          let whole = columns == tileColumns || columns == lanes
          let wide = columns > lanes
          let bp = inPlace && whole ? b + (k0 &* ldb &+ j0 &+ j) : UnsafePointer(packedB + j &* kc)
          let bStride = inPlace && whole ? ldb : tileColumns
          ap = packedA
          for p in p0..<p1 {
            let rows = p < tallPanels ? panelRows &+ 1 : panelRows
            let i = p &* panelRows &+ min(p, tallPanels)
            let cp = c + (i &* ldc &+ j0 &+ j)
            if whole {
              tile(rows, wide, kc, ap, bp, bStride, cp, ldc, adds)
            } else {
              tile(rows, wide, kc, ap, bp, bStride, edge, tileColumns, false)
              copyEdge(rows, columns, edge, cp, ldc, adds)
            }
            ap += rows &* kc
          }
          j &+= tileColumns
        }
        p0 = p1
      }
      k0 &+= kc
    }
    j0 &+= nc
  }
}

/// The live columns of a tile that reaches over the right edge of C.
@inline(never)
func copyEdge(_ rows: Int, _ columns: Int, _ edge: Input, _ c: Output, _ ldc: Int, _ accumulate: Bool) {
  for i in 0..<rows {
    for j in 0..<columns {
      let v = edge[i &* tileColumns &+ j]
      c[i &* ldc &+ j] = accumulate ? c[i &* ldc &+ j] + v : v
    }
  }
}

/// out[MR, 8] = A[MR, k] · B[k, 8], A read in place.
@inline(never)
func skinnyTile<let MR: Int>(
  _: InlineArray<MR, Void>.Type, _ k: Int, _ a: Input, _ lda: Int, _ b: Input, _ out: Output
) {
  var x = InlineArray<MR, SIMD8<Float>> { _ in SIMD8() }
  var j = 0
  while j < k {
    let bj = load8(b + j &* 8)
    for i in 0..<MR { x[unchecked: i].madd(SIMD8(repeating: a[i &* lda &+ j]), bj) }
    j &+= 1
  }
  for i in 0..<MR { store(out + i &* 8, x[unchecked: i]) }
}

/// C (+)= A · op(B) for at most 8 columns: one narrow copy of B, `skinnyRows` rows at a time.
@inline(never)
func skinny(
  _ transB: Bool, _ m: Int, _ n: Int, _ k: Int, _ a: Input, _ lda: Int, _ b: Input, _ ldb: Int, _ c: Output, _ ldc: Int,
  _ accumulate: Bool, _ scratch: Output
) {
  let edge = scratch
  let packed = scratch + 8 &* skinnyRows
  if n < 8 { packed.update(repeating: 0, count: 8 &* k) }
  for j in 0..<n {
    if transB {
      for p in 0..<k { packed[p &* 8 &+ j] = b[j &* ldb &+ p] }
    } else {
      for p in 0..<k { packed[p &* 8 &+ j] = b[p &* ldb &+ j] }
    }
  }
  let straight = n == 8 && ldc == 8 && !accumulate
  var i = 0
  while i < m {
    let out = straight ? c + i &* 8 : edge
    let rows: Int
    if m &- i >= skinnyRows {
      rows = skinnyRows
      skinnyTile(SkinnyTile.self, k, a + i &* lda, lda, packed, out)
    } else if m &- i >= 4 {
      rows = 4
      skinnyTile(InlineArray<4, Void>.self, k, a + i &* lda, lda, packed, out)
    } else {
      rows = 1
      skinnyTile(InlineArray<1, Void>.self, k, a + i &* lda, lda, packed, out)
    }
    if !straight {
      for r in 0..<rows {
        for j in 0..<n {
          let v = edge[r &* 8 &+ j]
          c[(i &+ r) &* ldc &+ j] = accumulate ? c[(i &+ r) &* ldc &+ j] + v : v
        }
      }
    }
    i &+= rows
  }
}

// MARK: - Bias

/// y[i, :] += bias
@inline(never)
public func addBias(_ rows: Int, _ columns: Int, _ bias: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
  if columns == 1 {
    let b = bias[0]
    for i in 0..<rows { y[i] += b }
    return
  }
  for i in 0..<rows {
    let row = y + i &* columns
    var j = 0
    while j &+ lanes <= columns {
      store(row + j, load(row + j) + load(bias + j))
      j &+= lanes
    }
    while j < columns {
      row[j] += bias[j]
      j &+= 1
    }
  }
}

/// sums[j] (+)= Σ_i x[i, j], each in four partial sums over i modulo 4, which also quarters the rounding error.
@inline(never)
public func columnSums(
  _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ sums: UnsafeMutablePointer<Float>, _ accumulate: Bool
) {
  var j = 0
  while j &+ lanes <= columns {
    var s0 = V()
    var s1 = V()
    var s2 = V()
    var s3 = V()
    var p = x + j
    var i = 0
    while i &+ 4 <= rows {
      s0 += load(p)
      s1 += load(p + columns)
      s2 += load(p + 2 &* columns)
      s3 += load(p + 3 &* columns)
      p += 4 &* columns
      i &+= 4
    }
    while i < rows {
      s0 += load(p)
      p += columns
      i &+= 1
    }
    let s = (s0 + s1) + (s2 + s3)
    store(sums + j, accumulate ? load(sums + j) + s : s)
    j &+= lanes
  }
  while j < columns {
    var s = SIMD4<Float>()
    var p = x + j
    var i = 0
    while i &+ 4 <= rows {
      s += SIMD4(p[0], p[columns], p[2 &* columns], p[3 &* columns])
      p += 4 &* columns
      i &+= 4
    }
    while i < rows {
      s[0] += p[0]
      p += columns
      i &+= 1
    }
    let total = (s[0] + s[1]) + (s[2] + s[3])
    sums[j] = accumulate ? sums[j] + total : total
    j &+= 1
  }
}

// MARK: - Activations

protocol Map { static func f(_ x: V) -> V }
protocol Map2 { static func f(_ x: V, _ g: V) -> V }

@inline(always) func map<M: Map>(_: M.Type, _ n: Int, _ x: Input, _ y: Output) {
  var i = 0
  while i &+ 2 &* lanes <= n {
    let a = M.f(load(x + i))
    let b = M.f(load(x + i + lanes))
    store(y + i, a)
    store(y + i + lanes, b)
    i &+= 2 &* lanes
  }
  while i &+ lanes <= n {
    store(y + i, M.f(load(x + i)))
    i &+= lanes
  }
  if i < n { store(y + i, M.f(load(x + i, n &- i)), n &- i) }
}
@inline(always) func map<M: Map2>(_: M.Type, _ n: Int, _ x: Input, _ g: Input, _ y: Output) {
  var i = 0
  while i &+ 2 &* lanes <= n {
    let a = M.f(load(x + i), load(g + i))
    let b = M.f(load(x + i + lanes), load(g + i + lanes))
    store(y + i, a)
    store(y + i + lanes, b)
    i &+= 2 &* lanes
  }
  while i &+ lanes <= n {
    store(y + i, M.f(load(x + i), load(g + i)))
    i &+= lanes
  }
  if i < n { store(y + i, M.f(load(x + i, n &- i), load(g + i, n &- i)), n &- i) }
}

/// NaN stays NaN.
enum ReLU: Map {
  @inline(always) static func f(_ x: V) -> V { x.replacing(with: V(), where: x .< V()) }
}
enum ReLUGradient: Map2 {
  @inline(always) static func f(_ x: V, _ g: V) -> V { g.replacing(with: V(), where: x .<= V()) }
}
@inline(never) public func relu(_ n: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
  map(ReLU.self, n, x, y)
}
@inline(never)
public func reluBackward(
  _ n: Int, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>
) {
  map(ReLUGradient.self, n, x, dy, dx)
}

/// x · sigmoid(2u), u = √(2/π) · (x + 0.044715 x³): as 0.5 x (1 + tanh u), without the cancellation.
enum GELU: Map {
  @inline(always) static func twiceU(_ x: V, _ x2: V) -> V {
    x * fma(x2, all(0.071_354_816_272_6), all(1.595_769_121_61))
  }
  @inline(always) static func f(_ x: V) -> V { x * sigmoid(twiceU(x, x * x)) }
}
/// g + x · g · (1 - g) · (2u)', g = sigmoid(2u).
enum GELUGradient: Map2 {
  @inline(always) static func f(_ x: V, _ dy: V) -> V {
    let x2 = x * x
    let g = sigmoid(GELU.twiceU(x, x2))
    let slope = fma(x2, all(0.214_064_448_817_8), all(1.595_769_121_61))
    return fma(x * g * (all(1) - g), slope, g) * dy
  }
}
@inline(never) public func gelu(_ n: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
  map(GELU.self, n, x, y)
}
@inline(never)
public func geluBackward(
  _ n: Int, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>
) {
  map(GELUGradient.self, n, x, dy, dx)
}

enum Logistic: Map {
  @inline(always) static func f(_ x: V) -> V { sigmoid(x) }
}
@inline(never) public func sigmoid(_ n: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
  map(Logistic.self, n, x, y)
}

// MARK: - Losses

/// y = softmax(x) for one row; returns max x and Σ exp(x - max x). `y` may be `x`.
@inline(always) func softmaxRow(_ n: Int, _ x: Input, _ y: Output) -> (maximum: Float, sum: Float) {
  let whole = n / lanes &* lanes
  let rest = n &- whole
  var m0 = all(-.infinity)
  var m1 = m0
  var i = 0
  while i &+ 2 &* lanes <= n {
    m0 = larger(m0, load(x + i))
    m1 = larger(m1, load(x + i + lanes))
    i &+= 2 &* lanes
  }
  if i < whole { m0 = larger(m0, load(x + i)) }
  if rest > 0 { m1 = larger(m1, load(x + whole, rest, fill: -.infinity)) }
  let top = maximum(larger(m0, m1))
  var s0 = V()
  var s1 = V()
  i = 0
  while i &+ 2 &* lanes <= n {
    let a = exp(load(x + i) - all(top))
    let b = exp(load(x + i + lanes) - all(top))
    store(y + i, a)
    store(y + i + lanes, b)
    s0 += a
    s1 += b
    i &+= 2 &* lanes
  }
  if i < whole {
    let a = exp(load(x + i) - all(top))
    store(y + i, a)
    s0 += a
  }
  if rest > 0 {
    // The padding's exp(-87.3) is too small to change a sum of at least 1.
    let a = exp(load(x + whole, rest, fill: -.infinity) - all(top))
    store(y + whole, a, rest)
    s1 += a
  }
  let total = sum(s0 + s1)
  let scale = all(1 / total)
  i = 0
  while i < whole {
    store(y + i, load(y + i) * scale)
    i &+= lanes
  }
  if rest > 0 { store(y + whole, load(y + whole, rest) * scale, rest) }
  return (top, total)
}

@inline(never)
public func softmax(
  _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
) {
  for i in 0..<rows { _ = softmaxRow(columns, x + i &* columns, y + i &* columns) }
}

/// losses[i] = log Σ_j exp(x[i, j]) - x[i, label], and the row's softmax, which the backward pass needs.
@inline(never)
public func softmaxCrossEntropy(
  _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ labels: UnsafePointer<Int32>,
  _ probabilities: UnsafeMutablePointer<Float>, _ losses: UnsafeMutablePointer<Float>
) {
  for i in 0..<rows {
    let row = x + i &* columns
    let logit = row[Int(labels[i])]
    let (top, total) = softmaxRow(columns, row, probabilities + i &* columns)
    losses[i] = logf(total) - (logit - top)
  }
}

/// dx[i, j] = scale · (p[i, j] - [j = label]). `dx` may be `p`.
@inline(never)
public func softmaxCrossEntropyBackward(
  _ rows: Int, _ columns: Int, _ p: UnsafePointer<Float>, _ labels: UnsafePointer<Int32>, _ scale: Float,
  _ dx: UnsafeMutablePointer<Float>
) {
  let n = rows &* columns
  var i = 0
  while i &+ lanes <= n {
    store(dx + i, load(p + i) * all(scale))
    i &+= lanes
  }
  while i < n {
    dx[i] = p[i] * scale
    i &+= 1
  }
  for i in 0..<rows { dx[i &* columns &+ Int(labels[i])] -= scale }
}

/// 0 and 1 as floats, by 1's exponent bits.
@inline(always) func floats(fromBits labels: IV) -> V { floats((IV() &- labels) & IV(repeating: 0x3f80_0000)) }

/// max(x, 0) - x·y + log(1 + exp(-|x|)), which is -log of the label's probability without overflow.
@inline(always) func binaryCrossEntropy(_ x: V, _ y: V) -> V {
  let magnitude = floats(bits(x) & IV(repeating: 0x7fff_ffff))
  return larger(x, V()) - x * y + logOnePlus(exp(-magnitude))
}

@inline(never)
public func binaryCrossEntropy(
  _ n: Int, _ x: UnsafePointer<Float>, _ labels: UnsafePointer<Int32>, _ losses: UnsafeMutablePointer<Float>
) {
  var i = 0
  while i &+ lanes <= n {
    store(losses + i, binaryCrossEntropy(load(x + i), floats(fromBits: load(labels + i))))
    i &+= lanes
  }
  let rest = n &- i
  if rest > 0 {
    store(losses + i, binaryCrossEntropy(load(x + i, rest), floats(fromBits: load(labels + i, rest))), rest)
  }
}

/// dx = scale · (sigmoid(x) - y)
@inline(never)
public func binaryCrossEntropyBackward(
  _ n: Int, _ x: UnsafePointer<Float>, _ labels: UnsafePointer<Int32>, _ scale: Float,
  _ dx: UnsafeMutablePointer<Float>
) {
  var i = 0
  while i &+ lanes <= n {
    store(dx + i, (sigmoid(load(x + i)) - floats(fromBits: load(labels + i))) * all(scale))
    i &+= lanes
  }
  let rest = n &- i
  if rest > 0 {
    store(dx + i, (sigmoid(load(x + i, rest)) - floats(fromBits: load(labels + i, rest))) * all(scale), rest)
  }
}

// MARK: - Optimisers

/// p -= rate · (g + decay · p)
@inline(never)
public func sgd(
  _ n: Int, _ p: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ rate: Float, _ decay: Float
) {
  @inline(always) func step(_ p: V, _ g: V) -> V { fma(fma(p, all(decay), g), all(-rate), p) }
  var i = 0
  while i &+ lanes <= n {
    store(p + i, step(load(p + i), load(g + i)))
    i &+= lanes
  }
  let rest = n &- i
  if rest > 0 { store(p + i, step(load(p + i, rest), load(g + i, rest)), rest) }
}

/// v = momentum · v + g + decay · p;  p -= rate · v
@inline(never)
public func sgdMomentum(
  _ n: Int, _ p: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ v: UnsafeMutablePointer<Float>,
  _ rate: Float, _ momentum: Float, _ decay: Float
) {
  @inline(always) func velocity(_ p: V, _ g: V, _ v: V) -> V { fma(v, all(momentum), fma(p, all(decay), g)) }
  var i = 0
  while i &+ lanes <= n {
    let q = load(p + i)
    let u = velocity(q, load(g + i), load(v + i))
    store(v + i, u)
    store(p + i, fma(u, all(-rate), q))
    i &+= lanes
  }
  let rest = n &- i
  if rest > 0 {
    let q = load(p + i, rest)
    let u = velocity(q, load(g + i, rest), load(v + i, rest))
    store(v + i, u, rest)
    store(p + i, fma(u, all(-rate), q), rest)
  }
}

/// m = β₁m + (1 - β₁)g;  v = β₂v + (1 - β₂)g²;
/// p = (1 - rate·decay) · p - rate · (m / correction1) / (√(v / correction2) + ε)
@inline(never)
public func adamW(
  _ n: Int, _ p: UnsafeMutablePointer<Float>, _ g: UnsafePointer<Float>, _ m: UnsafeMutablePointer<Float>,
  _ v: UnsafeMutablePointer<Float>, _ rate: Float, _ beta1: Float, _ beta2: Float, _ epsilon: Float, _ decay: Float,
  _ correction1: Float, _ correction2: Float
) {
  let shrink = all(1 - rate * decay)
  let step = all(-rate / correction1)
  let spread = all(1 / correction2.squareRoot())
  @inline(always) func first(_ m: V, _ g: V) -> V { fma(m, all(beta1), g * all(1 - beta1)) }
  @inline(always) func second(_ v: V, _ g: V) -> V { fma(v, all(beta2), g * g * all(1 - beta2)) }
  @inline(always) func parameter(_ p: V, _ m: V, _ v: V) -> V {
    fma(step, m / fma(v.squareRoot(), spread, all(epsilon)), p * shrink)
  }
  var i = 0
  while i &+ lanes <= n {
    let gi = load(g + i)
    let mi = first(load(m + i), gi)
    let vi = second(load(v + i), gi)
    store(m + i, mi)
    store(v + i, vi)
    store(p + i, parameter(load(p + i), mi, vi))
    i &+= lanes
  }
  let rest = n &- i
  if rest > 0 {
    let gi = load(g + i, rest)
    let mi = first(load(m + i, rest), gi)
    let vi = second(load(v + i, rest), gi)
    store(m + i, mi, rest)
    store(v + i, vi, rest)
    store(p + i, parameter(load(p + i, rest), mi, vi), rest)
  }
}
