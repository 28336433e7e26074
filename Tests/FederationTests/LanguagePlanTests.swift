import Documents
import Federation
import Schemas
import SecureAggregation
import Tensors
import Testing

/// A plan over the texts of a small encoder; `lines` come after it.
func encoderPlanText(
  model: String = "method: adapters\n  adapters: {rank: 2, alpha: 4, targets: [value, query]}",
  target: String = "label: {name: mood, values: [bad, good, neither]}", more lines: String = ""
) -> String {
  """
  name: moods
  model:
    family: encoder
    base:
      name: tiny
      digest: "sha256:\(String(repeating: "ab", count: 32))"
      layers: 2
      width: 8
      heads: 2
      intermediate: 16
      vocabulary: 30
      positions: 32
    \(model)
    maximumTokens: 16
  schema:
    text: [title, body]
    \(target)
    fold: fold
    ignore: [owner]
  training: {optimizer: adamw, learningRate: 0.001, batchSize: 4}
  rounds: 3
  cohort: {size: 4}
  update: {clipNorm: 5.0, maximumWeight: 4096}
  \(lines)
  """
}

@Suite("Plans of language models")
struct LanguagePlanTests {
  private func decoderText(target: String = "answer: definition") -> String {
    encoderPlanText(target: target)
      .replacing("family: encoder", with: "family: decoder")
      .replacing("heads: 2\n", with: "heads: 2\n    keyValueHeads: 1\n    headWidth: 4\n")
  }

  @Test("An encoder's and a decoder's plan read back from their canonical bytes as they were, defaults filled in")
  func canonical() throws {
    for text in [
      encoderPlanText(), encoderPlanText(model: "method: head"), encoderPlanText(model: "method: full"),
      encoderPlanText(target: "score: {name: rating, range: [-4, 4]}"), decoderText(),
    ] {
      let original = try plan(text)
      try original.validate()
      let bytes = try original.canonicalBytes
      #expect(try RunPlan(canonicalBytes: bytes) == original)
      #expect(String(decoding: bytes, as: UTF8.self).contains(#""normEpsilon":"#))
    }
    let defaults = try plan(encoderPlanText())
    let written = try plan(
      encoderPlanText(
        model: "method: adapters\n  precision: fp32\n  adapters: {rank: 2, alpha: 4.0, targets: [value, query], "
          + "dropout: 0, trainA: false, rankStabilised: false}"))
    #expect(try defaults.digest() == written.digest())
  }

  @Test("The canonical bytes of a table's plan are those that they were before there were other families")
  func tablesStay() throws {
    let bytes = try plan(planText(), overrides: ["evaluation.fold=2"]).canonicalBytes
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == #"{"averaging":"secure","cohort":{"assumedColluders":1,"deadlineSeconds":120,"minimumSurvivors":3,"size":4},"#
        + #""evaluation":{"fold":2},"model":{"activation":"relu","family":"table","hidden":[]},"name":"hearts","#
        + #""privacy":"none","rounds":3,"schema":{"columns":[{"missing":[],"name":"age","range":[20,100],"#
        + #""type":"number"},{"missing":[],"name":"sex","type":"category","values":["female","male"]}],"fold":"fold","#
        + #""ignore":[],"label":{"name":"sick","values":["0","1"]}},"seed":0,"server":{"learningRate":1},"#
        + #""training":{"batchSize":0,"epochs":1,"learningRate":0.5,"momentum":0,"optimizer":"sgd","weightDecay":0},"#
        + #""update":{"clipNorm":5,"maximumWeight":4096,"targetError":0.001,"weights":"examples"}}"#)
  }

  @Test(
    "A mistake names its key",
    arguments: [
      ("model.base.heads=3", "model.base.heads: 3 heads do not divide the width 8"),
      ("model.base.digest=sha256:12", "model.base.digest: expected sha256: and 64"),
      ("model.maximumTokens=33", "model.maximumTokens: expected 2 to the model's 32, found 33"),
      ("model.adapters.rank=0", "model.adapters.rank: expected 1 to 1024, found 0"),
      ("model.adapters.targets=[gate]", "model.adapters.targets: encoder models have no \"gate\""),
      ("schema.text=[]", "schema.text: expected 1 to 16 columns, found 0"),
      ("schema.fold=body", "schema.fold: \"body\" is named twice in the schema"),
    ])
  func mistakes(override: String, problem: String) throws {
    let plan = try plan(encoderPlanText(), overrides: [override])
    let error = #expect(throws: FederationError.self) { try plan.validate() }
    #expect("\(try #require(error))".hasPrefix("invalid plan: \(problem)"))
    #expect(error?.key == String(override.prefix { $0 != "=" }))
  }

