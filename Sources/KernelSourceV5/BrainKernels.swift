// Products with frozen weights kept as bf16 ("brain" floats: the upper half of a single), for CPUs with AVX512-BF16. The
// rules of Kernels.swift hold here too. KernelsV5 compiles this folder for such a CPU; KernelsV5Lowered compiles it for
// the machine at hand with the two instructions written out in C, so that its logic can be tested anywhere.
//
// Activations are rounded to bf16 on the way in, sums are single precision. Measured on a Zen 4 core: 198 to 231 GF/s,
// 84 to 98% of what vdpbf16ps can do.

import CVectors

typealias V = SIMD16<Float>
/// 16 pairs of bf16, the first of a pair in the lower half.
typealias Pairs = SIMD16<Int32>

let tileColumns = 32
let maximumRows = 14
/// Floats of k in a block, and pairs between the rows of a converted block: an odd number of cache lines, so that rows do
/// not share a set of the cache. Being constant it puts every row's address into its instruction.
let blockDepth = 1536
let rowPairs = blockDepth / 2 + 16
let blockRows = 224

@inline(always) func load(_ p: UnsafePointer<Float>) -> V { UnsafeRawPointer(p).loadUnaligned(as: V.self) }
@inline(always) func load(_ p: UnsafePointer<Int32>) -> Pairs { UnsafeRawPointer(p).loadUnaligned(as: Pairs.self) }
@inline(always) func store(_ p: UnsafeMutablePointer<Float>, _ v: V) {
  UnsafeMutableRawPointer(p).storeBytes(of: v, as: V.self)
}

/// To nearest, ties to even; NaN is not treated.
@inline(always) func brain(_ x: Float) -> UInt32 {
  let u = x.bitPattern
  return (u &+ 0x7fff &+ ((u &>> 16) & 1)) &>> 16
}

// MARK: - Tiles

// C[MR, 32] = addend + A[MR, 2k] · B[2k, 32] for `k` pairs; a's rows are `rowPairs` apart, b is [k][32] pairs.
@inline(never)
func brainTile<let MR: Int>(
  _: InlineArray<MR, Void>.Type, _ k: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>,
  _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ addend: UnsafePointer<Float>?, _ ldAddend: Int
) {
  var x = InlineArray<MR, V> { _ in V() }
  var y = InlineArray<MR, V> { _ in V() }
  var line = c
  for _ in 0..<MR {
    vec_prefetch(line)
    vec_prefetch(line + 16)
    line += ldc
  }
  var a = a
  var b = b
  var left = k
  while left > 0 {
    let b0 = load(b)
    let b1 = load(b + 16)
    for i in 0..<MR {
      let ai = Pairs(repeating: a[i &* rowPairs])
      x[unchecked: i] = vec_dot2_bf16(x[unchecked: i], ai, b0)
      y[unchecked: i] = vec_dot2_bf16(y[unchecked: i], ai, b1)
    }
    a += 1
    b += tileColumns
    left &-= 1
  }
  var c = c
  if var d = addend {
    for i in 0..<MR {
      store(c, load(d) + x[unchecked: i])
      store(c + 16, load(d + 16) + y[unchecked: i])
      c += ldc
      d += ldAddend
    }
  } else {
    for i in 0..<MR {
      store(c, x[unchecked: i])
      store(c + 16, y[unchecked: i])
      c += ldc
    }
  }
}

@inline(always)
func tile(
  _ rows: Int, _ k: Int, _ a: UnsafePointer<Int32>, _ b: UnsafePointer<Int32>, _ c: UnsafeMutablePointer<Float>,
  _ ldc: Int, _ addend: UnsafePointer<Float>?, _ ldAddend: Int
) {
  @inline(always) func run<let MR: Int>(_ size: InlineArray<MR, Void>.Type) {
    brainTile(size, k, a, b, c, ldc, addend, ldAddend)
  }
  switch rows {
  case 1: run(InlineArray<1, Void>.self)
  case 2: run(InlineArray<2, Void>.self)
  case 3: run(InlineArray<3, Void>.self)
  case 4: run(InlineArray<4, Void>.self)
  case 5: run(InlineArray<5, Void>.self)
  case 6: run(InlineArray<6, Void>.self)
  case 7: run(InlineArray<7, Void>.self)
  case 8: run(InlineArray<8, Void>.self)
  case 9: run(InlineArray<9, Void>.self)
  case 10: run(InlineArray<10, Void>.self)
  case 11: run(InlineArray<11, Void>.self)
  case 12: run(InlineArray<12, Void>.self)
  case 13: run(InlineArray<13, Void>.self)
  case 14: run(InlineArray<14, Void>.self)
  default: break
  }
}

// MARK: - Packing

