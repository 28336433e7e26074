import Kernels
import Schemas

extension EncoderNetwork {
  private var outputs: Int { training.task.outputs }

  /// The head's outputs of encoded sequences, `[sequences, outputs]`, and what a task makes of them: probabilities of the
  /// classes, or the predicted number in the unit of the task's range.
  func predictions(_ batch: PackedBatch) -> Region {
    let count = batch.sequenceCount
    let logits = logits(count)
    let result = buffers.probabilities.rows(count, outputs)
    switch training.task {
    case .classification:
      var probabilities = result.mutableSpan
      SoftmaxCrossEntropy.probabilities(&probabilities, logits: logits.span, rows: count, on: context.kernels)
    case .regression(let range):
      for i in 0..<count { result[i] = Float(range.centre + range.halfWidth * Double(logits[i])) }
    case .generation: preconditionFailure("an encoder does not generate")
    }
    return result
  }

  /// The loss of each encoded sequence, in nats or as a squared error in half widths of the range; valid until the next
  /// pass.
  func losses(_ batch: PackedBatch, of examples: LanguageExamples) -> Region {
    let count = batch.sequenceCount
    let logits = logits(count)
    let losses = buffers.losses.part(0..<count)
    switch (training.task, examples.answers) {
    case (.classification, .labels(let all)):
      labels.removeAll(keepingCapacity: true)
      for row in batch.rows { labels.append(all[row]) }
      let labels = labels
      var probabilities = buffers.probabilities.rows(count, outputs).mutableSpan
      var target = losses.mutableSpan
      SoftmaxCrossEntropy.forward(
        probabilities: &probabilities, losses: &target, logits: logits.span, labels: labels.span, on: context.kernels)
    case (.regression(let range), .numbers(let numbers)):
      for (i, row) in batch.rows.enumerated() {
        let error = logits[i] - Float((numbers[row] - range.centre) / range.halfWidth)
        losses[i] = error * error
        buffers.probabilities[i] = error
      }
    default: preconditionFailure("the examples were checked against the task")
    }
    return losses
  }

  private func logits(_ count: Int) -> Region {
    let logits = buffers.logits.rows(count, outputs)
    var target = logits.mutableSpan
    Linear.forward(
      &target, x: buffers.pooled.rows(count, shape.width).span, weight: head.weight.values.span,
      bias: head.bias.values.span, rows: count, workspace: &context.workspace, threads: context.threads,
      on: context.kernels)
    return logits
  }

  /// After `losses`: adds the head's gradients of scale · Σ loss.
  func backwardHead(_ batch: PackedBatch, scale: Float) {
    let count = batch.sequenceCount
    let gradient = buffers.dLogits.rows(count, outputs)
    switch training.task {
    case .classification:
      let labels = labels
      var dLogits = gradient.mutableSpan
      SoftmaxCrossEntropy.backward(
        dLogits: &dLogits, probabilities: buffers.probabilities.rows(count, outputs).span, labels: labels.span,
        scale: scale, on: context.kernels)
    case .regression:
      for i in 0..<count { gradient[i] = 2 * scale * buffers.probabilities[i] }
    case .generation: preconditionFailure("an encoder does not generate")
    }
    context.scale(gradient, columns: outputs)
    if let ghosts = context.ghosts {
      return ghosts.addHead(x: buffers.pooled, columns: shape.width, dy: gradient, context)
    }
    var dWeight = head.weight.gradient!.mutableSpan
    var dBias = head.bias.gradient!.mutableSpan
    Linear.backward(
      dWeight: &dWeight, dBias: &dBias, x: buffers.pooled.rows(count, shape.width).span, dy: gradient.span, rows: count,
      accumulate: true, workspace: &context.workspace, threads: context.threads, on: context.kernels)
  }
}

extension ClosedRange<Double> {
  var halfWidth: Double { (upperBound - lowerBound) / 2 }
  var centre: Double { lowerBound + halfWidth }
}
