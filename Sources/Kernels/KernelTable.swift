import KernelsBase

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif
#if arch(x86_64)
  import KernelsV3
  import KernelsV4
#endif

/// The loops of one CPU level, as a table of functions.
///
/// Every operation (`Matmul`, `GELU`, …) takes a table as its last argument, the best one unless told otherwise, and
/// checks its arguments before it passes pointers to the table's function.
public struct KernelTable: Sendable {
  public let level: KernelLevel

  typealias Input = UnsafePointer<Float>
  typealias Output = UnsafeMutablePointer<Float>
  typealias Labels = UnsafePointer<Int32>

  let gemm: @Sendable (Bool, Bool, Int, Int, Int, Input, Int, Input, Int, Output, Int, Bool, Output) -> Void
  let gemmScratch: @Sendable (Bool, Bool, Int, Int, Int) -> Int
  let addBias: @Sendable (Int, Int, Input, Output) -> Void
  let columnSums: @Sendable (Int, Int, Input, Output, Bool) -> Void
  let relu: @Sendable (Int, Input, Output) -> Void
  let reluBackward: @Sendable (Int, Input, Input, Output) -> Void
  let gelu: @Sendable (Int, Input, Output) -> Void
  let geluBackward: @Sendable (Int, Input, Input, Output) -> Void
  let sigmoid: @Sendable (Int, Input, Output) -> Void
  let softmax: @Sendable (Int, Int, Input, Output) -> Void
  let softmaxCrossEntropy: @Sendable (Int, Int, Input, Labels, Output, Output) -> Void
  let softmaxCrossEntropyBackward: @Sendable (Int, Int, Input, Labels, Float, Output) -> Void
  let binaryCrossEntropy: @Sendable (Int, Input, Labels, Output) -> Void
  let binaryCrossEntropyBackward: @Sendable (Int, Input, Labels, Float, Output) -> Void
  let sgd: @Sendable (Int, Output, Input, Float, Float) -> Void
  let sgdMomentum: @Sendable (Int, Output, Input, Output, Float, Float, Float) -> Void
  let adamW: @Sendable (Int, Output, Input, Output, Output, Float, Float, Float, Float, Float, Float, Float) -> Void

  /// The table of the highest level that this CPU has.
  ///
  /// The environment variable `TRIBUTARY_KERNEL_LEVEL` (`baseline`, `v3`, `v4`) lowers it, so that a whole program can be
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
      }
    #else
      return baseline
    #endif
  }
}

// The three tables differ in the module's name only; no language feature binds a whole module to a table.
extension KernelTable {
  static let baseline = KernelTable(
    level: .baseline, gemm: KernelsBase.gemm, gemmScratch: KernelsBase.gemmScratch, addBias: KernelsBase.addBias,
    columnSums: KernelsBase.columnSums, relu: KernelsBase.relu, reluBackward: KernelsBase.reluBackward,
    gelu: KernelsBase.gelu, geluBackward: KernelsBase.geluBackward, sigmoid: KernelsBase.sigmoid,
    softmax: KernelsBase.softmax, softmaxCrossEntropy: KernelsBase.softmaxCrossEntropy,
    softmaxCrossEntropyBackward: KernelsBase.softmaxCrossEntropyBackward,
    binaryCrossEntropy: KernelsBase.binaryCrossEntropy,
    binaryCrossEntropyBackward: KernelsBase.binaryCrossEntropyBackward, sgd: KernelsBase.sgd,
    sgdMomentum: KernelsBase.sgdMomentum, adamW: KernelsBase.adamW)

  #if arch(x86_64)
    static let v3 = KernelTable(
      level: .v3, gemm: KernelsV3.gemm, gemmScratch: KernelsV3.gemmScratch, addBias: KernelsV3.addBias,
      columnSums: KernelsV3.columnSums, relu: KernelsV3.relu, reluBackward: KernelsV3.reluBackward,
      gelu: KernelsV3.gelu, geluBackward: KernelsV3.geluBackward, sigmoid: KernelsV3.sigmoid,
      softmax: KernelsV3.softmax, softmaxCrossEntropy: KernelsV3.softmaxCrossEntropy,
      softmaxCrossEntropyBackward: KernelsV3.softmaxCrossEntropyBackward,
      binaryCrossEntropy: KernelsV3.binaryCrossEntropy,
      binaryCrossEntropyBackward: KernelsV3.binaryCrossEntropyBackward, sgd: KernelsV3.sgd,
      sgdMomentum: KernelsV3.sgdMomentum, adamW: KernelsV3.adamW)

    static let v4 = KernelTable(
      level: .v4, gemm: KernelsV4.gemm, gemmScratch: KernelsV4.gemmScratch, addBias: KernelsV4.addBias,
      columnSums: KernelsV4.columnSums, relu: KernelsV4.relu, reluBackward: KernelsV4.reluBackward,
      gelu: KernelsV4.gelu, geluBackward: KernelsV4.geluBackward, sigmoid: KernelsV4.sigmoid,
      softmax: KernelsV4.softmax, softmaxCrossEntropy: KernelsV4.softmaxCrossEntropy,
      softmaxCrossEntropyBackward: KernelsV4.softmaxCrossEntropyBackward,
      binaryCrossEntropy: KernelsV4.binaryCrossEntropy,
      binaryCrossEntropyBackward: KernelsV4.binaryCrossEntropyBackward, sgd: KernelsV4.sgd,
      sgdMomentum: KernelsV4.sgdMomentum, adamW: KernelsV4.adamW)
  #endif
}
