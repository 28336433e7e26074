import KernelsBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
#if arch(x86_64)
  import KernelsV3
  import KernelsV4
  import KernelsV5
#endif

/// The loops of one CPU level, as a table of functions.
///
/// Every operation (`Matmul`, `GELU`, …) takes a table as its last argument, the best one unless told otherwise, and
/// checks its arguments before it passes pointers to the table's function.
public struct KernelTable: Sendable {
  public private(set) var level: KernelLevel
  /// Products in bf16, where the CPU has instructions for them.
  var brain: BrainKernels? = nil

  typealias Input = UnsafePointer<Float>
  typealias Output = UnsafeMutablePointer<Float>
  typealias Labels = UnsafePointer<Int32>

  let gemm: @Sendable (Bool, Bool, Int, Int, Int, Input, Int, Input, Int, Output, Int, Bool, Output) -> Void
  let gemmScratch: @Sendable (Bool, Bool, Int, Int, Int) -> Int
  let panelColumns: @Sendable () -> Int
  let panelFloats: @Sendable (Int, Int) -> Int
  let packPanels: @Sendable (Bool, Int, Int, Input, Int, Output) -> Void
  let gemmPacked: @Sendable (Int, Int, Int, Input, Int, Input, Output, Int, Bool, Input?, Output) -> Void
  let gemmPackedScratch: @Sendable () -> Int
  let gemmPackedTransposed: @Sendable (Int, Int, Int, Input, Int, Input, Int, Output, Int, Bool, Output) -> Void
  let gemmTransposedScratch: @Sendable (Int, Int) -> Int
  let addBias: @Sendable (Int, Int, Input, Output) -> Void
  let columnSums: @Sendable (Int, Int, Input, Output, Bool) -> Void
  let addScaled: @Sendable (Int, Input, Float, Output) -> Void
  let sumOfSquares: @Sendable (Int, Input) -> Double
  let relu: @Sendable (Int, Input, Output) -> Void
  let reluBackward: @Sendable (Int, Input, Input, Output) -> Void
  let gelu: @Sendable (Int, Input, Output) -> Void
  let geluBackward: @Sendable (Int, Input, Input, Output) -> Void
  let geluExact: @Sendable (Int, Input, Output) -> Void
  let geluExactBackward: @Sendable (Int, Input, Input, Output) -> Void
  let swiGLU: @Sendable (Int, Input, Input, Output) -> Void
  let swiGLUBackward: @Sendable (Int, Input, Input, Input, Output, Output) -> Void
  let sigmoid: @Sendable (Int, Input, Output) -> Void
  let layerNorm: @Sendable (Int, Int, Input, Input, Input, Float, Output, Output, Output) -> Void
  let rmsNorm: @Sendable (Int, Int, Input, Input, Float, Output, Output) -> Void
  let normBackward: @Sendable (Int, Int, Input, Input, Input, Input?, Input, Output, Bool) -> Void
  let normGainGradient: @Sendable (Int, Int, Int, Input, Input, Input?, Input, Output, Output?) -> Void
  let rotary: @Sendable (Int, Int, Int, Bool, Output, Int, Labels, Input, Input, Float) -> Void
  let dropout: @Sendable (Int, Input, UInt64, UInt64, UInt32, Float, Output) -> Void
  let attentionScratch: @Sendable (Int, Int, Bool) -> Int
  let attentionForward:
    @Sendable (
      Int, Int, Int, Input, Int, Input, Int, Input, Int, Output, Int, Output, Int, Float, Bool, Output
    ) -> Void
  let attentionBackward:
    @Sendable (
      Int, Int, Input, Int, Input, Int, Input, Int, Input, Int, Input, Int, Input, Int, Float, Bool, Output, Int,
      Output,
      Int, Output, Int, Output
    ) -> Void
  let softmax: @Sendable (Int, Int, Input, Output) -> Void
  let softmaxCrossEntropy: @Sendable (Int, Int, Input, Labels, Output, Output) -> Void
  let softmaxCrossEntropyInPlace: @Sendable (Int, Int, Output, Labels, Float, Output) -> Void
  let softmaxCrossEntropyBackward: @Sendable (Int, Int, Input, Labels, Float, Output) -> Void
  let binaryCrossEntropy: @Sendable (Int, Input, Labels, Output) -> Void
  let binaryCrossEntropyBackward: @Sendable (Int, Input, Labels, Float, Output) -> Void
  let sgd: @Sendable (Int, Output, Input, Float, Float) -> Void
  let sgdMomentum: @Sendable (Int, Output, Input, Output, Float, Float, Float) -> Void
  let adamW: @Sendable (Int, Output, Input, Output, Output, Float, Float, Float, Float, Float, Float, Float) -> Void
  let quantise: @Sendable (Int, Input, UnsafeMutablePointer<Int8>, Output) -> Void
  let quantGroup: @Sendable () -> Int
  let multiplyQuantised:
    @Sendable (
      Int, Int, Int, UnsafePointer<Int8>, UnsafePointer<UInt16>, UnsafePointer<Int8>, Input, Output, Int
    ) -> Void
  let multiplyAdds: @Sendable (Int, Output) -> Void
  let multiplyAddOperations: @Sendable () -> Int

