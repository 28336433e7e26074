import Kernels
import Schemas
import Tensors

/// What a language model says about texts, and how right it is.
public enum LanguageEvaluation {
  /// Rows, summed loss and correct predictions, per class where there are classes; all zero for no rows.
  ///
  /// A prediction is the most probable class, or token of an answer, the first of equally probable ones. The errors of a
  /// regression are in half widths of its range.
  public static func metrics(
    _ parameters: Parameters, training: LanguageTraining, base: BaseModel, on examples: LanguageExamples,
    threads: ThreadPool = .shared
  ) throws(ModelError) -> MetricLanes {
    if case .decoder = training.shape {
      return try answerMetrics(parameters, training: training, base: base, on: examples, threads: threads)
    }
    try examples.check(training, labelled: true)
    let outputs = training.task.outputs
    var metrics = MetricLanes(training.task.measures)
    try forEachPass(parameters, training, base, examples, threads) { network, batch in
      let losses = network.losses(batch, of: examples)
      let p = network.buffers.probabilities
      for sequence in 0..<batch.sequenceCount {
        let row = p.part(sequence * outputs..<(sequence + 1) * outputs)
        guard case .labels(let labels) = examples.answers else {
          metrics.record(squaredError: Double(losses[sequence]))
          continue
        }
        let label = Int(labels[batch.rows[sequence]])
        metrics.record(
          label: label, score: Double(row[outputs - 1]), loss: Double(losses[sequence]),
          correct: mostProbable(row) == label)
      }
    }
    return metrics
  }

  /// The probability of each class `[rows, classes]`, or the predicted number of each text `[rows]`.
  public static func predictions(
    _ parameters: Parameters, training: LanguageTraining, base: BaseModel, on examples: LanguageExamples,
    threads: ThreadPool = .shared
  ) throws(ModelError) -> [Float] {
    try examples.check(training, labelled: false)
    var result = [Float](repeating: 0, count: examples.count * training.task.outputs)
    try forEachPass(parameters, training, base, examples, threads) { network, batch in
      place(network.predictions(batch), of: batch, width: training.task.outputs, in: &result)
    }
    return result
  }

  /// The pooled vector of each text `[rows, width]`, scaled to length 1 so that a dot product is a cosine.
  ///
  /// - Parameter parameters: Of a training whose adapters or weights the encoder has; the base model's own embeddings
  ///   come from the parameters that a run starts from.
  public static func embeddings(
    _ parameters: Parameters, training: LanguageTraining, base: BaseModel, on examples: LanguageExamples,
    threads: ThreadPool = .shared
  ) throws(ModelError) -> [Float] {
    try examples.check(training, labelled: false)
    let width = training.shape.width
    var result = [Float](repeating: 0, count: examples.count * width)
    try forEachPass(parameters, training, base, examples, threads) { network, batch in
      place(network.buffers.pooled, of: batch, width: width, in: &result)
    }
    for row in 0..<examples.count {
      let range = row * width..<(row + 1) * width
      let norm = Float(result[range].reduce(0) { $0 + Double($1) * Double($1) }.squareRoot())
      for i in range where norm > 0 { result[i] /= norm }
    }
    return result
  }

  private static func mostProbable(_ row: Region) -> Int {
    var best = 0
    for j in row.indices where row[j] > row[best] { best = j }
    return best
  }

  private static func place(_ values: Region, of batch: PackedBatch, width: Int, in result: inout [Float]) {
    for (sequence, row) in batch.rows.enumerated() {
      for j in 0..<width { result[row * width + j] = values[sequence * width + j] }
    }
  }

  /// Encodes all texts, some at a time.
  private static func forEachPass(
    _ parameters: Parameters, _ training: LanguageTraining, _ base: BaseModel, _ examples: LanguageExamples,
    _ threads: ThreadPool, _ body: (EncoderNetwork, PackedBatch) -> Void
  ) throws(ModelError) {
    do { try training.validate() } catch { throw .schema(error) }
    guard base.shape == training.shape else { throw .otherBaseModel }
    guard parameters.layout == training.layout else {
      throw .wrongShape(what: "parameters", expected: training.layout.count, found: parameters.layout.count)
    }
    guard case .encoder = training.shape else { throw .unsupportedModel(file: base.path, what: "a decoder") }
    guard examples.count > 0 else { return }
    let capacity = PassCapacity(examples, batchRows: examples.count)
    let network = try EncoderNetwork(
      parameters, training, weights: base, pooling: base.pooling ?? .mean, capacity: capacity, keeping: .nothing,
      context: ComputeContext(threads: threads))
    var batch = PackedBatch(tokens: capacity.tokens, sequences: capacity.sequences)
    let rows = Array(0..<examples.count)
    var next = 0
    while next < rows.count {
      batch.fill(rows[...], next: &next, of: examples, capacity)
      network.encode(batch)
      body(network, batch)
    }
  }
}
