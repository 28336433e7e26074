import Schemas
import Tensors

/// Where the adapters of one layer's targets that read the same x lie in the trained memory.
struct AdapterPlacement {
  fileprivate let targets: [(target: AdapterTarget, columns: Range<Int>)]
  /// `nil` where A is frozen.
  fileprivate let a: Range<Int>?
  fileprivate let b: [Range<Int>]
  fileprivate let layer: Int

  /// Takes room for the adapters that the training puts on these targets; `nil` if there are none.
  ///
  /// - Parameter targets: All matrices that are one product, adapted or not, in the order of its columns.
  init?(
    _ training: LanguageTraining, layer: Int, targets: [AdapterTarget], in memory: inout TrainedMemory.Plan
  ) {
    guard let recipe = training.adapters else { return nil }
    var columns = 0
    var adapted: [(target: AdapterTarget, columns: Range<Int>)] = []
    for target in targets {
      let outputs = training.shape.dimensions(of: target)!.outputs
      if recipe.targets.contains(target) { adapted.append((target, columns..<columns + outputs)) }
      columns += outputs
    }
    guard !adapted.isEmpty else { return nil }
    self.targets = adapted
    self.layer = layer
    let names = adapted.map { "layers.\(layer).\($0.target.rawValue)" }
    a = recipe.trainA ? memory.add(names.map { $0 + ".A" }) : nil
    b = names.map { memory.add([$0 + ".B"], transposed: true) }
  }
}

extension AdaptedLinear.Adapters {
  /// - Parameter inputs: The plan's matrices A, `LanguageTraining.initialAdapterInputs()`, for where they are frozen.
  init(
    _ placement: AdapterPlacement, _ recipe: AdapterRecipe, in memory: TrainedMemory, frozen inputs: Parameters,
    _ constants: ConstantMemory
  ) {
    if let range = placement.a {
      a = memory.learned(range)
    } else {
      let matrices = placement.targets.map { target, _ in
        inputs.values[inputs.layout.range(of: "layers.\(placement.layer).\(target.rawValue).A")!]
      }
      a = Learned(values: constants.keep(Array(matrices.joined())))
    }
    parts = zip(placement.targets, placement.b).enumerated().map { index, part in
      AdaptedLinear.Adapter(
        columns: part.0.columns, ranks: index * recipe.rank..<(index + 1) * recipe.rank, b: memory.learned(part.1))
    }
    scale = Float(recipe.scale)
    dropout = Float(recipe.dropout)
  }
}