  /// The table of the highest level that this CPU has.
  ///
  /// The environment variable `TRIBUTARY_KERNEL_LEVEL` (`baseline`, `v3`, `v4`, `v5`) lowers it, so that a whole program can be
  /// tested at each level; it cannot raise it, and another value is ignored.
  public static let best: KernelTable = {
    let word = getenv("TRIBUTARY_KERNEL_LEVEL").map { String(cString: $0) } ?? ""
    return at(level: min(KernelLevel(override: word) ?? .highest, .highest))
  }()

  /// The table of one level.
  ///
  /// - Precondition: This CPU has the level (`KernelLevel.available`).
  public static func at(level: KernelLevel) -> KernelTable {
    precondition(level <= .highest, "this CPU has no \(level) instructions")
    #if arch(x86_64)
      switch level {
      case .baseline: return baseline
      case .v3: return v3
      case .v4: return v4
      case .v5: return v5
      }
    #else
      return baseline
    #endif
  }
}

// The three tables differ in the module's name only; no language feature binds a whole module to a table.
extension KernelTable {
  static let baseline = KernelTable(
    level: .baseline, gemm: KernelsBase.gemm, gemmScratch: KernelsBase.gemmScratch,
    panelColumns: KernelsBase.panelColumns, panelFloats: KernelsBase.panelFloats, packPanels: KernelsBase.packPanels,
    gemmPacked: KernelsBase.gemmPacked, gemmPackedScratch: KernelsBase.gemmPackedScratch,
    gemmPackedTransposed: KernelsBase.gemmPackedTransposed, gemmTransposedScratch: KernelsBase.gemmTransposedScratch,
    addBias: KernelsBase.addBias, columnSums: KernelsBase.columnSums, addScaled: KernelsBase.addScaled,
    sumOfSquares: KernelsBase.sumOfSquares, relu: KernelsBase.relu, reluBackward: KernelsBase.reluBackward,
    gelu: KernelsBase.gelu, geluBackward: KernelsBase.geluBackward, geluExact: KernelsBase.geluExact,
    geluExactBackward: KernelsBase.geluExactBackward, swiGLU: KernelsBase.swiGLU,
    swiGLUBackward: KernelsBase.swiGLUBackward, sigmoid: KernelsBase.sigmoid, layerNorm: KernelsBase.layerNorm,
    rmsNorm: KernelsBase.rmsNorm, normBackward: KernelsBase.normBackward,
    normGainGradient: KernelsBase.normGainGradient, rotary: KernelsBase.rotary, dropout: KernelsBase.dropout,
    attentionScratch: KernelsBase.attentionScratch, attentionForward: KernelsBase.attentionForward,
    attentionBackward: KernelsBase.attentionBackward, softmax: KernelsBase.softmax,
    softmaxCrossEntropy: KernelsBase.softmaxCrossEntropy,
    softmaxCrossEntropyInPlace: KernelsBase.softmaxCrossEntropyInPlace,
    softmaxCrossEntropyBackward: KernelsBase.softmaxCrossEntropyBackward,
    binaryCrossEntropy: KernelsBase.binaryCrossEntropy,
    binaryCrossEntropyBackward: KernelsBase.binaryCrossEntropyBackward, sgd: KernelsBase.sgd,
    sgdMomentum: KernelsBase.sgdMomentum, adamW: KernelsBase.adamW, quantise: KernelsBase.quantise,
    quantGroup: KernelsBase.quantGroup, multiplyQuantised: KernelsBase.multiplyQuantised,
    multiplyAdds: KernelsBase.multiplyAdds,
    multiplyAddOperations: KernelsBase.multiplyAddOperations)

