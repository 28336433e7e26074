import Models
import Schemas
import Tensors
import Testing
import Texts

/// Parameters whose element k is k.
private func counted(_ training: LanguageTraining) -> Parameters {
  var parameters = Parameters(layout: training.layout)
  for index in parameters.values.indices { parameters.values[index] = Float(index) }
  return parameters
}

private func tensors(_ files: [LanguageWeights.File], _ name: String) throws -> [String: (
  shape: [Int], values: [Float]
)] {
  let bytes = try #require(files.first { $0.name == name }).bytes
  let file = try SafetensorsFile(ReadOnlyFile(bytes: bytes, path: name))
  return Dictionary(uniqueKeysWithValues: try file.names.map { ($0, (file.tensor($0)!.shape, try file.floats($0))) })
}

private func configuration(_ files: [LanguageWeights.File]) throws -> JSONValue {
  try JSONValue(parsing: #require(files.first { $0.name == "adapter_config.json" }).bytes)
}

struct AdapterFilesTests {
  @Test("A decoder's adapters have peft's names, and A is the plan's where it is frozen")
  func decoder() throws {
    let recipe = AdapterRecipe(rank: 2, alpha: 8, targets: [.down, .query], dropout: 0.25)
    let training = LanguageTraining(
      shape: TinyModels.llama, method: .adapters, adapters: recipe, task: .generation, maximumTokens: 16, seed: 5)
    let files = AdapterFiles.files(counted(training), training: training, base: "base")
    #expect(files.map(\.name) == ["adapter_config.json", "adapter_model.safetensors"])
    let found = try tensors(files, "adapter_model.safetensors")
    let prefix = "base_model.model.model.layers"
    #expect(
      Set(found.keys)
        == Set(
          (0..<2).flatMap { layer in
            ["self_attn.q_proj", "mlp.down_proj"].flatMap { module in
              ["A", "B"].map { "\(prefix).\(layer).\(module).lora_\($0).weight" }
            }
          }))
    // The vector holds, of each layer, B of the query [32, 2] and then B of `down` [32, 2].
    #expect(found["\(prefix).1.self_attn.q_proj.lora_B.weight"]?.shape == [32, 2])
    #expect(found["\(prefix).1.self_attn.q_proj.lora_B.weight"]?.values == (128..<192).map(Float.init))
    #expect(found["\(prefix).0.mlp.down_proj.lora_B.weight"]?.values == (64..<128).map(Float.init))
    #expect(found["\(prefix).1.mlp.down_proj.lora_A.weight"]?.shape == [2, 64])
    let inputs = training.initialAdapterInputs()
    let range = try #require(inputs.layout.range(of: "layers.1.down.A"))
    #expect(found["\(prefix).1.mlp.down_proj.lora_A.weight"]?.values == Array(inputs.values[range]))

    let config = try configuration(files)
    #expect(config["target_modules"] == .array([.string("q_proj"), .string("down_proj")]))
    #expect(config["r"] == .number("2"))
    #expect(config["lora_alpha"] == .number("8"))
    #expect(config["lora_dropout"] == .number("0.25"))
    #expect(config["use_rslora"] == .bool(false))
    #expect(config["task_type"] == .string("CAUSAL_LM"))
    #expect(config["base_model_name_or_path"] == .string("base"))
  }

  @Test("An encoder's adapters belong to BertModel, trained A is the trained one, and the head stands beside")
  func encoder() throws {
    let recipe = AdapterRecipe(rank: 4, alpha: 1.5, targets: [.down, .value], trainA: true, rankStabilised: true)
    let training = LanguageTraining(
      shape: TinyModels.encoder, method: .adapters, adapters: recipe, task: .classification(labels: ["a", "b"]),
      maximumTokens: 8)
    let files = AdapterFiles.files(counted(training), training: training, base: "base")
    let found = try tensors(files, "adapter_model.safetensors")
    #expect(found.count == 8)
    // Of each layer: A [4, 32] and B [32, 4] of the value, A [4, 64] and B [32, 4] of `down`.
    let prefix = "base_model.model.encoder.layer"
    #expect(found["\(prefix).0.attention.self.value.lora_A.weight"]?.values == (0..<128).map(Float.init))
    #expect(found["\(prefix).0.output.dense.lora_A.weight"]?.values == (256..<512).map(Float.init))
    #expect(found["\(prefix).1.output.dense.lora_B.weight"]?.values == (1152..<1280).map(Float.init))
    let config = try configuration(files)
    #expect(
      config["target_modules"]
        == .string(#"(.*\.)?encoder\.layer\.\d+\.(attention\.self\.value|output\.dense)"#))
    #expect(config["lora_alpha"] == .number("1.5"))
    #expect(config["use_rslora"] == .bool(true))
    #expect(config["task_type"] == .string("FEATURE_EXTRACTION"))

    let head = try tensors(files, "head.safetensors")
    #expect(head["head.weight"]?.shape == [2, 32])
    #expect(head["head.weight"]?.values == (1280..<1344).map(Float.init))
    #expect(head["head.bias"]?.values == [1344, 1345])
  }
}
