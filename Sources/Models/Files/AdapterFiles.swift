import Schemas
import Tensors
import Texts

/// Trained adapters as the directory that the `peft` package reads beside the base model.
///
///     adapter_config.json           the recipe
///     adapter_model.safetensors     base_model.model.….lora_A.weight, ….lora_B.weight, F32
///     head.safetensors              of classification and regression: head.weight, head.bias; peft does not read it
///
/// Of an encoder they belong to `BertModel`, whose pooled output the head reads; of a decoder to its causal language
/// model. Equal arguments give equal bytes.
public enum AdapterFiles {
  /// - Parameters:
  ///   - parameters: The trained vector, in the layout of the training.
  ///   - training: With the method `adapters`; it has passed `validate()`.
  ///   - base: What `peft` shall load the base model from: a directory, or a name on a hub.
  public static func files(
    _ parameters: Parameters, training: LanguageTraining, base: String
  ) -> [LanguageWeights.File] {
    guard let recipe = training.adapters else { preconditionFailure("a training of adapters") }
    precondition(parameters.layout == training.layout, "parameters of this training")
    let family = training.shape.family
    let inputs = training.initialAdapterInputs()
    func elements(_ name: String) -> [Float] {
      let holder = parameters.layout.range(of: name) == nil ? inputs : parameters
      return Array(holder.values[holder.layout.range(of: name)!])
    }
    func tensor(_ name: String, _ shape: [Int], _ values: [Float]) -> Safetensors.Tensor {
      .init(name: name, type: .f32, shape: shape, bytes: Quantisation.quantise(values, as: .f32)!)
    }
    var tensors: [Safetensors.Tensor] = []
    for layer in 0..<training.shape.layers {
      for target in recipe.orderedTargets {
        guard let (outputs, columns) = training.shape.dimensions(of: target) else { continue }
        let module = "base_model.model.\(module(target, layer: layer, family: family))"
        let name = "layers.\(layer).\(target.rawValue)"
        tensors.append(tensor("\(module).lora_A.weight", [recipe.rank, columns], elements("\(name).A")))
        tensors.append(tensor("\(module).lora_B.weight", [outputs, recipe.rank], elements("\(name).B")))
      }
    }
    var files: [LanguageWeights.File] = [
      ("adapter_config.json", LanguageWeights.text(configuration(recipe, family: family, base: base))),
      ("adapter_model.safetensors", Safetensors(tensors: tensors, metadata: ["format": "pt"]).encoded()),
    ]
    if training.task.outputs > 0 {
      let head = [
        tensor("head.weight", [training.task.outputs, training.shape.width], elements("head.weight")),
        tensor("head.bias", [training.task.outputs], elements("head.bias")),
      ]
      files.append(("head.safetensors", Safetensors(tensors: head, metadata: ["format": "pt"]).encoded()))
    }
    return files
  }

  private static func configuration(
    _ recipe: AdapterRecipe, family: LanguageShape.Family, base: String
  ) -> JSONValue {
    let alpha = Int(exactly: recipe.alpha).map(String.init) ?? "\(recipe.alpha)"
    let names = recipe.orderedTargets.map { moduleName($0, family: family) }
    // peft takes a list as endings of names, and the end of one of an encoder's modules is that of another.
    let targets: JSONValue =
      switch family {
      case .decoder: .array(names.map(JSONValue.string))
      case .encoder:
        .string(
          #"(.*\.)?encoder\.layer\.\d+\.("#
            + names.map { $0.split(separator: ".").joined(separator: #"\."#) }
            .joined(separator: "|") + ")")
      }
    return .object([
      .init("base_model_name_or_path", .string(base)),
      .init("bias", .string("none")),
      .init("fan_in_fan_out", .bool(false)),
      .init("inference_mode", .bool(true)),
      .init("lora_alpha", .number(alpha)),
      .init("lora_dropout", .number("\(recipe.dropout)")),
      .init("peft_type", .string("LORA")),
      .init("r", .number(String(recipe.rank))),
      .init("target_modules", targets),
      .init("task_type", .string(family == .decoder ? "CAUSAL_LM" : "FEATURE_EXTRACTION")),
      .init("use_rslora", .bool(recipe.rankStabilised)),
    ])
  }

  private static func module(_ target: AdapterTarget, layer: Int, family: LanguageShape.Family) -> String {
    let prefix = family == .decoder ? HuggingFaceNames.prefix(.decoder) : ""
    let name = HuggingFaceNames.name(of: .layer(layer, target.weight), family: family)
    return prefix + name.dropLast(".weight".count)
  }

  /// The module within its layer, for a decoder only its last name.
  private static func moduleName(_ target: AdapterTarget, family: LanguageShape.Family) -> String {
    let parts = module(target, layer: 0, family: family).split(separator: ".")
    return parts.dropFirst(family == .decoder ? parts.count - 1 : 3).joined(separator: ".")
  }
}

extension AdapterTarget {
  /// The matrix that the adapter is added to.
  public var weight: LayerWeight {
    switch self {
    case .query: .query
    case .key: .key
    case .value: .value
    case .output: .output
    case .gate: .gate
    case .up: .up
    case .down: .down
    }
  }
}
