import Tensors

/// A dense network: `inputs` → hidden layers, each followed by the activation → `outputs`.
public struct NetworkShape: Sendable, Hashable, Codable {
  public enum Activation: String, Sendable, Hashable, Codable, CaseIterable {
    case relu, gelu
  }

  public var inputs: Int
  /// Widths of the hidden layers; none makes a logistic regression.
  public var hidden: [Int]
  public var activation: Activation
  /// 1 for a binary label (sigmoid, binary cross-entropy), K for K > 2 classes (softmax, cross-entropy).
  public var outputs: Int

  public init(inputs: Int, hidden: [Int], activation: Activation, outputs: Int) {
    self.inputs = inputs
    self.hidden = hidden
    self.activation = activation
    self.outputs = outputs
  }

  /// The shape for a label of that many classes.
  public init(inputs: Int, hidden: [Int], activation: Activation, classes: Int) {
    self.init(inputs: inputs, hidden: hidden, activation: activation, outputs: classes == 2 ? 1 : classes)
  }

  public var classCount: Int { outputs == 1 ? 2 : outputs }

  /// The widths from the inputs to the outputs.
  public var widths: [Int] { [inputs] + hidden + [outputs] }

  /// `layers.0.weight` `[out, in]`, `layers.0.bias` `[out]`, `layers.1.weight`, …
  ///
  /// The shape must have passed `validate()`.
  public var layout: ParameterLayout {
    var named: [(name: String, shape: [Int])] = []
    for (index, (from, to)) in zip(widths, widths.dropFirst()).enumerated() {
      named.append(("layers.\(index).weight", [to, from]))
      named.append(("layers.\(index).bias", [to]))
    }
    return ParameterLayout(named)
  }

  /// Refuses widths that make no network, or one of more than 2^28 parameters.
  public func validate() throws(SchemaError) {
    func invalid(_ key: String, _ problem: String) -> SchemaError {
      .invalid(path: "model.\(key)", problem: problem, hint: nil)
    }
    guard hidden.count <= 16 else { throw invalid("hidden", "at most 16 hidden layers, found \(hidden.count)") }
    if let width = hidden.first(where: { !(1...65536).contains($0) }) {
      throw invalid("hidden", "a layer has 1 to 65536 units, found \(width)")
    }
    guard (1...(1 << 24)).contains(inputs) else { throw invalid("inputs", "expected at least 1, found \(inputs)") }
    guard (1...65536).contains(outputs), outputs != 2 else {
      throw invalid("outputs", "expected 1 for a binary label or 3 and more, found \(outputs)")
    }
    let count = zip(widths, widths.dropFirst()).reduce(0) { $0 + ($1.0 + 1) * $1.1 }
    guard count <= 1 << 28 else { throw invalid("hidden", "the network has \(count) parameters, at most \(1 << 28)") }
  }
}

extension NetworkShape {
  /// The parameters that a run starts from, the same on every machine.
  ///
  /// The last layer is zero, so the first model gives every class the same probability, and all biases are zero. The
  /// weights of the hidden layers are uniform in ±√(6 / fan-in), drawn in the order of the layout from SplitMix64 with
  /// that seed: the upper 24 bits of each output are a number in [0, 1).
  ///
  /// Source: He et al., "Delving Deep into Rectifiers", arXiv:1502.01852, section 2.2.
  public func initialParameters(seed: UInt64) -> Parameters {
    var parameters = Parameters(layout: layout)
    var generator = SplitMix64(state: seed)
    for (index, fanIn) in widths.dropLast(2).enumerated() {
      let bound = (6 / Double(fanIn)).squareRoot()
      let range = parameters.layout.range(of: "layers.\(index).weight")!
      for position in range {
        let unit = Double(generator.next() >> 40) / Double(1 << 24)
        parameters.values[position] = Float((2 * unit - 1) * bound)
      }
    }
    return parameters
  }
}
