#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Adam with decoupled weight decay:
/// m = β₁m + (1 - β₁)g, v = β₂v + (1 - β₂)g²,
/// p = (1 - rate·decay) · p - rate · (m / (1 - β₁ᵗ)) / (√(v / (1 - β₂ᵗ)) + ε).
///
/// Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", arXiv:1711.05101, algorithm 2, with the
/// decay scaled by the rate as in PyTorch's `torch.optim.AdamW`.
public struct AdamW: Sendable, Hashable {
  public var beta1: Float
  public var beta2: Float
  public var epsilon: Float

  public init(beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8) {
    precondition((0..<1).contains(beta1) && (0..<1).contains(beta2) && epsilon > 0)
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }

  /// - Parameters:
  ///   - first: The moments m, zero before the first step; `second` the moments v, likewise.
  ///   - count: The step's number t, from 1.
  public func step(
    _ parameters: inout MutableSpan<Float>, gradient: Span<Float>, first: inout MutableSpan<Float>,
    second: inout MutableSpan<Float>, count: Int, rate: Float, decay: Float = 0, on kernels: KernelTable = .best
  ) {
    precondition(count >= 1)
    precondition(
      gradient.count == parameters.count && first.count == parameters.count && second.count == parameters.count)
    kernels.adamW(
      gradient.count, parameters.pointer(), gradient.pointer, first.pointer(), second.pointer(), rate, beta1, beta2,
      epsilon, decay, Float(1 - pow(Double(beta1), Double(count))), Float(1 - pow(Double(beta2), Double(count))))
  }
}
