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

import CVectors

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

// C[MR, two vectors] = addend + A[MR, k] · B[k, two vectors].
//
// Element (i, p) of A is a[i·row + p·step]: A is read where it lies (step 1), or transposed from a packed panel (row 1).
// `ldb` is the tile width where B was packed, B's own leading dimension where it is read in place. The addend is C itself,
// a bias (its rows 0 apart) or nothing. Out of line once per MR: several in one body spill their accumulators.
@inline(never)
func wideTile<let MR: Int>(
  _ size: InlineArray<MR, Void>.Type, _ k: Int, _ a: Input, _ row: Int, _ step: Int, _ b: Input, _ ldb: Int,
  _ c: Output, _ ldc: Int, _ addend: Input?, _ ldAddend: Int
) {
  wideSums(size, k, a, row, step, b, ldb, c, ldc, addend, ldAddend)
}

@inline(always)
func wideSums<let MR: Int>(
  _: InlineArray<MR, Void>.Type, _ k: Int, _ a: Input, _ row: Int, _ step: Int, _ b: Input, _ ldb: Int, _ c: Output,
  _ ldc: Int, _ addend: Input?, _ ldAddend: Int
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
      let ai = V(repeating: a[i &* row])
      x[unchecked: i].madd(ai, b0)
      y[unchecked: i].madd(ai, b1)
    }
    a += step
    b += ldb
    left &-= 1
  }
  var c = c
  if var d = addend {
    for i in 0..<MR {
      store(c, load(d) + x[unchecked: i])
      store(c + lanes, load(d + lanes) + y[unchecked: i])
      c += ldc
      d += ldAddend
    }
  } else {
    for i in 0..<MR {
      store(c, x[unchecked: i])
      store(c + lanes, y[unchecked: i])
      c += ldc
    }
  }
}

// The same for several column panels, `bPanel` floats apart, one after the other: where k is small the call would cost a
// quarter of the time; where it is large the outer loop would cost 3%.
@inline(never)
func wideTiles<let MR: Int>(
  _ size: InlineArray<MR, Void>.Type, _ panels: Int, _ k: Int, _ a: Input, _ row: Int, _ step: Int, _ b: Input,
  _ bPanel: Int, _ ldb: Int, _ c: Output, _ ldc: Int, _ addend: Input?, _ ldAddend: Int
) {
  var b = b
  var c = c
  var addend = addend
  var left = panels
  while left > 0 {
    wideSums(size, k, a, row, step, b, ldb, c, ldc, addend, ldAddend)
    b += bPanel
    c += tileColumns
    if let d = addend { addend = d + tileColumns }
    left &-= 1
  }
}

// The same for the last columns, one vector wide.
@inline(never)
func narrowTile<let MR: Int>(
  _: InlineArray<MR, Void>.Type, _ k: Int, _ a: Input, _ row: Int, _ step: Int, _ b: Input, _ ldb: Int, _ c: Output,
  _ ldc: Int, _ addend: Input?, _ ldAddend: Int
) {
  var x = InlineArray<MR, V> { _ in V() }
  var a = a
  var b = b
  var left = k
  while left > 0 {
    let b0 = load(b)
    for i in 0..<MR { x[unchecked: i].madd(V(repeating: a[i &* row]), b0) }
    a += step
    b += ldb
    left &-= 1
  }
  var c = c
  if var d = addend {
    for i in 0..<MR {
      store(c, load(d) + x[unchecked: i])
      c += ldc
      d += ldAddend
    }
  } else {
    for i in 0..<MR {
      store(c, x[unchecked: i])
      c += ldc
    }
  }
}

