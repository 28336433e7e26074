/// The loss of a classifier with two classes, element by element, from one logit x and a label y of 0 or 1:
/// loss = -log(sigmoid(x)) for y = 1 and -log(1 - sigmoid(x)) for y = 0,
/// computed as max(x, 0) - x·y + log(1 + exp(-|x|)), which neither overflows nor cancels.
public enum BinaryCrossEntropy {
  /// The probabilities of class 1, sigmoid(x).
  public static func probabilities(
    _ p: inout MutableSpan<Float>, logits: Span<Float>, on kernels: KernelTable = .best
  ) {
    precondition(p.count == logits.count)
    kernels.sigmoid(logits.count, logits.pointer, p.pointer())
  }

  /// - Parameters: `losses`, `logits` and `labels` are `[rows]`; a label is 0 or 1.
  public static func forward(
    losses: inout MutableSpan<Float>, logits: Span<Float>, labels: Span<Int32>, on kernels: KernelTable = .best
  ) {
    precondition(losses.count == logits.count && labels.count == logits.count)
    precondition(labels.isWithin(2))
    kernels.binaryCrossEntropy(logits.count, logits.pointer, labels.pointer, losses.pointer())
  }

  /// dx = scale · (sigmoid(x) - y), the gradient of scale · Σ_i loss[i].
  public static func backward(
    dLogits: inout MutableSpan<Float>, logits: Span<Float>, labels: Span<Int32>, scale: Float,
    on kernels: KernelTable = .best
  ) {
    precondition(dLogits.count == logits.count && labels.count == logits.count)
    precondition(labels.isWithin(2))
    kernels.binaryCrossEntropyBackward(logits.count, logits.pointer, labels.pointer, scale, dLogits.pointer())
  }
}
