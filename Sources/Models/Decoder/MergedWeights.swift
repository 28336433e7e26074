import Kernels
import Schemas
import Tensors

/// A base model's weights with trained adapters added to them, W + scale · B · A, so that what uses them knows nothing of
/// adapters and is as fast as without.
struct MergedWeights<Base: WeightSource>: WeightSource {
  let base: Base
  let training: LanguageTraining
  let parameters: Parameters
  /// The plan's matrices A, for where they are frozen.
  private let inputs: Parameters

  /// - Precondition: The parameters have the training's layout.
  init(_ base: Base, _ training: LanguageTraining, _ parameters: Parameters) {
    precondition(parameters.layout == training.layout)
    self.base = base
    self.training = training
    self.parameters = parameters
    inputs = training.initialAdapterInputs()
  }

  func tensor(_ name: WeightName) throws(ModelError) -> [Float] {
    var weight = try base.tensor(name)
    guard let recipe = training.adapters, let target = adapted(name) else { return weight }
    let prefix = "layers.\(target.layer).\(target.target.rawValue)"
    let (outputs, columns) = training.shape.dimensions(of: target.target)!
    let a = parameters.tensor(prefix + ".A") ?? inputs.tensor(prefix + ".A")!
    let b = parameters.tensor(prefix + ".B")!.map { $0 * Float(recipe.scale) }
    var sum = weight.mutableSpan
    var workspace = Workspace()
    Matmul.multiply(
      &sum, .nn, b.span, a.span, m: outputs, n: columns, k: recipe.rank, accumulate: true, workspace: &workspace)
    return weight
  }

  /// Whether adapters were added to that weight.
  func isChanged(_ name: WeightName) -> Bool { adapted(name) != nil }

  private func adapted(_ name: WeightName) -> (layer: Int, target: AdapterTarget)? {
    guard case .layer(let layer, let weight) = name, let target = AdapterTarget(rawValue: weight.rawValue),
      training.adapters?.targets.contains(target) == true
    else { return nil }
    return (layer, target)
  }
}

extension Parameters {
  fileprivate func tensor(_ name: String) -> [Float]? { layout.range(of: name).map { Array(values[$0]) } }
}
