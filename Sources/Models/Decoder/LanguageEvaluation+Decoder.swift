import Kernels
import Schemas
import Tensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension LanguageEvaluation {
  /// Rows, the tokens of all answers with their summed loss in nats, and as correct those that the model holds for the most
  /// probable: its accuracy when it is told the answer so far.
  static func answerMetrics(
    _ parameters: Parameters, training: LanguageTraining, base: BaseModel, on examples: LanguageExamples,
    threads: ThreadPool
  ) throws(ModelError) -> MetricLanes {
    do { try training.validate() } catch { throw .schema(error) }
    guard parameters.layout == training.layout else {
      throw .wrongShape(what: "parameters", expected: training.layout.count, found: parameters.layout.count)
    }
    return try answerMetrics(parameters, unchecked: training, base: base, on: examples, threads: threads)
  }

  /// exp of the mean loss of all answers' tokens: the number of tokens that the model wavers between on average.
  ///
  /// Without a training, of the base model itself.
  public static func perplexity(
    of examples: LanguageExamples, base: BaseModel, training: LanguageTraining? = nil, parameters: Parameters? = nil,
    threads: ThreadPool = .shared
  ) throws(ModelError) -> Double {
    let metrics: MetricLanes
    if let training, let parameters {
      metrics = try answerMetrics(parameters, training: training, base: base, on: examples, threads: threads)
    } else {
      let nothing = LanguageTraining(
        shape: base.shape, method: .adapters, task: .generation, maximumTokens: base.shape.positions)
      metrics = try answerMetrics(
        Parameters(layout: nothing.layout), unchecked: nothing, base: base, on: examples, threads: threads)
    }
    guard let perplexity = metrics.perplexity else { throw .noRows }
    return perplexity
  }

  private static func answerMetrics(
    _ parameters: Parameters, unchecked training: LanguageTraining, base: BaseModel, on examples: LanguageExamples,
    threads: ThreadPool
  ) throws(ModelError) -> MetricLanes {
    guard base.shape == training.shape else { throw .otherBaseModel }
    guard case .decoder = base.shape else {
      throw .unsupportedModel(file: base.path, what: "the perplexity of an encoder")
    }
    try examples.check(training, labelled: true)
    var metrics = MetricLanes(.tokens)
    guard examples.count > 0 else { return metrics }
    let capacity = PassCapacity(examples, batchRows: examples.count)
    let network = try DecoderNetwork(
      parameters, training, weights: base, capacity: capacity, keeping: .nothing,
      context: ComputeContext(threads: threads))
    var batch = PackedBatch(tokens: capacity.tokens, sequences: capacity.sequences)
    let rows = Array(0..<examples.count)
    var next = 0
    while next < rows.count {
      batch.fill(rows[...], next: &next, of: examples, capacity)
      var (tokens, lossSum, correct) = (0, 0.0, 0)
      network.forEachAnswerToken(batch, of: examples) { loss, isMostProbable in
        tokens += 1
        lossSum += loss
        correct += isMostProbable ? 1 : 0
      }
      metrics.record(rows: batch.sequenceCount, tokens: tokens, loss: lossSum, correct: correct)
    }
    return metrics
  }
}
