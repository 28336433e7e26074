import Schemas

/// Where the adapters of a decoder lie in its trained memory.
struct DecoderPlan {
  /// The products of a layer, in its order.
  enum Product: Int, CaseIterable {
    case projection, output, gate, up, down

    var targets: [AdapterTarget] {
      switch self {
      case .projection: [.query, .key, .value]
      case .output: [.output]
      case .gate: [.gate]
      case .up: [.up]
      case .down: [.down]
      }
    }
  }

  let memory: TrainedMemory.Plan
  /// Of each layer's products; `nil` where one has no adapter.
  let adapters: [[AdapterPlacement?]]
  /// Where the first layer's way back ends; `nil` if nothing is trained.
  let lowest: Product?

  init(_ training: LanguageTraining, _ shape: DecoderShape) {
    var memory = TrainedMemory.Plan(training.layout)
    adapters = (0..<shape.layers).map { layer in
      Product.allCases.map { AdapterPlacement(training, layer: layer, targets: $0.targets, in: &memory) }
    }
    self.memory = memory
    lowest = Product.allCases.first { product in
      product.targets.contains { training.adapters?.targets.contains($0) ?? false }
    }
  }
}
