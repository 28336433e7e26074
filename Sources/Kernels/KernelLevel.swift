import CPUFeatures

/// An instruction set that the kernels are compiled for, from the oldest to the newest.
///
/// Results of different levels differ by rounding: wider vectors add in another order, and only some levels have a fused
/// multiply-add. On one level the same inputs give the same bytes.
public enum KernelLevel: Int, Sendable, Hashable, CaseIterable, Comparable, CustomStringConvertible {
  /// What every CPU of the architecture has: SSE2 on x86-64, NEON on arm64.
  case baseline = 0
  /// x86-64-v3: AVX2 and FMA.
  case v3 = 3
  /// x86-64-v4: AVX-512 F, BW, CD, DQ and VL.
  case v4 = 4
  /// Level 4 and AVX512-BF16: as v4, and products with weights in bf16 at twice the speed.
  case v5 = 5

  /// The highest level of this CPU.
  public static let highest = KernelLevel(rawValue: Int(cpu_level())) ?? .baseline

  /// All levels that this CPU can run, so that tests can check each.
  public static var available: [KernelLevel] { allCases.filter { $0 <= highest } }

  public static func < (a: KernelLevel, b: KernelLevel) -> Bool { a.rawValue < b.rawValue }

  public var description: String {
    switch self {
    case .baseline: "baseline"
    case .v3: "x86-64-v3"
    case .v4: "x86-64-v4"
    case .v5: "x86-64-v5"
    }
  }

  /// The level that an override names by number (`0`, `3`, `4`, `5`) or name (`baseline`, `v3`, …); nil for another word.
  init?(override word: String) {
    guard
      let level = Self.allCases.first(where: {
        "\($0)" == word || "\($0.rawValue)" == word || "x86-64-\(word)" == "\($0)"
      })
    else { return nil }
    self = level
  }
}