  #if arch(x86_64)
    static let v3 = KernelTable(
      level: .v3, gemm: KernelsV3.gemm, gemmScratch: KernelsV3.gemmScratch, panelColumns: KernelsV3.panelColumns,
      panelFloats: KernelsV3.panelFloats, packPanels: KernelsV3.packPanels, gemmPacked: KernelsV3.gemmPacked,
      gemmPackedScratch: KernelsV3.gemmPackedScratch, gemmPackedTransposed: KernelsV3.gemmPackedTransposed,
      gemmTransposedScratch: KernelsV3.gemmTransposedScratch, addBias: KernelsV3.addBias,
      columnSums: KernelsV3.columnSums, addScaled: KernelsV3.addScaled, sumOfSquares: KernelsV3.sumOfSquares,
      relu: KernelsV3.relu, reluBackward: KernelsV3.reluBackward, gelu: KernelsV3.gelu,
      geluBackward: KernelsV3.geluBackward, geluExact: KernelsV3.geluExact,
      geluExactBackward: KernelsV3.geluExactBackward, swiGLU: KernelsV3.swiGLU,
      swiGLUBackward: KernelsV3.swiGLUBackward, sigmoid: KernelsV3.sigmoid, layerNorm: KernelsV3.layerNorm,
      rmsNorm: KernelsV3.rmsNorm, normBackward: KernelsV3.normBackward, normGainGradient: KernelsV3.normGainGradient,
      rotary: KernelsV3.rotary, dropout: KernelsV3.dropout, attentionScratch: KernelsV3.attentionScratch,
      attentionForward: KernelsV3.attentionForward, attentionBackward: KernelsV3.attentionBackward,
      softmax: KernelsV3.softmax, softmaxCrossEntropy: KernelsV3.softmaxCrossEntropy,
      softmaxCrossEntropyInPlace: KernelsV3.softmaxCrossEntropyInPlace,
      softmaxCrossEntropyBackward: KernelsV3.softmaxCrossEntropyBackward,
      binaryCrossEntropy: KernelsV3.binaryCrossEntropy,
      binaryCrossEntropyBackward: KernelsV3.binaryCrossEntropyBackward, sgd: KernelsV3.sgd,
      sgdMomentum: KernelsV3.sgdMomentum, adamW: KernelsV3.adamW, quantise: KernelsV3.quantise,
      quantGroup: KernelsV3.quantGroup, multiplyQuantised: KernelsV3.multiplyQuantised,
      multiplyAdds: KernelsV3.multiplyAdds,
      multiplyAddOperations: KernelsV3.multiplyAddOperations)

    static let v4 = KernelTable(
      level: .v4, gemm: KernelsV4.gemm, gemmScratch: KernelsV4.gemmScratch, panelColumns: KernelsV4.panelColumns,
      panelFloats: KernelsV4.panelFloats, packPanels: KernelsV4.packPanels, gemmPacked: KernelsV4.gemmPacked,
      gemmPackedScratch: KernelsV4.gemmPackedScratch, gemmPackedTransposed: KernelsV4.gemmPackedTransposed,
      gemmTransposedScratch: KernelsV4.gemmTransposedScratch, addBias: KernelsV4.addBias,
      columnSums: KernelsV4.columnSums, addScaled: KernelsV4.addScaled, sumOfSquares: KernelsV4.sumOfSquares,
      relu: KernelsV4.relu, reluBackward: KernelsV4.reluBackward, gelu: KernelsV4.gelu,
      geluBackward: KernelsV4.geluBackward, geluExact: KernelsV4.geluExact,
      geluExactBackward: KernelsV4.geluExactBackward, swiGLU: KernelsV4.swiGLU,
      swiGLUBackward: KernelsV4.swiGLUBackward, sigmoid: KernelsV4.sigmoid, layerNorm: KernelsV4.layerNorm,
      rmsNorm: KernelsV4.rmsNorm, normBackward: KernelsV4.normBackward, normGainGradient: KernelsV4.normGainGradient,
      rotary: KernelsV4.rotary, dropout: KernelsV4.dropout, attentionScratch: KernelsV4.attentionScratch,
      attentionForward: KernelsV4.attentionForward, attentionBackward: KernelsV4.attentionBackward,
      softmax: KernelsV4.softmax, softmaxCrossEntropy: KernelsV4.softmaxCrossEntropy,
      softmaxCrossEntropyInPlace: KernelsV4.softmaxCrossEntropyInPlace,
      softmaxCrossEntropyBackward: KernelsV4.softmaxCrossEntropyBackward,
      binaryCrossEntropy: KernelsV4.binaryCrossEntropy,
      binaryCrossEntropyBackward: KernelsV4.binaryCrossEntropyBackward, sgd: KernelsV4.sgd,
      sgdMomentum: KernelsV4.sgdMomentum, adamW: KernelsV4.adamW, quantise: KernelsV4.quantise,
      quantGroup: KernelsV4.quantGroup, multiplyQuantised: KernelsV4.multiplyQuantised,
      multiplyAdds: KernelsV4.multiplyAdds,
      multiplyAddOperations: KernelsV4.multiplyAddOperations)

    static let v5 = {
      var table = v4
      table.level = .v5
      table.brain = BrainKernels(
        columns: KernelsV5.brainColumns, pairs: KernelsV5.brainPairs, pack: KernelsV5.packBrain,
        gemm: KernelsV5.gemmBrain, scratch: KernelsV5.brainScratch)
      return table
    }()
  #endif
}

/// The products of bf16 weights; see Sources/KernelSourceV5.
struct BrainKernels: Sendable {
  typealias Input = UnsafePointer<Float>
  typealias Output = UnsafeMutablePointer<Float>
  typealias Pairs = UnsafePointer<Int32>

  let columns: @Sendable () -> Int
  let pairs: @Sendable (Int, Int) -> Int
  let pack: @Sendable (Bool, Int, Int, Input, Int, UnsafeMutablePointer<Int32>) -> Void
  let gemm: @Sendable (Int, Int, Int, Input, Int, Pairs, Output, Int, Bool, Input?, Output) -> Void
  let scratch: @Sendable () -> Int
}