// `panels` 0 means half a panel, one vector wide.
@inline(always)
func tile(
  _ rows: Int, _ panels: Int, _ k: Int, _ a: Input, _ row: Int, _ step: Int, _ b: Input, _ bPanel: Int, _ ldb: Int,
  _ c: Output, _ ldc: Int, _ addend: Input?, _ ldAddend: Int
) {
  @inline(always) func run<let MR: Int>(_ size: InlineArray<MR, Void>.Type) {
    if panels == 1 {
      wideTile(size, k, a, row, step, b, ldb, c, ldc, addend, ldAddend)
    } else if panels > 1 {
      wideTiles(size, panels, k, a, row, step, b, bPanel, ldb, c, ldc, addend, ldAddend)
    } else {
      narrowTile(size, k, a, row, step, b, ldb, c, ldc, addend, ldAddend)
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

// Cache blocks: a block of A, blockRows × depth, stays in L2 while the B panels, depth × tileColumns, pass by.
let blockDepth = 576
let blockRows = 112
let blockColumns = 2048
/// Products no deeper than this walk a row of tiles at a time.
let shallowDepth = 32
/// At most this many columns go to the skinny product.
let skinnyColumns = 8

@inline(always) func rounded(_ n: Int, to multiple: Int) -> Int { (n &+ multiple &- 1) / multiple &* multiple }

/// The depth of a block of k: all blocks alike, so that none is short. It depends on k alone, so that a sum is the same
/// however the rows and columns of its product are divided.
@inline(always) func evenDepth(_ k: Int) -> Int {
  let blocks = max(1, (k &+ blockDepth &- 1) / blockDepth)
  return (k &+ blocks &- 1) / blocks
}

/// Rows cut into panels of at most `maximumRows`, the first ones one row higher than the others, so that none is much
/// lower: low tiles keep the multipliers waiting.
struct RowPanels {
  let count: Int
  let height: Int
  let tall: Int

  @inline(always) init(_ rows: Int) {
    count = (rows &+ maximumRows &- 1) / maximumRows
    height = rows / max(count, 1)
    tall = rows &- count &* height
  }
  @inline(always) func start(_ panel: Int) -> Int { panel &* height &+ min(panel, tall) }
  @inline(always) func rows(_ panel: Int) -> Int { panel < tall ? height &+ 1 : height }
}

/// A product whose wide side would be wasted on rows is computed as its transpose: Cᵀ = Bᵀ A.
@inline(always) func isFlipped(_ transA: Bool, _ transB: Bool, _ m: Int, _ n: Int) -> Bool {
  transA && !transB && n <= skinnyColumns && m > skinnyColumns
}

/// Columns of a packed panel.
@inline(never) public func panelColumns() -> Int { tileColumns }

/// Floats of scratch memory that `gemm` needs for these arguments; never less for more rows or columns.
@inline(never)
public func gemmScratch(_ transA: Bool, _ transB: Bool, _ m: Int, _ n: Int, _ k: Int) -> Int {
  if isFlipped(transA, transB, m, n) {
    return rounded(m &* n, to: 16) &+ gemmScratch(true, false, n, m, k)
  }
  if n <= skinnyColumns && !transA { return 8 &* k &+ 8 &* skinnyRows }
  let depth = min(k, blockDepth)
  let a = transA ? min(rounded(m, to: maximumRows), blockRows) &* depth &+ 64 : 0
  let b = min(rounded(n, to: tileColumns), blockColumns) &* depth
  return rounded(a, to: 16) &+ rounded(b, to: 16) &+ maximumRows &* tileColumns
}

/// One row of tiles: C[rows, n] = addend + A · B, where B's whole panels are `bPanel` floats apart with rows `ldb` apart.
///
/// A last panel that is neither one vector nor two wide lies at `ragged`, packed, and its tile goes through `edge`.
@inline(always)
func tiles(
  _ rows: Int, _ n: Int, _ k: Int, _ a: Input, _ row: Int, _ step: Int, _ b: Input, _ bPanel: Int, _ ldb: Int,
  _ ragged: Input, _ c: Output, _ ldc: Int, _ addend: Input?, _ ldAddend: Int, _ edge: Output
) {
  let whole = n / tileColumns
  if whole > 0 { tile(rows, whole, k, a, row, step, b, bPanel, ldb, c, ldc, addend, ldAddend) }
  let columns = n &- whole &* tileColumns
  if columns == 0 { return }
  let cp = c + whole &* tileColumns
  var d = addend
  if let start = d { d = start + whole &* tileColumns }
  if columns == lanes {
    tile(rows, 0, k, a, row, step, b + whole &* bPanel, bPanel, ldb, cp, ldc, d, ldAddend)
  } else {
    tile(rows, columns > lanes ? 1 : 0, k, a, row, step, ragged, 0, tileColumns, edge, tileColumns, nil, 0)
    copyEdge(rows, columns, edge, cp, ldc, d, ldAddend)
  }
}

/// C = addend + A · B for one block of k: panels `first..<last` of the rows against n columns.
///
/// - Parameters:
///   - a: Row panel p starts at a + start(p)·panelStep: k floats where A was packed transposed, else A's own row.
///   - packed: Whether A was packed: its rows are then 1 apart and its columns a panel's height.
///   - b, ragged, edge: As in `tiles`.
@inline(always)
func blockProduct(
  _ panels: RowPanels, _ first: Int, _ last: Int, _ n: Int, _ k: Int, _ a: Input, _ panelStep: Int, _ packed: Bool,
  _ b: Input, _ bPanel: Int, _ ldb: Int, _ ragged: Input, _ c: Output, _ ldc: Int, _ addend: Input?, _ ldAddend: Int,
  _ edge: Output
) {
  let origin = panels.start(first)
  // A deep column panel stays in L1 while all rows pass by; shallow ones do so together, and tiles follow each other
  // without a call.
  let width = k <= shallowDepth ? n : tileColumns
  var j = 0
  while j < n {
    let columns = min(width, n &- j)
    let bp = b + j / tileColumns &* bPanel
    for p in first..<last {
      let rows = panels.rows(p)
      let i = panels.start(p)
      var d = addend
      if let start = d { d = start + (i &* ldAddend &+ j) }
      tiles(
        rows, columns, k, a + (i &- origin) &* panelStep, packed ? 1 : panelStep, packed ? rows : 1, bp, bPanel, ldb,
        ragged, c + (i &* ldc &+ j), ldc, d, ldAddend, edge)
    }
    j &+= width
  }
}

/// The live columns of a tile that reaches over the right edge of C.
@inline(never)
func copyEdge(
  _ rows: Int, _ columns: Int, _ edge: Input, _ c: Output, _ ldc: Int, _ addend: Input?, _ ldAddend: Int
) {
  for i in 0..<rows {
    for j in 0..<columns {
      let v = edge[i &* tileColumns &+ j]
      if let addend { c[i &* ldc &+ j] = addend[i &* ldAddend &+ j] + v } else { c[i &* ldc &+ j] = v }
    }
  }
}

/// C (+)= op(A) · op(B), where op(A) is [m, k], op(B) [k, n] and C [m, n].
///
/// A is stored [k, m] where `transA`, B [n, k] where `transB`; `lda`, `ldb`, `ldc` are distances between rows as stored.
/// Packs blocks of B, and of A where it is transposed, as in Goto and van de Geijn, "Anatomy of High-Performance Matrix
/// Multiplication" (2008). Each element of C is summed in an order that depends on k, and on whether n and m are small,
/// but not on which other elements are computed with it.
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

  let panels = RowPanels(m)
  let depth = evenDepth(k)
  let panelsPerBlock = min(panels.count, blockRows / maximumRows)
  let packedA = scratch
  let packedB =
    packedA + (transA ? rounded(min(rounded(m, to: maximumRows), blockRows) &* min(k, blockDepth) &+ 64, to: 16) : 0)
  let edge = packedB + rounded(min(rounded(n, to: tileColumns), blockColumns) &* min(k, blockDepth), to: 16)
  // Too little reuse to pay for packing B.
  let inPlace = !transB && (m <= 2 &* maximumRows || k <= 32)

  var j0 = 0
  while j0 < n {
    let nc = min(blockColumns, n &- j0)
    let lastPanel = (nc &- 1) / tileColumns &* tileColumns
    var k0 = 0
    while k0 < k {
      let kc = min(depth, k &- k0)
      let addend = accumulate || k0 > 0 ? UnsafePointer(c + j0) : nil
      var j = 0
      while j < nc {
        let columns = min(tileColumns, nc &- j)
        if !(inPlace && (columns == tileColumns || columns == lanes)) {
          let source = transB ? b + ((j0 &+ j) &* ldb &+ k0) : b + (k0 &* ldb &+ j0 &+ j)
          packB(transB, columns, kc, source, ldb, packedB + j &* kc)
        }
        j &+= tileColumns
      }
      let bp = inPlace ? b + (k0 &* ldb &+ j0) : UnsafePointer(packedB)
      var p0 = 0
      while p0 < panels.count {
        let p1 = min(p0 &+ panelsPerBlock, panels.count)
        let i0 = panels.start(p0)
        if transA {
          for p in p0..<p1 {
            let rows = panels.rows(p)
            let i = panels.start(p)
            packRows(rows, kc, a + (k0 &* lda &+ i), lda, packedA + (i &- i0) &* kc, rows)
          }
        }
        blockProduct(
          panels, p0, p1, nc, kc, transA ? UnsafePointer(packedA) : a + (i0 &* lda &+ k0), transA ? kc : lda, transA,
          bp, inPlace ? tileColumns : tileColumns &* kc, inPlace ? ldb : tileColumns, packedB + lastPanel &* kc,
          c + j0, ldc, addend, ldc, edge)
        p0 = p1
      }
      k0 &+= kc
    }
    j0 &+= nc
  }
}

/// Floats of the panels of a [k, n] operand.
@inline(never) public func panelFloats(_ n: Int, _ k: Int) -> Int { rounded(n, to: tileColumns) &* k }

/// All of op(B), [k, n], as column panels: element (p, j) at panels[(j / tileColumns · k + p) · tileColumns + j % tileColumns].
///
/// B is stored [n, k] where `transposed`, else [k, n]; columns past the last are zero.
@inline(never)
public func packPanels(
  _ transposed: Bool, _ n: Int, _ k: Int, _ b: UnsafePointer<Float>, _ ldb: Int, _ panels: UnsafeMutablePointer<Float>
) {
  var j = 0
  while j < n {
    packB(transposed, min(tileColumns, n &- j), k, transposed ? b + j &* ldb : b + j, ldb, panels + j &* k)
    j &+= tileColumns
  }
}

/// C = addend + A · B with B from `packPanels`; the addend is C (`accumulate`), a bias of n floats, or nothing.
///
/// - Parameters:
///   - b: The panels of these n columns: those from column j on, j a multiple of `panelColumns()`, start at b + j · k.
///   - scratch: `gemmPackedScratch()` floats.
@inline(never)
public func gemmPacked(
  _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>,
  _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ accumulate: Bool, _ bias: UnsafePointer<Float>?,
  _ scratch: UnsafeMutablePointer<Float>
) {
  guard m > 0, n > 0 else { return }
  let panels = RowPanels(m)
  let depth = evenDepth(k)
  let panelsPerBlock = min(panels.count, blockRows / maximumRows)
  let lastPanel = (n &- 1) / tileColumns &* tileColumns
  var p0 = 0
  while p0 < panels.count {
    let p1 = min(p0 &+ panelsPerBlock, panels.count)
    var k0 = 0
    repeat {
      let kc = min(depth, k &- k0)
      let adds = accumulate || k0 > 0
      let bp = b + k0 &* tileColumns
      blockProduct(
        panels, p0, p1, n, kc, a + (panels.start(p0) &* lda &+ k0), lda, false, bp, tileColumns &* k, tileColumns,
        bp + lastPanel &* k, c, ldc, adds ? UnsafePointer(c) : bias, adds ? ldc : 0, scratch)
      k0 &+= kc
    } while k0 < k
    p0 = p1
  }
}
@inline(never) public func gemmPackedScratch() -> Int { maximumRows &* tileColumns }

/// C (+)= A · Bᵀ with B from `packPanels` as a [n, k] operand of another product: one packed copy of a weight then serves
/// both its directions, and this one transposes blocks on the way.
///
/// - Parameters:
///   - b: The panels, of k columns in all, at row j of the n that are wanted of `rows` in all: b + j · `panelColumns()`.
///   - scratch: `gemmTransposedScratch` floats.
@inline(never)
public func gemmPackedTransposed(
  _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Float>, _ rows: Int,
  _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ accumulate: Bool, _ scratch: UnsafeMutablePointer<Float>
) {
  guard m > 0, n > 0 else { return }
  let panels = RowPanels(m)
  let depth = max(1, (rounded(evenDepth(k), to: tileColumns)))
  let panelsPerBlock = min(panels.count, blockRows / maximumRows)
  let edge = scratch
  let packed = scratch + maximumRows &* tileColumns
  var j0 = 0
  while j0 < n {
    let nc = min(blockColumns, n &- j0)
    let lastPanel = (nc &- 1) / tileColumns &* tileColumns
    var k0 = 0
    repeat {
      let kc = min(depth, k &- k0)
      let adds = accumulate || k0 > 0
      var j = 0
      while j < nc {
        let columns = min(tileColumns, nc &- j)
        let panel = packed + j &* depth
        var q = 0
        while q < kc {
          // The block of tileColumns columns from k0 + q on is one panel of the packed weight.
          let source = b + ((k0 &+ q) &* rows &+ (j0 &+ j) &* tileColumns)
          packB(true, columns, min(tileColumns, kc &- q), source, tileColumns, panel + q &* tileColumns)
          q &+= tileColumns
        }
        j &+= tileColumns
      }
      var p0 = 0
      while p0 < panels.count {
        let p1 = min(p0 &+ panelsPerBlock, panels.count)
        blockProduct(
          panels, p0, p1, nc, kc, a + (panels.start(p0) &* lda &+ k0), lda, false, packed, tileColumns &* depth,
          tileColumns, packed + lastPanel &* depth, c + j0, ldc, adds ? UnsafePointer(c + j0) : nil, ldc, edge)
        p0 = p1
      }
      k0 &+= kc
    } while k0 < k
    j0 &+= nc
  }
}
@inline(never) public func gemmTransposedScratch(_ n: Int, _ k: Int) -> Int {
  let depth = max(1, rounded(evenDepth(k), to: tileColumns))
  return maximumRows &* tileColumns &+ min(rounded(n, to: tileColumns), blockColumns) &* depth
}

/// out[MR, 8] = A[MR, k] · B[k, 8], A read in place.
@inline(never)
func skinnyTile<let MR: Int>(
  _: InlineArray<MR, Void>.Type, _ k: Int, _ a: Input, _ lda: Int, _ b: Input, _ ldb: Int, _ out: Output
) {
  var x = InlineArray<MR, SIMD8<Float>> { _ in SIMD8() }
  var a = a
  var b = b
  var left = k
  while left > 0 {
    let bj = load8(b)
    for i in 0..<MR { x[unchecked: i].madd(SIMD8(repeating: a[i &* lda]), bj) }
    a += 1
    b += ldb
    left &-= 1
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
  let inPlace = n == 8 && !transB
  if n < 8 { packed.update(repeating: 0, count: 8 &* k) }
  if transB {
    if n == 8 && lanes == 8 {
      packTransposed(8, k, b, ldb, packed, 8)
    } else {
      for j in 0..<n { for p in 0..<k { packed[p &* 8 &+ j] = b[j &* ldb &+ p] } }
    }
  } else if !inPlace {
    for j in 0..<n { for p in 0..<k { packed[p &* 8 &+ j] = b[p &* ldb &+ j] } }
  }
  let bp = inPlace ? b : UnsafePointer(packed)
  let bStride = inPlace ? ldb : 8
  let straight = n == 8 && ldc == 8 && !accumulate
  var i = 0
  while i < m {
    let out = straight ? c + i &* 8 : edge
    let rows: Int
    if m &- i >= skinnyRows {
      rows = skinnyRows
      skinnyTile(SkinnyTile.self, k, a + i &* lda, lda, bp, bStride, out)
    } else if m &- i >= 4 {
      rows = 4
      skinnyTile(InlineArray<4, Void>.self, k, a + i &* lda, lda, bp, bStride, out)
    } else {
      rows = 1
      skinnyTile(InlineArray<1, Void>.self, k, a + i &* lda, lda, bp, bStride, out)
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

// MARK: - Quantised weights

/// Elements of a block of quantised numbers, which share a scale.
let quantBlock = 32

typealias Bytes = SIMD32<Int8>
@inline(always) func load(_ p: UnsafePointer<Int8>) -> Bytes { UnsafeRawPointer(p).loadUnaligned(as: Bytes.self) }

/// q[i] = round(x[i] / scale), scale = max |x| / 127 of each block of 32; rounded to nearest even by adding 1.5 · 2²³.
@inline(never)
public func quantise(
  _ n: Int, _ x: UnsafePointer<Float>, _ q: UnsafeMutablePointer<Int8>, _ scales: UnsafeMutablePointer<Float>
) {
  var i = 0
  while i < n {
    var m = V()
    var j = 0
    while j < quantBlock {
      m = larger(m, floats(bits(load(x + i + j)) & IV(repeating: 0x7fff_ffff)))
      j &+= lanes
    }
    let top = maximum(m)
    let inverse = top > 0 ? 127 / top : 0
    scales[i / quantBlock] = top / 127
    for j in 0..<quantBlock {
      q[i &+ j] = Int8(truncatingIfNeeded: (x[i &+ j] * inverse + 12_582_912).bitPattern)
    }
    i &+= quantBlock
  }
}

/// Rows of W that lie together: a block of each, then the next block of each, so that memory is read in one stream.
let quantRows = 4

/// Rows of a group of quantised weights.
@inline(never) public func quantGroup() -> Int { quantRows }

// y[m, r] = Σ_b scale[b, r] · xScale[m, b] · Σ_i w[b, r, i] · x[m, b, i] for a group of W's rows and MB of x: sums of
// integers are exact, the blocks' products add up in eight lanes.
@inline(never)
func quantTile<let MB: Int>(
  _: InlineArray<MB, Void>.Type, _ rows: Int, _ blocks: Int, _ w: UnsafePointer<Int8>, _ scales: UnsafePointer<UInt16>,
  _ x: UnsafePointer<Int8>, _ xScales: Input, _ y: Output, _ ldy: Int
) {
  var sums = InlineArray<8, SIMD8<Float>> { _ in SIMD8() }
  let stride = blocks &* quantBlock
  var w = w
  var x = x
  var xScales = xScales
  var scales = scales
  var left = blocks
  while left > 0 {
    let four = vec_halves(scales)
    for m in 0..<MB {
      let xm = load(x + m &* stride)
      let products = four * xScales[m &* blocks]
      for r in 0..<quantRows {
        let dots = vec_floats(vec_dot4(load(w + r &* quantBlock), xm))
        sums[unchecked: m &* quantRows &+ r].madd(dots, SIMD8(repeating: products[r]))
      }
    }
    w += quantRows &* quantBlock
    x += quantBlock
    xScales += 1
    scales += quantRows
    left &-= 1
  }
  for m in 0..<MB {
    for r in 0..<quantRows {
      let s = sums[unchecked: m &* quantRows &+ r]
      let t = s.lowHalf + s.highHalf
      if r < rows { y[m &* ldy &+ r] = (t[0] + t[2]) + (t[1] + t[3]) }
    }
  }
}

/// y[rows, outputs] = x · Wᵀ for quantised x and W in blocks of 32.
///
/// - Parameters:
///   - w: Groups of `quantGroup()` rows, the last one padded: [outputs / 4][blocks][4][32]; `scales`, in half precision,
///     [outputs / 4][blocks][4].
///   - x: [rows, blocks · 32], `xScales` [rows, blocks].
@inline(never)
public func multiplyQuantised(
  _ rows: Int, _ outputs: Int, _ blocks: Int, _ w: UnsafePointer<Int8>, _ scales: UnsafePointer<UInt16>,
  _ x: UnsafePointer<Int8>, _ xScales: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ ldy: Int
) {
  var o = 0
  while o < outputs {
    let wo = w + o &* blocks &* quantBlock
    let so = scales + o &* blocks
    let live = min(quantRows, outputs &- o)
    // Two rows of x at a time; the group of W stays in L1 for the next two.
    var m = 0
    while m < rows {
      let xm = x + m &* blocks &* quantBlock
      let target = y + (m &* ldy &+ o)
      if m &+ 2 <= rows {
        quantTile(InlineArray<2, Void>.self, live, blocks, wo, so, xm, xScales + m &* blocks, target, ldy)
      } else {
        quantTile(InlineArray<1, Void>.self, live, blocks, wo, so, xm, xScales + m &* blocks, target, ldy)
      }
      m &+= 2
    }
    o &+= quantRows
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

/// The standard normal distribution's Φ(x) and its density, to 1.2e-7.
///
/// Φ(-a) = exp(-a²/2) · P(1 / (1 + 0.2316419 a)) / 2 for a >= 0, which does not cancel far left. Source: Abramowitz and Stegun,
/// "Handbook of Mathematical Functions", formula 7.1.26, whose erf is 1 - 2 Φ(-a√2).
@inline(always) func normal(_ x: V) -> (cumulative: V, density: V) {
  let a = floats(bits(x) & IV(repeating: 0x7fff_ffff))
  let t = all(1) / fma(all(0.231_641_888), a, all(1))
  var p = fma(all(0.530_702_714_5), t, all(-0.726_576_013_5))
  p = fma(p, t, all(0.710_706_870_5))
  p = fma(p, t, all(-0.142_248_368))
  p = fma(p, t, all(0.127_414_796))
  let e = exp(x * x * all(-0.5))
  let tail = p * t * e
  return (tail.replacing(with: all(1) - tail, where: x .> V()), e * all(0.398_942_280_4))
}
/// x · Φ(x)
enum ExactGELU: Map {
  @inline(always) static func f(_ x: V) -> V { x * normal(x).cumulative }
}
/// Φ(x) + x · Φ'(x)
enum ExactGELUGradient: Map2 {
  @inline(always) static func f(_ x: V, _ dy: V) -> V {
    let (cumulative, density) = normal(x)
    return fma(x, density, cumulative) * dy
  }
}
@inline(never) public func geluExact(_ n: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
  map(ExactGELU.self, n, x, y)
}
@inline(never)
public func geluExactBackward(
  _ n: Int, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>
) {
  map(ExactGELUGradient.self, n, x, dy, dx)
}

/// y = gate · sigmoid(gate) · up
enum SwiGLU: Map2 {
  @inline(always) static func f(_ gate: V, _ up: V) -> V { gate * sigmoid(gate) * up }
}
@inline(never)
public func swiGLU(
  _ n: Int, _ gate: UnsafePointer<Float>, _ up: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
) {
  map(SwiGLU.self, n, gate, up, y)
}

/// dUp = dy · gate · σ, dGate = dy · up · (σ + gate · σ · (1 - σ)), σ = sigmoid(gate).
@inline(always) func swiGLUGradients(_ gate: V, _ up: V, _ dy: V) -> (gate: V, up: V) {
  let s = sigmoid(gate)
  let silu = gate * s
  return (fma(silu, all(1) - s, s) * up * dy, silu * dy)
}
@inline(never)
public func swiGLUBackward(
  _ n: Int, _ gate: UnsafePointer<Float>, _ up: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
  _ dGate: UnsafeMutablePointer<Float>, _ dUp: UnsafeMutablePointer<Float>
) {
  var i = 0
  while i &+ lanes <= n {
    let d = swiGLUGradients(load(gate + i), load(up + i), load(dy + i))
    store(dGate + i, d.gate)
    store(dUp + i, d.up)
    i &+= lanes
  }
  let rest = n &- i
  if rest > 0 {
    let d = swiGLUGradients(load(gate + i, rest), load(up + i, rest), load(dy + i, rest))
    store(dGate + i, d.gate, rest)
    store(dUp + i, d.up, rest)
  }
}

enum Logistic: Map {
  @inline(always) static func f(_ x: V) -> V { sigmoid(x) }
}
@inline(never) public func sigmoid(_ n: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
  map(Logistic.self, n, x, y)
}

// MARK: - Losses

/// y = factor · softmax(x) for one row; returns max x and Σ exp(x - max x). `y` may be `x`.
@inline(always)
func softmaxRow(_ n: Int, _ x: Input, _ y: Output, _ factor: Float = 1) -> (maximum: Float, sum: Float) {
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
  let scale = all(factor / total)
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

/// Losses as above; x becomes scale · (softmax(x) - [j = label]), so that a large vocabulary's logits exist once.
@inline(never)
public func softmaxCrossEntropyInPlace(
  _ rows: Int, _ columns: Int, _ x: UnsafeMutablePointer<Float>, _ labels: UnsafePointer<Int32>, _ scale: Float,
  _ losses: UnsafeMutablePointer<Float>
) {
  for i in 0..<rows {
    let row = x + i &* columns
    let logit = row[Int(labels[i])]
    let (top, total) = softmaxRow(columns, row, row, scale)
    losses[i] = logf(total) - (logit - top)
    row[Int(labels[i])] -= scale
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

// MARK: - Sums

/// y += scale · x
@inline(never)
public func addScaled(_ n: Int, _ x: UnsafePointer<Float>, _ scale: Float, _ y: UnsafeMutablePointer<Float>) {
  var i = 0
  while i &+ lanes <= n {
    store(y + i, fma(load(x + i), all(scale), load(y + i)))
    i &+= lanes
  }
  while i < n {
    y[i] += x[i] * scale
    i &+= 1
  }
}

/// Σ x², in single precision over blocks of 1024 elements, the blocks in double.
@inline(never)
public func sumOfSquares(_ n: Int, _ x: UnsafePointer<Float>) -> Double {
  var total = 0.0
  var i = 0
  while i < n {
    let end = min(i &+ 1024, n)
    var s0 = V()
    var s1 = V()
    while i &+ 2 &* lanes <= end {
      let a = load(x + i)
      let b = load(x + i + lanes)
      s0.madd(a, a)
      s1.madd(b, b)
      i &+= 2 &* lanes
    }
    total += Double(sum(s0 + s1))
    while i < end {
      total += Double(x[i]) * Double(x[i])
      i &+= 1
    }
  }
  return total
}

/// Σ x · y of one row.
@inline(always) func dot(_ n: Int, _ x: Input, _ y: Input) -> Float {
  var s0 = V()
  var s1 = V()
  var i = 0
  while i &+ 2 &* lanes <= n {
    s0.madd(load(x + i), load(y + i))
    s1.madd(load(x + i + lanes), load(y + i + lanes))
    i &+= 2 &* lanes
  }
  while i &+ lanes <= n {
    s0.madd(load(x + i), load(y + i))
    i &+= lanes
  }
  if i < n { s1.madd(load(x + i, n &- i), load(y + i, n &- i)) }
  return sum(s0 + s1)
}

// MARK: - Normalisation

/// Σ term(x[j]) of one row, in four sums, since each waits for its last addition; lanes past the end hold `fill`.
@inline(always)
func rowSum(_ n: Int, _ x: Input, fill: Float = 0, _ add: (_ sum: inout V, _ x: V) -> Void) -> Float {
  var s0 = V()
  var s1 = V()
  var s2 = V()
  var s3 = V()
  var j = 0
  while j &+ 4 &* lanes <= n {
    add(&s0, load(x + j))
    add(&s1, load(x + j + lanes))
    add(&s2, load(x + j + 2 &* lanes))
    add(&s3, load(x + j + 3 &* lanes))
    j &+= 4 &* lanes
  }
  while j &+ lanes <= n {
    add(&s0, load(x + j))
    j &+= lanes
  }
  if j < n { add(&s1, load(x + j, n &- j, fill: fill)) }
  return sum((s0 + s1) + (s2 + s3))
}

/// mean[i] = mean(x[i, :]), r[i] = 1 / √(variance(x[i, :]) + ε), y = (x - mean) · r · gain + bias.
@inline(never)
public func layerNorm(
  _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>, _ bias: UnsafePointer<Float>,
  _ epsilon: Float, _ y: UnsafeMutablePointer<Float>, _ mean: UnsafeMutablePointer<Float>,
  _ r: UnsafeMutablePointer<Float>
) {
  for i in 0..<rows {
    let xi = x + i &* columns
    let yi = y + i &* columns
    let m = rowSum(columns, xi) { $0 += $1 } / Float(columns)
    let squares = rowSum(columns, xi, fill: m) { sum, x in
      let a = x - all(m)
      sum.madd(a, a)
    }
    let ri = 1 / (squares / Float(columns) + epsilon).squareRoot()
    mean[i] = m
    r[i] = ri
    var j = 0
    while j &+ lanes <= columns {
      store(yi + j, fma((load(xi + j) - all(m)) * all(ri), load(gain + j), load(bias + j)))
      j &+= lanes
    }
    while j < columns {
      yi[j] = (xi[j] - m) * ri * gain[j] + bias[j]
      j &+= 1
    }
  }
}

/// r[i] = 1 / √(mean(x[i, :]²) + ε), y = x · r · gain.
@inline(never)
public func rmsNorm(
  _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>, _ epsilon: Float,
  _ y: UnsafeMutablePointer<Float>, _ r: UnsafeMutablePointer<Float>
) {
  for i in 0..<rows {
    let xi = x + i &* columns
    let yi = y + i &* columns
    let squares = rowSum(columns, xi) { $0.madd($1, $1) }
    let ri = 1 / (squares / Float(columns) + epsilon).squareRoot()
    r[i] = ri
    var j = 0
    while j &+ lanes <= columns {
      store(yi + j, load(xi + j) * all(ri) * load(gain + j))
      j &+= lanes
    }
    while j < columns {
      yi[j] = xi[j] * ri * gain[j]
      j &+= 1
    }
  }
}

/// The input's gradient of both norms, with n = (x - mean) · r and g = dy · gain:
/// dx (+)= r · (g - mean(g) - n · mean(g · n)); RMSNorm has no mean (`mean` nil) and neither of its two terms.
@inline(never)
public func normBackward(
  _ rows: Int, _ columns: Int, _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
  _ mean: UnsafePointer<Float>?, _ r: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ accumulate: Bool
) {
  let whole = columns / lanes &* lanes
  let rest = columns &- whole
  for i in 0..<rows {
    let xi = x + i &* columns
    let gi = dy + i &* columns
    let di = dx + i &* columns
    let ri = r[i]
    let m = mean?[i] ?? 0
    // Σ g and Σ g · (x - mean), two sums each.
    var g0 = V()
    var g1 = V()
    var p0 = V()
    var p1 = V()
    var j = 0
    while j &+ 2 &* lanes <= whole {
      let a = load(gi + j) * load(gain + j)
      let b = load(gi + j + lanes) * load(gain + j + lanes)
      g0 += a
      g1 += b
      p0.madd(a, load(xi + j) - all(m))
      p1.madd(b, load(xi + j + lanes) - all(m))
      j &+= 2 &* lanes
    }
    if j < whole {
      let a = load(gi + j) * load(gain + j)
      g0 += a
      p0.madd(a, load(xi + j) - all(m))
    }
    if rest > 0 {
      let a = load(gi + whole, rest) * load(gain + whole, rest)
      g1 += a
      p1.madd(a, load(xi + whole, rest) - all(m))
    }
    let shift = mean == nil ? 0 : sum(g0 + g1) / Float(columns)
    let slope = sum(p0 + p1) * ri * ri / Float(columns)
    j = 0
    if accumulate {
      while j < whole {
        let d = (load(gi + j) * load(gain + j) - all(shift)) - (load(xi + j) - all(m)) * all(slope)
        store(di + j, fma(d, all(ri), load(di + j)))
        j &+= lanes
      }
    } else {
      while j < whole {
        let d = (load(gi + j) * load(gain + j) - all(shift)) - (load(xi + j) - all(m)) * all(slope)
        store(di + j, d * all(ri))
        j &+= lanes
      }
    }
    while j < columns {
      let d = ((gi[j] * gain[j] - shift) - (xi[j] - m) * slope) * ri
      di[j] = accumulate ? di[j] + d : d
      j &+= 1
    }
  }
}

/// The parameters' gradients of both norms: dGain[j] += Σ_i dy[i, j] · (x[i, j] - mean[i]) · r[i], dBias[j] += Σ_i dy[i, j].
///
/// Columns are independent, so that their order of summation does not depend on how they are divided. Rows of `x` and `dy`
/// are `ld` apart; four at a time share one visit to the sums.
@inline(never)
public func normGainGradient(
  _ rows: Int, _ columns: Int, _ ld: Int, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>,
  _ mean: UnsafePointer<Float>?, _ r: UnsafePointer<Float>, _ dGain: UnsafeMutablePointer<Float>,
  _ dBias: UnsafeMutablePointer<Float>?
) {
  @inline(always) func add<let R: Int>(_ rows: InlineArray<R, Void>.Type, _ i: Int) {
    let x = x + i &* ld
    let dy = dy + i &* ld
    let m = InlineArray<R, V> { row in all(mean?[i &+ row] ?? 0) }
    let ri = InlineArray<R, V> { row in all(r[i &+ row]) }
    var j = 0
    while j &+ lanes <= columns {
      var a = load(dGain + j)
      for row in 0..<R {
        let at = row &* ld &+ j
        a.madd(load(dy + at), (load(x + at) - m[unchecked: row]) * ri[unchecked: row])
      }
      store(dGain + j, a)
      if let dBias {
        var b = load(dBias + j)
        for row in 0..<R { b += load(dy + row &* ld + j) }
        store(dBias + j, b)
      }
      j &+= lanes
    }
    while j < columns {
      for row in 0..<R {
        let d = dy[row &* ld &+ j]
        dGain[j] += d * (x[row &* ld &+ j] - (mean?[i &+ row] ?? 0)) * r[i &+ row]
        if let dBias { dBias[j] += d }
      }
      j &+= 1
    }
  }
  var i = 0
  while i &+ 4 <= rows {
    add(InlineArray<4, Void>.self, i)
    i &+= 4
  }
  while i < rows {
    add(InlineArray<1, Void>.self, i)
    i &+= 1
  }
}

// MARK: - Rotary embedding

/// Turns each pair (a, b) of a head by the angle of its token's position: (a cos - b sin, b cos + a sin), in place.
///
/// A head's pairs are its elements j and j + width/2, or 2j and 2j + 1 (`adjacent`). `cosine` and `sine` are [positions,
/// width/2]; `direction` 1 turns forward, -1 back. Rows of x are `ld` apart.
@inline(never)
public func rotary(
  _ tokens: Int, _ heads: Int, _ width: Int, _ adjacent: Bool, _ x: UnsafeMutablePointer<Float>, _ ld: Int,
  _ positions: UnsafePointer<Int32>, _ cosine: UnsafePointer<Float>, _ sine: UnsafePointer<Float>, _ direction: Float
) {
  let half = width / 2
  for t in 0..<tokens {
    let c = cosine + Int(positions[t]) &* half
    let s = sine + Int(positions[t]) &* half
    for h in 0..<heads {
      let low = x + (t &* ld &+ h &* width)
      let high = low + half
      var j = 0
      if adjacent {
        while j < half {
          let a = low[2 &* j]
          let b = low[2 &* j &+ 1]
          let turn = s[j] * direction
          low[2 &* j] = a * c[j] - b * turn
          low[2 &* j &+ 1] = b * c[j] + a * turn
          j &+= 1
        }
      } else {
        while j &+ lanes <= half {
          let a = load(low + j)
          let b = load(high + j)
          let cosines = load(c + j)
          let sines = load(s + j) * all(direction)
          store(low + j, a * cosines - b * sines)
          store(high + j, fma(a, sines, b * cosines))
          j &+= lanes
        }
        while j < half {
          let a = low[j]
          let b = high[j]
          let turn = s[j] * direction
          low[j] = a * c[j] - b * turn
          high[j] = b * c[j] + a * turn
          j &+= 1
        }
      }
    }
  }
}

// MARK: - Dropout

/// y = x · scale where the random number of its index is at least `threshold`, else 0.
///
/// Index i's number is the upper half of SplitMix64's output i: it depends on the seed and the index alone. Source:
/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
@inline(never)
public func dropout(
  _ n: Int, _ x: UnsafePointer<Float>, _ seed: UInt64, _ first: UInt64, _ threshold: UInt32, _ scale: Float,
  _ y: UnsafeMutablePointer<Float>
) {
  var state = seed &+ first &* 0x9e37_79b9_7f4a_7c15
  for i in 0..<n {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z &>> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z &>> 27)) &* 0x94d0_49bb_1331_11eb
    z ^= z &>> 31
    y[i] = UInt32(truncatingIfNeeded: z &>> 32) >= threshold ? x[i] * scale : 0
  }
}

// MARK: - Attention

/// Rows of queries whose scores the backward pass keeps at a time.
let attentionRows = maximumRows &* (64 / maximumRows)

@inline(always) func scoreStride(_ keys: Int) -> Int { rounded(keys &+ maximumRows, to: tileColumns) &+ 16 }

/// Floats of scratch for one head of one sequence.
@inline(never)
public func attentionScratch(_ keys: Int, _ width: Int, _ backward: Bool) -> Int {
  let edge = maximumRows &* tileColumns
  let scores = scoreStride(keys)
  if !backward {
    return edge &+ rounded(keys, to: tileColumns) &* width &+ rounded(width, to: tileColumns) &* keys &+ maximumRows
      &* scores &+ 64
  }
  return edge &+ 2 &* rounded(keys, to: tileColumns) &* width &+ rounded(width, to: tileColumns)
    &* (keys &+ 2 &* attentionRows) &+ 2 &* attentionRows &* scores &+ 64
}

/// exp(scale · (x - shift)) in place for the first `live` elements, 0 up to `end`; returns their sum.
///
/// Without a shift the row's maximum is subtracted, and returned. The row has room for `lanes` elements after `live`.
@inline(always)
func expRow(_ x: Output, _ live: Int, _ end: Int, _ scale: Float, _ shift: Float?) -> (maximum: Float, sum: Float) {
  var j = live
  while j % lanes != 0 {
    x[j] = -.infinity
    j &+= 1
  }
  let padded = j
  let top: Float
  if let shift {
    top = shift
  } else {
    var m0 = load(x)
    j = lanes
    while j < padded {
      m0 = larger(m0, load(x + j))
      j &+= lanes
    }
    top = maximum(m0)
  }
  var s = V()
  j = 0
  while j < padded {
    let e = exp((load(x + j) - all(top)) * all(scale))
    store(x + j, e)
    s += e
    j &+= lanes
  }
  j = live
  while j < end {
    x[j] = 0
    j &+= 1
  }
  return (top, sum(s))
}

/// o = softmax(scale · q kᵀ) v for one head of one sequence, row by row, and the logarithm of each row's sum of exponentials.
///
/// The queries are the last of the keys' tokens: with `causal`, query i sees keys up to keys - queries + i. `width` is the
/// head's; q, k, v and o have rows `ldq`, … apart, `logSums` `ldl`. Scores exist for one tile of rows at a time.
@inline(never)
public func attentionForward(
  _ queries: Int, _ keys: Int, _ width: Int, _ q: UnsafePointer<Float>, _ ldq: Int, _ k: UnsafePointer<Float>,
  _ ldk: Int, _ v: UnsafePointer<Float>, _ ldv: Int, _ o: UnsafeMutablePointer<Float>, _ ldo: Int,
  _ logSums: UnsafeMutablePointer<Float>, _ ldl: Int, _ scale: Float, _ causal: Bool,
  _ scratch: UnsafeMutablePointer<Float>
) {
  if queries < 4 {
    attendDirectly(queries, keys, width, q, ldq, k, ldk, v, ldv, o, ldo, logSums, ldl, scale, causal, scratch)
    return
  }
  let edge = scratch
  let keyPanels = edge + maximumRows &* tileColumns
  let valuePanels = keyPanels + rounded(keys, to: tileColumns) &* width
  let scores = valuePanels + rounded(width, to: tileColumns) &* keys
  let lds = scoreStride(keys)
  let sums = scores + maximumRows &* lds
  packPanels(true, keys, width, k, ldk, keyPanels)
  packPanels(false, width, keys, v, ldv, valuePanels)
  let panels = RowPanels(queries)
  for p in 0..<panels.count {
    let i = panels.start(p)
    let rows = panels.rows(p)
    let limit = causal ? keys &- queries &+ i &+ rows : keys
    scoreTile(rows, limit, width, q + i &* ldq, ldq, keyPanels, scores, lds)
    for r in 0..<rows {
      let live = causal ? keys &- queries &+ i &+ r &+ 1 : keys
      let (top, total) = expRow(scores + r &* lds, live, limit, scale, nil)
      logSums[(i &+ r) &* ldl] = top * scale + logf(total)
      sums[r] = total
    }
    headTile(rows, limit, keys, width, scores, lds, valuePanels, o + i &* ldo, ldo, edge)
    for r in 0..<rows {
      let row = o + (i &+ r) &* ldo
      let factor = 1 / sums[r]
      var j = 0
      while j &+ lanes <= width {
        store(row + j, load(row + j) * all(factor))
        j &+= lanes
      }
      while j < width {
        row[j] *= factor
        j &+= 1
      }
    }
  }
}

/// The same for so few queries that packing keys and values would cost more than the rest.
@inline(always)
func attendDirectly(
  _ queries: Int, _ keys: Int, _ width: Int, _ q: Input, _ ldq: Int, _ k: Input, _ ldk: Int, _ v: Input, _ ldv: Int,
  _ o: Output, _ ldo: Int, _ logSums: Output, _ ldl: Int, _ scale: Float, _ causal: Bool, _ scores: Output
) {
  for i in 0..<queries {
    let live = causal ? keys &- queries &+ i &+ 1 : keys
    let qi = q + i &* ldq
    let oi = o + i &* ldo
    for j in 0..<live { scores[j] = dot(width, qi, k + j &* ldk) }
    let (top, total) = expRow(scores, live, live, scale, nil)
    logSums[i &* ldl] = top * scale + logf(total)
    let factor = 1 / total
    var c = 0
    while c &+ 2 &* lanes <= width {
      var s0 = V()
      var s1 = V()
      for j in 0..<live {
        let weight = all(scores[j])
        s0.madd(weight, load(v + (j &* ldv &+ c)))
        s1.madd(weight, load(v + (j &* ldv &+ c &+ lanes)))
      }
      store(oi + c, s0 * all(factor))
      store(oi + c + lanes, s1 * all(factor))
      c &+= 2 &* lanes
    }
    while c < width {
      var s: Float = 0
      for j in 0..<live { s += scores[j] * v[j &* ldv &+ c] }
      oi[c] = s * factor
      c &+= 1
    }
  }
}

/// scores[rows, limit] = a[rows, width] · panels, in whole tiles.
@inline(always)
func scoreTile(
  _ rows: Int, _ limit: Int, _ width: Int, _ a: Input, _ lda: Int, _ panels: Input, _ scores: Output, _ lds: Int
) {
  let count = (limit &+ tileColumns &- 1) / tileColumns
  tile(rows, count, width, a, lda, 1, panels, tileColumns &* width, tileColumns, scores, lds, nil, 0)
}

/// out[rows, width] = scores[rows, limit] · panels[keys, width].
@inline(always)
func headTile(
  _ rows: Int, _ limit: Int, _ keys: Int, _ width: Int, _ scores: Input, _ lds: Int, _ panels: Input, _ out: Output,
  _ ldo: Int, _ edge: Output
) {
  let stride = tileColumns &* keys
  tiles(
    rows, width, limit, scores, lds, 1, panels, stride, tileColumns, panels + width / tileColumns &* stride, out, ldo,
    nil, 0, edge)
}

/// The gradients of `attentionForward` for one head of one sequence, whose queries and keys are the same tokens.
///
/// With P = exp(scale · q kᵀ - logSums), computed again: dv = Pᵀ do, dP = do vᵀ, dS = P · (dP - rowsum(o · do)) · scale,
/// dq = dS k, dk = dSᵀ q. Source: Dao et al., "FlashAttention", arXiv:2205.14135, appendix B.
@inline(never)
public func attentionBackward(
  _ tokens: Int, _ width: Int, _ q: UnsafePointer<Float>, _ ldq: Int, _ k: UnsafePointer<Float>, _ ldk: Int,
  _ v: UnsafePointer<Float>, _ ldv: Int, _ o: UnsafePointer<Float>, _ ldo: Int, _ dO: UnsafePointer<Float>,
  _ lddo: Int, _ logSums: UnsafePointer<Float>, _ ldl: Int, _ scale: Float, _ causal: Bool,
  _ dQ: UnsafeMutablePointer<Float>, _ lddq: Int, _ dK: UnsafeMutablePointer<Float>, _ lddk: Int,
  _ dV: UnsafeMutablePointer<Float>, _ lddv: Int, _ scratch: UnsafeMutablePointer<Float>
) {
  let panelWidth = rounded(width, to: tileColumns)
  let edge = scratch
  let keyPanels = edge + maximumRows &* tileColumns
  let valuePanels = keyPanels + rounded(tokens, to: tileColumns) &* width
  let keyRows = valuePanels + rounded(tokens, to: tileColumns) &* width
  let queryRows = keyRows + panelWidth &* tokens
  let gradientRows = queryRows + panelWidth &* attentionRows
  let p = gradientRows + panelWidth &* attentionRows
  let lds = scoreStride(tokens)
  let dS = p + attentionRows &* lds
  packPanels(true, tokens, width, k, ldk, keyPanels)
  packPanels(true, tokens, width, v, ldv, valuePanels)
  packPanels(false, width, tokens, k, ldk, keyRows)

  var r0 = 0
  while r0 < tokens {
    let count = min(attentionRows, tokens &- r0)
    packPanels(false, width, count, q + r0 &* ldq, ldq, queryRows)
    packPanels(false, width, count, dO + r0 &* lddo, lddo, gradientRows)
    let panels = RowPanels(count)
    for panel in 0..<panels.count {
      let start = panels.start(panel)
      let i = r0 &+ start
      let rows = panels.rows(panel)
      let limit = causal ? i &+ rows : tokens
      let pTile = p + start &* lds
      let dTile = dS + start &* lds
      scoreTile(rows, limit, width, q + i &* ldq, ldq, keyPanels, pTile, lds)
      scoreTile(rows, limit, width, dO + i &* lddo, lddo, valuePanels, dTile, lds)
      for r in 0..<rows {
        let row = pTile + r &* lds
        let dRow = dTile + r &* lds
        let live = causal ? i &+ r &+ 1 : tokens
        let end = causal ? rounded(limit &+ maximumRows, to: lanes) : rounded(tokens, to: lanes)
        _ = expRow(row, live, end, scale, logSums[(i &+ r) &* ldl] / scale)
        let mean = all(dot(width, o + (i &+ r) &* ldo, dO + (i &+ r) &* lddo))
        // Past `live` P is zero, but what lies in dP there may be anything, and 0 · NaN is NaN.
        var j = 0
        while j &+ lanes <= live {
          store(dRow + j, load(row + j) * (load(dRow + j) - mean) * all(scale))
          j &+= lanes
        }
        if j < live {
          let rest = live &- j
          store(dRow + j, load(row + j) * (load(dRow + j, rest) - mean) * all(scale))
          j &+= lanes
        }
        while j < end {
          store(dRow + j, V())
          j &+= lanes
        }
      }
      headTile(rows, limit, tokens, width, dTile, lds, keyRows, dQ + i &* lddq, lddq, edge)
    }
    let seen = causal ? r0 &+ count : tokens
    keyGradient(seen, r0, count, width, causal, p, lds, gradientRows, dV, lddv, edge)
    keyGradient(seen, r0, count, width, causal, dS, lds, queryRows, dK, lddk, edge)
    r0 &+= count
  }
}

/// out[j, :] (+)= Σ_i weights[i, j] · rows[i, :] over a block of rows from `r0` on, those before j left out if `causal`.
///
/// The first block that reaches key j writes, later ones add.
@inline(always)
func keyGradient(
  _ seen: Int, _ r0: Int, _ count: Int, _ width: Int, _ causal: Bool, _ weights: Input, _ lds: Int, _ rows: Input,
  _ out: Output, _ ldo: Int, _ edge: Output
) {
  // Keys before r0 were written by an earlier block; a panel must not straddle that border.
  let border = causal ? r0 : (r0 == 0 ? 0 : seen)
  block(0, border, true)
  block(border, seen, false)

  @inline(always) func block(_ from: Int, _ to: Int, _ adds: Bool) {
    let panels = RowPanels(to &- from)
    for p in 0..<panels.count {
      let j = from &+ panels.start(p)
      let height = panels.rows(p)
      let first = causal ? max(0, j &- r0) : 0
      let b = rows + first &* tileColumns
      let stride = tileColumns &* count
      let target = out + j &* ldo
      tiles(
        height, width, count &- first, weights + (first &* lds &+ j), 1, lds, b, stride, tileColumns,
        b + width / tileColumns &* stride, target, ldo, adds ? UnsafePointer(target) : nil, ldo, edge)
    }
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

// MARK: - The machine's limit

/// Chains of multiply-adds on registers alone, as many as keep every multiplier busy: what a benchmark compares with.
@inline(never)
public func multiplyAdds(_ repetitions: Int, _ x: UnsafeMutablePointer<Float>) {
  var sums = InlineArray<12, V> { _ in load(x) }
  let a = load(x + lanes)
  let b = load(x + 2 &* lanes)
  for _ in 0..<repetitions { for i in 0..<12 { sums[unchecked: i].madd(a, b) } }
  for i in 0..<12 { store(x, load(x) + sums[unchecked: i]) }
}
/// Floating-point operations of one repetition.
@inline(never) public func multiplyAddOperations() -> Int { 12 &* lanes &* 2 }