  @Test("An encoder writes no answers, a decoder gives no labels, and a schema has one target")
  func targets() throws {
    let writing = try plan(encoderPlanText(target: "answer: definition"))
    #expect(throws: FederationError.self) { try writing.validate() }
    let labelling = try plan(decoderText(target: "label: {name: mood, values: [bad, good]}"))
    #expect(throws: FederationError.self) { try labelling.validate() }
    for target in ["answer: a\n  label: {name: mood, values: [bad, good]}", "ignore: []"] {
      let text = encoderPlanText(target: target).replacing("ignore: [owner]", with: "")
      let error = #expect(throws: DocumentError.self) { try plan(text) }
      #expect("\(try #require(error))".contains("expected one of label, score and answer"))
    }
  }

  @Test("A key of another family, or of none, is an error with its line")
  func unknownKeys() throws {
    for (key, line) in [("hidden: [4]", 14), ("rank: 8", 14)] {
      let error = #expect(throws: DocumentError.self) { try plan(encoderPlanText(model: "method: head\n  \(key)")) }
      #expect("\(try #require(error))".hasPrefix("plan.yaml:\(line)"), "\(error!)")
    }
    let inBase = encoderPlanText().replacing("    heads: 2\n", with: "    heads: 2\n    keyValueHeads: 1\n")
    #expect(throws: DocumentError.self) { try plan(inBase) }
  }

  @Test("No statistics come before the first update, and the genesis follows from the plan: B and the head are zero")
  func genesis() throws {
    let plan = try plan(encoderPlanText(more: "seed: 9"))
    #expect(plan.roundsTotal == 4)
    #expect((0..<5).map { plan.kind(after: $0) } == [.update, .update, .update, .evaluation, nil])
    guard case .language(let genesis) = try plan.genesis() else { throw FederationError.noRound(run: "") }
    #expect(genesis.parameters.layout.entries.map(\.name).prefix(2) == ["layers.0.query.B", "layers.0.value.B"])
    // 2 layers × 2 targets × 8 × 2, and a head of 3 × 8 + 3.
    #expect(genesis.parameters.values == [Float](repeating: 0, count: 91))
    #expect(genesis.training.seed == 9)
    #expect(try Checkpoint(decoding: plan.genesis().encoded()) == plan.genesis())
    #expect(plan.largestCheckpoint >= (try plan.genesis().encoded().count))
  }

  @Test("A checkpoint of another base, another training or another schema is found")
  func different() throws {
    let plan = try plan(encoderPlanText())
    guard case .language(let genesis) = try plan.genesis() else { throw FederationError.noRound(run: "") }
    func difference(_ change: (inout LanguageCheckpoint) -> Void) throws -> String? {
      var other = genesis
      change(&other)
      return try plan.difference(from: .language(other))
    }
    #expect(try difference { $0.parameters.values[0] = 1 } == nil)
    #expect(try difference { $0.planDigest = "another" } == "its model is of another plan")
    #expect(try difference { $0.schema.ignore = [] } == "its model is of another plan")
    #expect(try difference { $0.base.digest = "sha256:" } == "its model has another base")
    #expect(try difference { $0.training.seed = 1 } == "its model is trained in another way")
    #expect(try difference { $0.training.adapters?.alpha = 8 } == "its model is trained in another way")
    let columns = [TableSchema.Column(name: "age", kind: .number(range: 0...1, missing: []))]
    let schema = TableSchema(columns: columns, label: .init(name: "sick", values: ["0", "1"]))
    let table = Checkpoint.table(.genesis(planDigest: try plan.digest().description, schema: schema))
    #expect(try plan.difference(from: table) == "its model is of another plan")
    #expect(!plan.model.family.isReady(table, for: .update))
    #expect(!plan.model.family.isReady(try plan.genesis(), for: .counts))
  }

  @Test("A run of scripted participants goes from the genesis to its end without a round of statistics")
  func run() throws {
    // A norm that clips nobody: updates of 91 parameters go up to half of the index 3 each.
    let plan = try plan(encoderPlanText(), overrides: ["update.clipNorm=20"])
    var world = try RunWorld(plan: plan, participants: 4)
    try world.runUntilQuiet()
    #expect(world.machine.standing == .finished)
    #expect(world.machine.records.map(\.kind) == [.update, .update, .update, .evaluation])
    guard case .language(let last) = try world.finalModel else { throw FederationError.noRound(run: "") }
    // Everyone goes half the way to its own index in each round; the weights are 10 to 13 rows.
    let target: Double = (11 + 24 + 39) / 46
    let expected = 0.875 * target
    let farthest = last.parameters.values.map { abs(Double($0) - expected) }.max() ?? .infinity
    #expect(farthest < 1e-2)
    #expect(world.machine.records.last?.metrics?.rows == 80)
  }
}
