import Foundation
import Schemas
import Testing

/// Two layers of width 8: small enough to count by hand.
let smallEncoder = EncoderShape(
  layers: 2, width: 8, heads: 2, intermediate: 12, vocabulary: 30, positions: 16, tokenTypes: 2)
let smallDecoder = DecoderShape(
  layers: 2, width: 8, heads: 4, keyValueHeads: 2, headWidth: 4, intermediate: 12, vocabulary: 30, positions: 16)

private func training(
  _ shape: LanguageShape = .encoder(smallEncoder), _ method: LanguageTraining.Method = .adapters,
  adapters: AdapterRecipe? = AdapterRecipe(rank: 3, alpha: 6, targets: [.value, .query]),
  task: LanguageTask = .classification(labels: ["no", "yes"]), maximumTokens: Int = 16, seed: UInt64 = 7
) -> LanguageTraining {
  LanguageTraining(
    shape: shape, method: method, adapters: adapters, task: task, maximumTokens: maximumTokens, seed: seed)
}

private func decoded<T: Decodable>(_ type: T.Type, _ text: String) throws -> T {
  try JSONDecoder().decode(type, from: Data(text.utf8))
}

struct LanguageShapeTests {
  @Test("A shape reads from its configuration's numbers, names its family, and comes back from its own text")
  func decodes() throws {
    let encoder = try decoded(
      LanguageShape.self,
      #"{"family": "encoder", "layers": 2, "width": 8, "heads": 2, "intermediate": 12, "vocabulary": 30, "positions": 16}"#
    )
    #expect(encoder == .encoder(smallEncoder))
    let decoder = try decoded(
      LanguageShape.self,
      #"""
      {"family": "decoder", "layers": 2, "width": 8, "heads": 4, "keyValueHeads": 2, "headWidth": 4, "intermediate": 12,
       "vocabulary": 30, "positions": 16}
      """#)
    #expect(decoder == .decoder(smallDecoder))
    for shape in [encoder, decoder] {
      #expect(try JSONDecoder().decode(LanguageShape.self, from: JSONEncoder().encode(shape)) == shape)
      #expect(throws: Never.self) { try shape.validate() }
    }
    #expect(throws: DecodingError.self) { try decoded(LanguageShape.self, #"{"family": "table"}"#) }
    #expect(throws: DecodingError.self) { try decoded(LanguageShape.self, #"{"family": "encoder", "layers": 1}"#) }
  }

  @Test("Dimensions that make no model are refused with their place")
  func refuses() {
    func problem(_ change: (inout EncoderShape) -> Void) -> String? {
      var shape = smallEncoder
      change(&shape)
      do {
        try LanguageShape.encoder(shape).validate()
        return nil
      } catch { return error.description }
    }
    #expect(problem { _ in } == nil)
    #expect(problem { $0.heads = 3 } == "model.base.heads: 3 heads do not divide the width 8")
    #expect(problem { $0.layers = 0 } == "model.base.layers: expected 1 to 256, found 0")
    #expect(problem { $0.width = .max } != nil)
    #expect(problem { $0.vocabulary = -1 } != nil)
    #expect(problem { $0.normEpsilon = 0 } != nil)
    #expect(problem { $0.normEpsilon = .nan } != nil)
    #expect(
      problem {
        $0.layers = 256
        $0.width = 65536
        $0.heads = 1024
        $0.intermediate = 1 << 18
      } != nil)

    func decoderProblem(_ change: (inout DecoderShape) -> Void) -> String? {
      var shape = smallDecoder
      change(&shape)
      do {
        try LanguageShape.decoder(shape).validate()
        return nil
      } catch { return error.description }
    }
    #expect(decoderProblem { _ in } == nil)
    #expect(decoderProblem { $0.keyValueHeads = 3 } == "model.base.keyValueHeads: 3 do not divide the 4 heads")
    #expect(decoderProblem { $0.headWidth = 3 } != nil)
    #expect(decoderProblem { $0.ropeBase = .infinity } != nil)
    #expect(decoderProblem { $0.positions = 0 } != nil)
  }

  @Test("Targets have the dimensions of the matrices they stand for, and an encoder has no gate")
  func dimensions() throws {
    let encoder = LanguageShape.encoder(smallEncoder)
    #expect(encoder.dimensions(of: .gate) == nil)
    #expect(try #require(encoder.dimensions(of: .up)) == (12, 8))
    #expect(try #require(encoder.dimensions(of: .down)) == (8, 12))
    let decoder = LanguageShape.decoder(smallDecoder)
    #expect(try #require(decoder.dimensions(of: .query)) == (16, 8))
    #expect(try #require(decoder.dimensions(of: .key)) == (8, 8))
    #expect(try #require(decoder.dimensions(of: .output)) == (8, 16))
    #expect(try #require(decoder.dimensions(of: .gate)) == (12, 8))
  }
}

struct LanguageTrainingTests {
  @Test("The vector of adapters goes layer by layer, target by target, then the head")
  func layout() {
    let frozen = training().layout
    #expect(
      frozen.entries.map(\.name) == [
        "layers.0.query.B", "layers.0.value.B", "layers.1.query.B", "layers.1.value.B", "head.weight", "head.bias",
      ])
    #expect(frozen.entries.map(\.shape) == [[8, 3], [8, 3], [8, 3], [8, 3], [2, 8], [2]])
    let both = training(adapters: AdapterRecipe(rank: 3, alpha: 6, targets: [.down], trainA: true)).layout
    #expect(both.entries.prefix(2).map(\.name) == ["layers.0.down.A", "layers.0.down.B"])
    #expect(both.entries.prefix(2).map(\.shape) == [[3, 12], [8, 3]])
    let generation = training(.decoder(smallDecoder), task: .generation).layout
    #expect(generation.entries.map(\.shape) == [[16, 3], [8, 3], [16, 3], [8, 3]])
    #expect(
      training(.encoder(smallEncoder), .head, adapters: nil).layout.entries.map(\.name) == ["head.weight", "head.bias"])
  }

  @Test("Full fine-tuning counts as many parameters as the network has")
  func full() {
    let layout = training(.encoder(smallEncoder), .full, adapters: nil, task: .regression(range: -4...4)).layout
    // Embeddings (30 + 16 + 2) · 8 and their norm; per layer four 8 × 8 and one 12 × 8 and one 8 × 12 with biases, and
    // two norms; a head of one output.
    let perLayer = 4 * (64 + 8) + (96 + 12) + (96 + 8) + 2 * 16
    #expect(layout.count == 48 * 8 + 16 + 2 * perLayer + 9)
    #expect(layout.entries.first?.name == "embeddings.token" && layout.entries.last?.name == "head.bias")
    #expect(Set(layout.entries.map(\.name)).count == layout.entries.count)
  }

  @Test("A run starts at zero, but for A: uniform within 1/√inputs, from the seed, the same trained or frozen")
  func initialParameters() {
    #expect(training().initialParameters().values.allSatisfy { $0 == 0 })
    let inputs = training().initialAdapterInputs()
    #expect(inputs.layout.entries.map(\.name).prefix(2) == ["layers.0.query.A", "layers.0.value.A"])
    #expect(inputs == training().initialAdapterInputs() && inputs != training(seed: 8).initialAdapterInputs())
    let bound = Float(1 / 8.0.squareRoot())
    #expect(inputs.values.allSatisfy { abs($0) <= bound } && inputs.values.contains { abs($0) > 0.8 * bound })
    // The first draw of SplitMix64's published sequence for this seed, its upper 24 bits as a number in [0, 1).
    let unit = Double(6_457_827_717_110_365_317 >> 40) / Double(1 << 24)
    #expect(training(seed: 1_234_567).initialAdapterInputs().values[0] == Float((2 * unit - 1) / 8.0.squareRoot()))

    let both = training(adapters: AdapterRecipe(rank: 3, alpha: 6, targets: [.query, .value], trainA: true))
    let start = both.initialParameters()
    for entry in inputs.layout.entries {
      let range = start.layout.range(of: entry.name)!
      #expect(start.values[range] == inputs.values[entry.offset..<entry.offset + entry.count])
    }
    #expect(start.values.filter { $0 != 0 }.count == inputs.values.filter { $0 != 0 }.count)
  }

  @Test("The scale of an adapter is α/rank, or α/√rank when rank-stabilised")
  func scale() {
    #expect(AdapterRecipe(rank: 4, alpha: 6, targets: [.query]).scale == 1.5)
    #expect(AdapterRecipe(rank: 4, alpha: 6, targets: [.query], rankStabilised: true).scale == 3)
  }

  @Test("Optional keys have their defaults, and a training comes back from its own text")
  func decodes() throws {
    let text = #"""
      {"shape": {"family": "encoder", "layers": 2, "width": 8, "heads": 2, "intermediate": 12, "vocabulary": 30,
       "positions": 16}, "adapters": {"rank": 3, "alpha": 6, "targets": ["value", "query"]},
       "task": {"type": "classification", "labels": ["no", "yes"]}, "maximumTokens": 16, "seed": 7}
      """#
    #expect(try decoded(LanguageTraining.self, text) == training())
    for task in [LanguageTask.regression(range: -4...4), .generation, .classification(labels: ["a", "b", "c"])] {
      let value = training(task: task)
      #expect(try JSONDecoder().decode(LanguageTraining.self, from: JSONEncoder().encode(value)) == value)
    }
  }

  @Test(
    "A range that goes backwards is an error and no trap", arguments: ["[3, 1]", "[1, 1]", "[1]", "[]", "[1, 2, 3]"])
  func badRange(range: String) {
    #expect(throws: DecodingError.self) {
      try decoded(LanguageTask.self, #"{"type": "regression", "range": \#(range)}"#)
    }
  }

  @Test("What cannot be trained is refused with its place")
  func refuses() {
    func problem(_ training: LanguageTraining) -> String? {
      do {
        try training.validate()
        return nil
      } catch { return error.description }
    }
    func adapters(_ change: (inout AdapterRecipe) -> Void) -> LanguageTraining {
      var recipe = AdapterRecipe(rank: 3, alpha: 6, targets: [.query])
      change(&recipe)
      return training(adapters: recipe)
    }
    let encoder = LanguageShape.encoder(smallEncoder)
    let decoder = LanguageShape.decoder(smallDecoder)
    #expect(problem(training()) == nil)
    #expect(problem(training(decoder, task: .generation)) == nil)
    #expect(problem(training(encoder, .full, adapters: nil)) == nil)
    #expect(problem(training(adapters: nil)) == "model.adapters: the method `adapters` needs them")
    #expect(problem(training(encoder, .full)) == "model.adapters: the method `full` has none")
    #expect(problem(training(encoder, task: .generation)) == "model.task.type: an encoder does not generate")
    #expect(problem(training(decoder)) == "model.task.type: a decoder is trained to generate")
    #expect(problem(training(decoder, .full, adapters: nil, task: .generation)) != nil)
    #expect(problem(training(decoder, .head, adapters: nil, task: .generation)) != nil)
    #expect(problem(training(task: .classification(labels: ["one"]))) != nil)
    #expect(problem(training(task: .classification(labels: ["a", "a"]))) != nil)
    #expect(problem(training(task: .regression(range: 0...(.infinity)))) != nil)
    #expect(problem(training(maximumTokens: 17)) == "model.maximumTokens: expected 2 to the model's 16, found 17")
    #expect(problem(adapters { $0.rank = 0 }) == "model.adapters.rank: expected 1 to 1024, found 0")
    #expect(problem(adapters { $0.alpha = .nan }) != nil)
    #expect(problem(adapters { $0.dropout = 1 }) != nil)
    #expect(problem(adapters { $0.targets = [] }) != nil)
    #expect(problem(adapters { $0.targets = [.query, .query] }) == "model.adapters.targets: a target occurs twice")
    #expect(problem(adapters { $0.targets = [.gate] }) == "model.adapters.targets: encoder models have no \"gate\"")
    var huge = smallEncoder
    huge.vocabulary = 1 << 20
    huge.width = 1024
    #expect(problem(training(.encoder(huge), .full, adapters: nil)) != nil)
  }
}
