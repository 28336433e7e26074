/// The loss of a classifier with more than two classes, row by row, from logits x `[rows, classes]`:
/// p[i, :] = softmax(x[i, :]), loss[i] = -log p[i, label[i]].
///
/// The largest logit is subtracted first, so that no finite logit overflows.
public enum SoftmaxCrossEntropy {
  /// Probabilities alone, for a model that is used rather than trained.
  public static func probabilities(
    _ p: inout MutableSpan<Float>, logits: Span<Float>, rows: Int, on kernels: KernelTable = .best
  ) {
    let classes = classCount(logits.count, rows)
    precondition(p.count == logits.count)
    kernels.softmax(rows, classes, logits.pointer, p.pointer())
  }

  /// - Parameters: `probabilities` is `[rows, classes]` and kept for `backward`, `losses` `[rows]`, and each label lies
  ///   in `0..<classes`.
  public static func forward(
    probabilities: inout MutableSpan<Float>, losses: inout MutableSpan<Float>, logits: Span<Float>,
    labels: Span<Int32>, on kernels: KernelTable = .best
  ) {
    let rows = labels.count
    let classes = classCount(logits.count, rows)
    precondition(probabilities.count == logits.count && losses.count == rows)
    precondition(labels.isWithin(classes))
    kernels.softmaxCrossEntropy(
      rows, classes, logits.pointer, labels.pointer, probabilities.pointer(), losses.pointer())
  }

  /// dx[i, j] = scale · (p[i, j] - [j = label[i]]), the gradient of scale · Σ_i loss[i].
  public static func backward(
    dLogits: inout MutableSpan<Float>, probabilities: Span<Float>, labels: Span<Int32>, scale: Float,
    on kernels: KernelTable = .best
  ) {
    let rows = labels.count
    let classes = classCount(probabilities.count, rows)
    precondition(dLogits.count == probabilities.count)
    precondition(labels.isWithin(classes))
    kernels.softmaxCrossEntropyBackward(
      rows, classes, probabilities.pointer, labels.pointer, scale, dLogits.pointer())
  }

  /// Losses, and in place of the logits their gradient, scale · (softmax(x) - [j = label]): for a vocabulary of tens of
  /// thousands, whose logits and probabilities should not both exist.
  ///
  /// - Parameters: `logits` is `[rows, classes]`, `losses` and `labels` `[rows]`.
  public static func inPlace(
    logits: inout MutableSpan<Float>, losses: inout MutableSpan<Float>, labels: Span<Int32>, scale: Float,
    threads: ThreadPool = .shared, on kernels: KernelTable = .best
  ) {
    let rows = labels.count
    let classes = classCount(logits.count, rows)
    precondition(losses.count == rows)
    precondition(labels.isWithin(classes))
    let (x, y, l) = (logits.pointer(), labels.pointer, losses.pointer())
    threads.rows(rows, classes) { i, count in
      kernels.softmaxCrossEntropyInPlace(count, classes, x + i * classes, y + i, scale, l + i)
    }
  }

  private static func classCount(_ count: Int, _ rows: Int) -> Int {
    let classes = rows == 0 ? 0 : count / rows
    precondition(count == rows * classes && (rows == 0 || classes > 0))
    return classes
  }
}

extension Span where Element == Int32 {
  /// Whether every label names one of `classes`: the kernels index by it.
  func isWithin(_ classes: Int) -> Bool {
    for i in indices where self[i] < 0 || Int(self[i]) >= classes { return false }
    return true
  }
}
