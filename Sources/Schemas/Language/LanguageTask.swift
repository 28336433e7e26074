/// What a language model is trained to answer, and with which head.
///
///     {type: classification, labels: [negative, neutral, positive]}    a dense layer from the pooled output to the labels
///     {type: regression, range: [-4, 4]}                               a dense layer to one output
///     {type: generation}                                               the model's own head
public enum LanguageTask: Sendable, Hashable {
  /// Softmax over the labels, in this order, and cross-entropy; also with two labels.
  case classification(labels: [String])
  /// The output z predicts (y - centre) / halfRange, so that it lies in [-1, 1] whatever the unit; squared error.
  case regression(range: ClosedRange<Double>)
  /// The answer's tokens, one after the other; cross-entropy of the answer alone.
  case generation

  /// Outputs of the head; 0 if the model's own is used.
  public var outputs: Int {
    switch self {
    case .classification(let labels): labels.count
    case .regression: 1
    case .generation: 0
    }
  }

  /// What a row is measured by.
  public var measures: Measures {
    switch self {
    case .classification(let labels): .classes(labels.count)
    case .regression: .errors
    case .generation: .tokens
    }
  }

  func validate(for shape: LanguageShape) throws(SchemaError) {
    func invalid(_ key: String, _ problem: String, _ hint: String? = nil) -> SchemaError {
      .invalid(path: "model.task.\(key)", problem: problem, hint: hint)
    }
    switch (self, shape) {
    case (.generation, .encoder):
      throw invalid("type", "an encoder does not generate", "use `classification` or `regression`, or a decoder model")
    case (.classification, .decoder), (.regression, .decoder):
      throw invalid("type", "a decoder is trained to generate", "use `generation`, or an encoder model")
    case (.generation, .decoder): break
    case (.classification(let labels), .encoder):
      guard (2...1024).contains(labels.count) else {
        throw invalid("labels", "expected 2 to 1024 labels, found \(labels.count)")
      }
      guard Set(labels).count == labels.count else { throw invalid("labels", "a label occurs twice") }
      guard !labels.contains("") else { throw invalid("labels", "a label is empty") }
    case (.regression(let range), .encoder):
      let (lower, upper) = (range.lowerBound, range.upperBound)
      guard lower.isFinite, upper.isFinite, lower < upper, (upper - lower).isFinite else {
        throw invalid("range", "expected two finite numbers, the lower one first")
      }
    }
  }
}

extension LanguageTask: Codable {
  private enum CodingKeys: String, CodingKey {
    case type, labels, range
  }

  private enum TaskType: String, Codable, CaseIterable {
    case classification, regression, generation
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    switch try container.decode(TaskType.self, forKey: .type) {
    case .classification: self = .classification(labels: try container.decode([String].self, forKey: .labels))
    case .regression:
      let bounds = try container.decode([Double].self, forKey: .range)
      guard bounds.count == 2, bounds[0] < bounds[1] else {
        throw DecodingError.dataCorruptedError(
          forKey: .range, in: container, debugDescription: "expected [lower, upper] with lower < upper")
      }
      self = .regression(range: bounds[0]...bounds[1])
    case .generation: self = .generation
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .classification(let labels):
      try container.encode(TaskType.classification, forKey: .type)
      try container.encode(labels, forKey: .labels)
    case .regression(let range):
      try container.encode(TaskType.regression, forKey: .type)
      try container.encode([range.lowerBound, range.upperBound], forKey: .range)
    case .generation: try container.encode(TaskType.generation, forKey: .type)
    }
  }
}
