import Tensors

/// In which numbers the products with frozen weights are computed; everything else is fp32.
public enum Precision: String, Sendable, Hashable, Codable, CaseIterable {
  case fp32
  /// Operands rounded to bfloat16, sums in fp32.
  case bf16
}

/// What of a language model is trained, and the vector that holds it: all that a plan says of the model, and enough to
/// make the parameters a run starts from without the base model.
public struct LanguageTraining: Sendable, Hashable, Codable {
  /// Which parameters move. The head of a classification or regression always does.
  public enum Method: String, Sendable, Hashable, Codable, CaseIterable {
    /// Low-rank adapters beside frozen weights.
    case adapters
    /// The head alone, on the frozen model's output.
    case head
    /// Every weight of an encoder, as the difference from the base model, which starts at zero.
    case full
  }

  public var shape: LanguageShape
  public var method: Method
  /// With the method `adapters` alone.
  public var adapters: AdapterRecipe?
  public var task: LanguageTask
  public var precision: Precision
  /// Longer texts are truncated, special tokens included.
  public var maximumTokens: Int
  /// Of the matrices A.
  public var seed: UInt64

  public init(
    shape: LanguageShape, method: Method, adapters: AdapterRecipe? = nil, task: LanguageTask,
    precision: Precision = .fp32, maximumTokens: Int, seed: UInt64 = 0
  ) {
    self.shape = shape
    self.method = method
    self.adapters = adapters
    self.task = task
    self.precision = precision
    self.maximumTokens = maximumTokens
    self.seed = seed
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    shape = try container.decode(LanguageShape.self, forKey: .shape)
    method = try container.decodeIfPresent(Method.self, forKey: .method) ?? .adapters
    adapters = try container.decodeIfPresent(AdapterRecipe.self, forKey: .adapters)
    task = try container.decode(LanguageTask.self, forKey: .task)
    precision = try container.decodeIfPresent(Precision.self, forKey: .precision) ?? .fp32
    maximumTokens = try container.decode(Int.self, forKey: .maximumTokens)
    seed = try container.decodeIfPresent(UInt64.self, forKey: .seed) ?? 0
  }

  /// Refuses what cannot be trained, or more than 2^28 trained parameters.
  public func validate() throws(SchemaError) {
    try shape.validate()
    try task.validate(for: shape)
    switch (method, adapters) {
    case (.adapters, let adapters?): try adapters.validate(for: shape)
    case (.adapters, nil):
      throw .invalid(
        path: "model.adapters", problem: "the method `adapters` needs them",
        hint: "write for example `adapters: {rank: 8, alpha: 16, targets: [query, value]}`")
    case (_, .some):
      throw .invalid(
        path: "model.adapters", problem: "the method `\(method.rawValue)` has none",
        hint: "remove `adapters`, or set `method: adapters`")
    case (.head, nil) where task.outputs == 0:
      throw .invalid(path: "model.method", problem: "generation has no head to train", hint: "use `adapters`")
    case (.full, nil) where shape.family == .decoder:
      throw .invalid(path: "model.method", problem: "a decoder is trained by adapters", hint: "use `adapters`")
    case (.head, nil), (.full, nil): break
    }
    guard (2...shape.positions).contains(maximumTokens) else {
      throw .invalid(
        path: "model.maximumTokens", problem: "expected 2 to the model's \(shape.positions), found \(maximumTokens)",
        hint: nil)
    }
    // Bounded dimensions: no product overflows before the comparison.
    let count = namedShapes.reduce(0) { $0 + $1.shape.reduce(1, *) }
    guard count <= 1 << 28 else {
      throw .invalid(path: "model", problem: "\(count) parameters would be trained, at most \(1 << 28)", hint: nil)
    }
  }
}

extension LanguageTraining {
  /// The trained vector, layer by layer, target by target, then the head:
  /// `layers.0.query.A` `[rank, inputs]` (where A is trained), `layers.0.query.B` `[outputs, rank]`, …, `head.weight`
  /// `[outputs, width]`, `head.bias`. Of full fine-tuning, the encoder's weights in the order of `EncoderShape.weights`.
  ///
  /// The training must have passed `validate()`.
  public var layout: ParameterLayout { ParameterLayout(namedShapes) }

  private var namedShapes: [(name: String, shape: [Int])] {
    var named: [(name: String, shape: [Int])] = []
    switch method {
    case .adapters: named = adapterShapes(a: adapters?.trainA ?? false, b: true)
    case .head: break
    case .full: if case .encoder(let shape) = shape { named = shape.weights }
    }
    if task.outputs > 0 {
      named.append(("head.weight", [task.outputs, shape.width]))
      named.append(("head.bias", [task.outputs]))
    }
    return named
  }

  private func adapterShapes(a: Bool, b: Bool) -> [(name: String, shape: [Int])] {
    guard let adapters else { return [] }
    var named: [(name: String, shape: [Int])] = []
    for layer in 0..<shape.layers {
      for target in adapters.orderedTargets {
        guard let (outputs, inputs) = shape.dimensions(of: target) else { continue }
        if a { named.append(("layers.\(layer).\(target.rawValue).A", [adapters.rank, inputs])) }
        if b { named.append(("layers.\(layer).\(target.rawValue).B", [outputs, adapters.rank])) }
      }
    }
    return named
  }

  /// The matrices A that a run starts from: `layers.0.query.A` `[rank, inputs]`, … Where A is frozen they are no part of
  /// the trained vector, and whoever holds the plan makes them again.
  ///
  /// Uniform in ±1/√inputs, drawn in the order of the layout from SplitMix64 with the plan's seed: the upper 24 bits of
  /// each output are a number in [0, 1). This is the distribution of PyTorch's `kaiming_uniform_(A, a=√5)`, which PEFT
  /// starts from.
  public func initialAdapterInputs() -> Parameters {
    var parameters = Parameters(layout: ParameterLayout(adapterShapes(a: true, b: false)))
    var generator = SplitMix64(state: seed)
    for entry in parameters.layout.entries {
      let bound = 1 / Double(entry.shape[1]).squareRoot()
      for position in entry.offset..<entry.offset + entry.count {
        let unit = Double(generator.next() >> 40) / Double(1 << 24)
        parameters.values[position] = Float((2 * unit - 1) * bound)
      }
    }
    return parameters
  }

  /// The trained vector that a run starts from, the same on every machine: zero, but for A where it is trained. So the
  /// first model is the base model, with a head that prefers no label.
  public func initialParameters() -> Parameters {
    var parameters = Parameters(layout: layout)
    guard let adapters, adapters.trainA else { return parameters }
    let inputs = initialAdapterInputs()
    for (from, to) in zip(inputs.layout.entries, parameters.layout.entries.filter { $0.name.hasSuffix(".A") }) {
      parameters.values.replaceSubrange(
        to.offset..<to.offset + to.count, with: inputs.values[from.offset..<from.offset + from.count])
    }
    return parameters
  }
}
