/// Stochastic gradient descent: p -= rate · v, v = momentum · v + g + decay · p (v = g + decay · p without momentum).
///
/// Source: PyTorch's `torch.optim.SGD` (its form of momentum, without dampening or Nesterov), after Sutskever et al., "On
/// the importance of initialization and momentum in deep learning" (2013), section 2.
public enum SGD {
  public static func step(
    _ parameters: inout MutableSpan<Float>, gradient: Span<Float>, rate: Float, decay: Float = 0,
    on kernels: KernelTable = .best
  ) {
    precondition(gradient.count == parameters.count)
    kernels.sgd(gradient.count, parameters.pointer(), gradient.pointer, rate, decay)
  }

  /// - Parameter velocity: Zero before the first step.
  public static func step(
    _ parameters: inout MutableSpan<Float>, gradient: Span<Float>, velocity: inout MutableSpan<Float>, rate: Float,
    momentum: Float, decay: Float = 0, on kernels: KernelTable = .best
  ) {
    precondition(gradient.count == parameters.count && velocity.count == parameters.count)
    kernels.sgdMomentum(
      gradient.count, parameters.pointer(), gradient.pointer, velocity.pointer(), rate, momentum, decay)
  }
}
