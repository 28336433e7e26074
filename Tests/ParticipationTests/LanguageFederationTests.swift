import Bases
import Documents
import Federation
import Foundation
import Models
import Schemas
import SecureAggregation
import Testing

@testable import Participation

/// A base model small enough to train within a test: an encoder of words, with weights that follow from their places.
struct TinyBase {
  static let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "fine", "awful", "film", "book", "the", "a"]

  let path: String
  let shape: EncoderShape

  /// - Parameters:
  ///   - seed: Another seed is another model.
  ///   - intermediate: Decides how much memory training takes.
  init(in directory: String, seed: UInt64 = 1, intermediate: Int = 32) throws {
    path = "\(directory)/base-\(seed)"
    shape = EncoderShape(
      layers: 1, width: 16, heads: 2, intermediate: intermediate, vocabulary: Self.words.count, positions: 16)
    var generator = SplitMix64(state: seed)
    var values: [WeightName: [Float]] = [:]
    for weight in LanguageShape.encoder(shape).weights {
      let isNormGain = "\(weight.name)".lowercased().contains("gain")
      values[weight.name] = (0..<weight.shape.reduce(1, *)).map { _ in
        isNormGain ? 1 : Float.random(in: -0.4..<0.4, using: &generator)
      }
    }
    let weights = LanguageWeights(shape: .encoder(shape), pooling: .mean, values: values)
    for (name, bytes) in weights.huggingFaceFiles(as: .f32) { try write(name, bytes) }
    let vocabulary = Self.words.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
    try write(
      "tokenizer.json",
      Array(
        """
        {"version":"1.0","truncation":null,"padding":null,"added_tokens":[],
        "normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
        "pre_tokenizer":{"type":"BertPreTokenizer"},
        "post_processor":{"type":"BertProcessing","sep":["[SEP]",3],"cls":["[CLS]",2]},
        "decoder":{"type":"WordPiece","prefix":"##","cleanup":true},
        "model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":20,
        "vocab":{\(vocabulary)}}}
        """.utf8))
  }

  private func write(_ name: String, _ bytes: [UInt8]) throws {
    let file = URL(fileURLWithPath: "\(path)/\(name)")
    try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: file)
  }

  func plan(rounds: Int = 2, maximumTokens: Int = 8, method: String = "adapters") throws -> RunPlan {
    let text = """
      name: moods
      model:
        family: encoder
        base:
          name: tiny
          digest: "\(try LocalBase(path).digest)"
          layers: \(shape.layers)
          width: \(shape.width)
          heads: \(shape.heads)
          intermediate: \(shape.intermediate)
          vocabulary: \(shape.vocabulary)
          positions: \(shape.positions)
        method: \(method)
        \(method == "adapters" ? "adapters: {rank: 2, alpha: 4, targets: [query, value]}" : "precision: fp32")
        maximumTokens: \(maximumTokens)
      schema:
        text: [text]
        label: {name: mood, values: [bad, good]}
        fold: fold
      training: {optimizer: adamw, learningRate: 0.05, batchSize: 4}
      rounds: \(rounds)
      cohort: {size: 4, minimumSurvivors: 3, assumedColluders: 1}
      update: {clipNorm: 5.0, maximumWeight: 64}
      evaluation: {fold: 0}
      """
    let plan = try StrictYAML.decode(RunPlan.self, from: text, file: "plan.yaml")
    try plan.validate()
    return plan
  }

  /// 40 rows whose mood is that of their first word; a quarter is held out.
  static func rows(seed: UInt64) -> String {
    var generator = SplitMix64(state: seed)
    var lines = ["text,mood,fold"]
    for id in 0..<40 {
      let isGood = Bool.random(using: &generator)
      let mood = (isGood ? ["good", "fine"] : ["bad", "awful"]).randomElement(using: &generator)!
      let thing = ["the film", "a book", "the book", "a film"].randomElement(using: &generator)!
      lines.append("\(mood) \(thing),\(isGood ? "good" : "bad"),\(id % 4)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

@Suite("Nodes that federate a language model", .serialized)
struct LanguageFederationTests {
  private func federation(
    names: [String] = ["bay", "coast", "hill", "north"], intermediate: Int = 32,
    _ plan: (TinyBase) throws -> RunPlan = { try $0.plan() }
  ) async throws -> (TestFederation, TinyBase) {
    let directory = TestDirectory.make()
    let base = try TinyBase(in: directory, intermediate: intermediate)
    let federation = try await TestFederation(plan: try plan(base), names: names) {
      TinyBase.rows(seed: UInt64($0.utf8.reduce(0) { $0 + Int($1) }))
    }
    for node in federation.nodes { try node.home.addBase(base.path) }
    return (federation, base)
  }

  @Test("Four nodes and a coordinator without the base model train adapters by secure averaging")
  func wholeRun() async throws {
    let (federation, base) = try await federation { try $0.plan(rounds: 6) }
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()
    let coordinator = federation.coordinator
    #expect(await coordinator.standing == .finished)
    let records = await coordinator.machine.records
    #expect(records.map(\.kind) == Array(repeating: .update, count: 6) + [.evaluation])
    let before = try #require(records.first?.metrics)
    let after = try #require(records.last?.metrics)
    #expect(before.rows == 40 && after.rows == 40)  // a quarter of each node's 40
    // The head starts at zero: every class has the same probability.
    #expect(abs(try #require(before.meanLoss) - 0.693_147) < 1e-3)
    #expect(try #require(after.accuracy) > 0.9)
    #expect(try #require(after.meanLoss) < 0.4)

    let home = federation.nodes[0].home
    let history = try #require(try home.history().first)
    #expect(history.finished && history.federated?.rows == 10)
    #expect(history.local == nil)
    let last = try Checkpoint(decoding: try #require(await coordinator.blob(coordinator.model)))
    guard case .language(let checkpoint) = last else { throw ParticipationError.notLocked }
    #expect(checkpoint.base.digest == (try LocalBase(base.path).digest))
    // 1 layer × 2 targets × 16 × 2, and a head of 2 × 16 + 2: no weight of the base.
    #expect(checkpoint.parameters.values.count == 98)
  }

  @Test("The same rows and plan give the same bytes, on one thread and on two")
  func deterministic() throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let base = try TinyBase(in: directory)
    let file = "\(directory)/rows.csv"
    try TinyBase.rows(seed: 3).write(toFile: file, atomically: true, encoding: .utf8)
    let models = try [1, 2, nil].map { threads in
      try LocalTrainer.train(base.plan(), on: RowSource(data: file, bases: [base.path], threads: threads))
        .checkpoint.encoded()
    }
    #expect(models[0] == models[1] && models[1] == models[2])
  }

  @Test("Another base model is refused before anything is read with it, and the owner is told what was found")
  func otherBase() async throws {
    let (federation, base) = try await federation(names: ["bay"])
    defer { federation.remove() }
    let home = federation.nodes[0].home
    let other = try TinyBase(in: URL(fileURLWithPath: base.path).deletingLastPathComponent().path, seed: 2)
    var settings = try home.settings()
    settings.bases = [other.path]
    try home.save(settings)
    let error = #expect(throws: ParticipationError.self) { try Preview.make(plan: federation.plan, home: home) }
    #expect(
      error?.description
        == "\(other.path) is \(try LocalBase(other.path).digest), expected the base model tiny, "
        + (try LocalBase(base.path).digest))
    #expect(error?.hint?.contains("--base") == true)

    settings.bases = []
    try home.save(settings)
    try await federation.connectAll()
    try await federation.settle()
    #expect(await federation.coordinator.declined["bay"] == nil)  // one node alone is asked nothing yet
    let none = #expect(throws: ParticipationError.self) { try Preview.make(plan: federation.plan, home: home) }
    #expect(none?.description.hasPrefix("the base model tiny is needed") == true)

    // Both at hand: the right one is found.
    settings.bases = [other.path, base.path]
    try home.save(settings)
    #expect(try Preview.make(plan: federation.plan, home: home).model.parameters == 98)
  }

  @Test("A node without the memory for a step declines before training, and says how much it needs")
  func memory() async throws {
    // Two matrices of 32,768 × 16 in binary32 are 4 MiB.
    let (federation, _) = try await federation(intermediate: 32_768)
    defer { federation.remove() }
    let poor = federation.nodes[0]
    var settings = try poor.home.settings()
    settings.memoryMiB = 1
    try poor.home.save(settings)
    try await federation.connectAll()
    try await federation.settle()
    let declined = try poor.home.recordEntries().first { $0.event == .declined }?.note
    #expect(declined?.hasPrefix("training takes ") == true)
    #expect(declined?.hasSuffix(", and 1 MiB are free for it") == true)
    // It trains nothing and still measures the final model, which takes no gradients.
    let records = await federation.coordinator.machine.records
    #expect(records.map(\.kind) == [.update, .update, .evaluation])
    #expect(records.map(\.survivors.count) == [3, 3, 4])
    #expect(await federation.coordinator.standing == .finished)
    let preview = try Preview.make(plan: federation.plan, home: poor.home)
    #expect(try #require(preview.training).memoryBytes > 4 << 20)
    #expect(preview.training?.tokensPerSecond == nil)
    #expect(preview.description.contains("too little: this node will decline its rounds"))

    settings.memoryMiB = 1000
    try poor.home.save(settings)
    #expect(try Preview.make(plan: federation.plan, home: poor.home).description.contains("tokens/s"))
  }

  @Test("A preview counts tokens, what is truncated, duplicates and what leaves, and no round of statistics")
  func preview() async throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let base = try TinyBase(in: directory)
    let plan = try base.plan(rounds: 3, maximumTokens: 5)
    // Between [CLS] and [SEP]: 2, 3 and 5 words to train on, of which the last loses two; 1 held out.
    let csv = "text,mood,fold\ngood film,good,1\nbad the film,bad,1\nfine a book the film,good,1\nawful,bad,0\n,bad,1\n"
    let federation = try await TestFederation(plan: plan, names: ["bay"], allowed: false) { _ in csv }
    defer { federation.remove() }
    let home = federation.nodes[0].home
    try home.addBase(base.path)
    let preview = try Preview.make(plan: plan, home: home)
    let tokens = try #require(preview.rows.tokens)
    #expect(tokens.training == 4 + 5 + 5 && tokens.heldOut == 3 && tokens.longest == 5)
    #expect(tokens.truncated.firstLines == [4])
    #expect(preview.rows.dropped.map(\.reason) == [.textMissing])
    #expect(preview.rows.classes.map(\.training) == [1, 2])
    #expect(preview.leaving.map(\.kind) == ["update", "evaluation"])
    #expect(preview.leaving.map(\.rounds) == [3, 1])
    // 98 parameters padded to 128 at 24 bits; weight, rows, loss, correct and two histograms of 64 bins.
    #expect(preview.leaving.map(\.maskedBytes) == [128 * 3 + 132 * 4, 132 * 4])
    #expect(preview.training?.tokens == 14)
    let text = preview.description
    for words in ["base model", "tokens", "truncated", "no formal privacy", "Training on this machine"] {
      #expect(text.contains(words), "\(words)")
    }
  }

  @Test("A plan's recipe trains without a federation too, by the same steps")
  func alone() throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let base = try TinyBase(in: directory)
    let file = "\(directory)/rows.csv"
    try TinyBase.rows(seed: 3).write(toFile: file, atomically: true, encoding: .utf8)
    for method in ["adapters", "head", "full"] {
      let result = try LocalTrainer.train(
        base.plan(rounds: 12, method: method), on: RowSource(data: file, bases: [base.path]))
      #expect(result.isHeldOut && result.metrics.rows == 10)
      #expect(try #require(result.metrics.accuracy) >= 0.9, "\(method)")
    }
  }
}
