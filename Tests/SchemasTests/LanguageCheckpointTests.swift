import Schemas
import Tensors
import Testing

@Suite("Checkpoints of language models")
struct LanguageCheckpointTests {
  static let shape = LanguageShape.encoder(
    EncoderShape(layers: 1, width: 4, heads: 2, intermediate: 8, vocabulary: 10, positions: 16))

  static func genesis() -> LanguageCheckpoint {
    let label = TableSchema.Label(name: "mood", values: ["bad", "good"])
    return .genesis(
      planDigest: "sha256:plan", schema: TextSchema(text: ["text"], target: .label(label), ignore: ["owner"]),
      base: BaseReference(name: "tiny", digest: "sha256:" + String(repeating: "0", count: 64)),
      training: LanguageTraining(
        shape: shape, method: .adapters, adapters: .init(rank: 2, alpha: 4, targets: [.query]),
        task: .classification(labels: label.values), maximumTokens: 16, seed: 3))
  }

  @Test("A checkpoint comes back as it was, with equal bytes, and holds no weight of the base model")
  func roundTrip() throws {
    var checkpoint = Self.genesis()
    checkpoint.parameters.values[0] = 0.5
    let bytes = checkpoint.encoded()
    #expect(try Checkpoint(decoding: bytes) == .language(checkpoint))
    #expect(try Checkpoint(decoding: bytes).encoded() == bytes)
    let file = try Safetensors(decoding: bytes)
    #expect(file.tensors.map(\.name) == ["layers.0.query.B", "head.weight", "head.bias"])
    #expect(file.metadata["tributary.format"] == "encoder/1")
    #expect(
      file.metadata.keys.sorted() == [
        "tributary.base", "tributary.format", "tributary.plan", "tributary.schema", "tributary.training",
      ])
  }

  @Test("Parts that do not fit each other are refused")
  func broken() throws {
    let whole = try Safetensors(decoding: Self.genesis().encoded())
    func refused(_ change: (inout Safetensors) -> Void) -> String? {
      var file = whole
      change(&file)
      do {
        _ = try Checkpoint(decoding: file.encoded())
        return nil
      } catch { return "\(error)" }
    }
    for key in whole.metadata.keys { #expect(refused { $0.metadata[key] = nil } != nil, "\(key)") }
    #expect(refused { $0.metadata["tributary.format"] = "decoder/1" }?.contains("another family") == true)
    #expect(refused { $0.metadata["tributary.format"] = "speech/1" }?.contains("expected one of table/1") == true)
    #expect(refused { $0.metadata["tributary.training"] = "{}" } != nil)
    #expect(refused { $0.metadata["tributary.training"]?.replace("\"good\"", with: "\"better\"") } != nil)
    #expect(refused { $0.metadata["tributary.base"]?.replace("sha256:", with: "md5:") } != nil)
    #expect(refused { $0.tensors.removeLast() }?.contains("tensors are not those of the training") == true)
    #expect(refused { $0.tensors.swapAt(0, 1) } != nil)
  }

  @Test("What a model computes does not depend on what it is called, and does on every number of it")
  func function() throws {
    let here = Checkpoint.language(Self.genesis()).functionBytes
    func function(_ change: (inout LanguageCheckpoint) -> Void) -> [UInt8] {
      var other = Self.genesis()
      change(&other)
      return Checkpoint.language(other).functionBytes
    }
    #expect(function { $0.planDigest = "another" } == here)
    #expect(function { $0.base.name = "renamed" } == here)
    #expect(function { $0.schema.ignore = [] } == here)
    #expect(function { $0.training.precision = .bf16 } == here)
    #expect(function { $0.training.adapters?.dropout = 0.5 } == here)
    #expect(function { $0.training.task = .classification(labels: ["x", "y"]) } == here)
    #expect(function { $0.parameters.values[0] = 1e-9 } != here)
    #expect(function { $0.training.seed = 4 } != here)
    #expect(function { $0.training.adapters?.alpha = 5 } != here)
    #expect(function { $0.base.digest = "sha256:" } != here)
  }

  @Test("An update of another layout is refused")
  func otherLayout() {
    #expect(throws: SchemaError.self) {
      try Self.genesis().replacing(parameters: Parameters(layout: ParameterLayout([("x", [1])])))
    }
  }
}