/// One row of floats as pairs, an odd last one with a zero.
@inline(always)
func convertRow(_ k: Int, _ source: UnsafePointer<Float>, _ row: UnsafeMutablePointer<Int32>) {
  var j = 0
  while j &+ 32 <= k {
    UnsafeMutableRawPointer(row + j / 2)
      .storeBytes(of: vec_bf16(load(source + j), load(source + j + 16)), as: Pairs.self)
    j &+= 32
  }
  while j < k {
    let low = brain(source[j])
    let high = j &+ 1 < k ? brain(source[j &+ 1]) : 0
    row[j / 2] = Int32(bitPattern: low | high &<< 16)
    j &+= 2
  }
}

/// Columns of a packed panel.
@inline(never) public func brainColumns() -> Int { tileColumns }

/// Pairs of the panels of a [k, n] operand.
@inline(never)
public func brainPairs(_ n: Int, _ k: Int) -> Int {
  (n &+ tileColumns &- 1) / tileColumns &* tileColumns &* ((k &+ 1) / 2)
}

/// op(B), [k, n], as panels of 32 columns: [panel][k / 2][32] pairs, zero past the last row and column.
///
/// B is stored [n, k] where `transposed`, else [k, n].
@inline(never)
public func packBrain(
  _ transposed: Bool, _ n: Int, _ k: Int, _ b: UnsafePointer<Float>, _ ldb: Int, _ panels: UnsafeMutablePointer<Int32>
) {
  @inline(always) func element(_ p: Int, _ j: Int) -> UInt32 {
    guard p < k, j < n else { return 0 }
    return brain(transposed ? b[j &* ldb &+ p] : b[p &* ldb &+ j])
  }
  var target = panels
  var j = 0
  while j < n {
    var p = 0
    while p < k {
      for c in 0..<tileColumns {
        target[c] = Int32(bitPattern: element(p, j &+ c) | element(p &+ 1, j &+ c) &<< 16)
      }
      target += tileColumns
      p &+= 2
    }
    j &+= tileColumns
  }
}

// MARK: - Product

/// Floats of scratch memory that `gemmBrain` needs.
@inline(never)
public func brainScratch() -> Int { (blockRows &+ maximumRows) &* rowPairs &+ maximumRows &* tileColumns }

/// C = addend + A · B with B from `packBrain`; the addend is C (`accumulate`), a bias of n floats, or nothing.
///
/// The panels of columns from j on, j a multiple of 32, start at panels + j · ((k + 1) / 2).
@inline(never)
public func gemmBrain(
  _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>, _ lda: Int, _ b: UnsafePointer<Int32>,
  _ c: UnsafeMutablePointer<Float>, _ ldc: Int, _ accumulate: Bool, _ bias: UnsafePointer<Float>?,
  _ scratch: UnsafeMutablePointer<Float>
) {
  guard m > 0, n > 0, k > 0 else { return }
  let converted = UnsafeMutableRawPointer(scratch + maximumRows &* tileColumns).assumingMemoryBound(to: Int32.self)
  let count = (m &+ maximumRows &- 1) / maximumRows
  let height = m / count
  let tall = m &- count &* height
  let perBlock = blockRows / maximumRows
  let blocks = (k &+ blockDepth &- 1) / blockDepth
  // Whole vectors of pairs, so that only the last block has a tail.
  let depth = ((k &+ blocks &- 1) / blocks &+ 31) & ~31
  let panelPairs = (k &+ 1) / 2 &* tileColumns
  var p0 = 0
  while p0 < count {
    let p1 = min(p0 &+ perBlock, count)
    let first = p0 &* height &+ min(p0, tall)
    let last = p1 &* height &+ min(p1, tall)
    var k0 = 0
    while k0 < k {
      let kc = min(depth, k &- k0)
      let adds = accumulate || k0 > 0
      for i in first..<last { convertRow(kc, a + (i &* lda &+ k0), converted + (i &- first) &* rowPairs) }
      var j = 0
      while j < n {
        let columns = min(tileColumns, n &- j)
        let panel = b + (j / tileColumns &* panelPairs &+ k0 / 2 &* tileColumns)
        for p in p0..<p1 {
          let rows = p < tall ? height &+ 1 : height
          let i = p &* height &+ min(p, tall)
          let rowStart = converted + (i &- first) &* rowPairs
          let target = c + (i &* ldc &+ j)
          let ldd = adds ? ldc : 0
          var addend = adds ? UnsafePointer(target) : bias
          if !adds, let start = bias { addend = start + j }
          if columns == tileColumns {
            tile(rows, (kc &+ 1) / 2, rowStart, panel, target, ldc, addend, ldd)
          } else {
            tile(rows, (kc &+ 1) / 2, rowStart, panel, scratch, tileColumns, nil, 0)
            for r in 0..<rows {
              for col in 0..<columns {
                let v = scratch[r &* tileColumns &+ col]
                if let addend {
                  target[r &* ldc &+ col] = addend[r &* ldd &+ col] + v
                } else {
                  target[r &* ldc &+ col] = v
                }
              }
            }
          }
        }
        j &+= tileColumns
      }
      k0 &+= kc
    }
    p0 = p1
  }
}
