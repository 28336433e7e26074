/// The most floating-point operations that one core can do: multiply-adds on registers alone.
///
/// A product's speed means something only as a share of this, measured in the same run.
public enum Peak {
  /// Does so many rounds of multiply-adds, and returns the number of operations.
  @discardableResult
  public static func multiplyAdd(repetitions: Int, on kernels: KernelTable = .best) -> Int {
    precondition(repetitions >= 0)
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: 64) { numbers in
      numbers.initialize(repeating: 1e-6)
      kernels.multiplyAdds(repetitions, numbers.baseAddress!)
      return repetitions * kernels.multiplyAddOperations()
    }
  }
}
