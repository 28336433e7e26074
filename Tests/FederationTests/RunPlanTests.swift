import Documents
import Federation
import Schemas
import SecureAggregation
import Testing

/// A small plan as an operator writes it; `lines` come after it.
func planText(name: String = "hearts", cohort: String = "{size: 4}", more lines: String = "") -> String {
  """
  name: \(name)
  model: {family: table}
  schema:
    columns:
      - {name: age, type: number, range: [20, 100]}
      - {name: sex, type: category, values: [female, male]}
    label: {name: sick, values: ["0", "1"]}
    fold: fold
  training: {optimizer: sgd, learningRate: 0.5}
  rounds: 3
  cohort: \(cohort)
  update: {clipNorm: 5.0, maximumWeight: 4096}
  \(lines)
  """
}

func plan(_ text: String, overrides: [String] = []) throws -> RunPlan {
  try StrictYAML.decode(RunPlan.self, from: text, file: "plan.yaml", overrides: overrides)
}

@Suite("Run plans")
struct RunPlanTests {
  @Test("Defaults follow the specification: c = ⌊n/5⌋ but at least 1 from n = 4, t = ⌊(n+c)/2⌋+1, nMin = max(3, t)")
  func defaults() throws {
    for (size, colluders, survivors) in [(3, 0, 3), (4, 1, 3), (5, 1, 4), (10, 2, 7), (20, 4, 13), (100, 20, 61)] {
      let cohort = try plan(planText(cohort: "{size: \(size)}")).cohort
      #expect(cohort.assumedColluders == colluders)
      #expect(cohort.minimumSurvivors == survivors)
    }
  }

  @Test("A default written out leaves the digest as it is")
  func digestOfDefaults() throws {
    let short = try plan(planText())
    let long = try plan(
      planText(more: "averaging: secure\nprivacy: none\nseed: 0\nserver: {learningRate: 1.0}\nevaluation: {}"))
    #expect(try short.digest() == long.digest())
    #expect(try short.digest() != plan(planText(), overrides: ["rounds=4"]).digest())
  }

  @Test("A template with a free fold names every fold's plan and no other plan")
  func template() throws {
    let folds = try (0..<3).map { try plan(planText(), overrides: ["evaluation.fold=\($0)"]) }
    let templates = try folds.map { try $0.digest(leavingFree: ["evaluation.fold"]) }
    #expect(Set(templates).count == 1)
    #expect(try Set(folds.map { try $0.digest() }).count == 3)
    let faster = try plan(planText(), overrides: ["evaluation.fold=0", "training.learningRate=0.9"])
    #expect(try faster.digest(leavingFree: ["evaluation.fold"]) != templates[0])
    #expect(try folds[0].digest(leavingFree: ["evaluation.fold", "seed"]) != templates[0])
  }

  @Test("A key that would widen what leaves cannot be left free")
  func guardedKeys() throws {
    let plan = try plan(planText())
    #expect(throws: FederationError.keyNotFree("update.clipNorm")) {
      try plan.digest(leavingFree: ["update.clipNorm"])
    }
  }

  @Test("The canonical bytes read back as the same plan, and refuse what is not a plan")
  func canonicalBytes() throws {
    let original = try plan(planText(), overrides: ["evaluation.fold=2"])
    let bytes = try original.canonicalBytes
    #expect(try RunPlan(canonicalBytes: bytes) == original)
    #expect(throws: FederationError.self) { try RunPlan(canonicalBytes: Array("{\"name\":".utf8)) }
    let extended = [UInt8](
      String(decoding: bytes, as: UTF8.self).replacing("{\"", with: "{\"zeta\":1,\"", maxReplacements: 1).utf8)
    #expect(throws: FederationError.self) { try RunPlan(canonicalBytes: extended) }
  }

  @Test(
    "A plan that no cohort could carry out is refused",
    arguments: [
      "cohort.size=2", "cohort.size=256", "cohort.minimumSurvivors=2", "cohort.minimumSurvivors=5",
      "cohort.assumedColluders=-1", "rounds=0", "update.clipNorm=0", "update.clipNorm=5e-324", "update.clipNorm=1e308",
      "update.maximumWeight=0", "update.targetError=2",
      "server.learningRate=0", "training.learningRate=-1", "name=Not A Name",
    ])
  func refused(override: String) throws {
    let plan = try plan(planText(), overrides: [override])
    #expect(throws: FederationError.self) { try plan.validate() }
  }

  @Test(
    "The largest and the smallest integers are refused, in every place of a plan",
    arguments: [
      "cohort.size", "cohort.assumedColluders", "cohort.minimumSurvivors", "cohort.deadlineSeconds", "rounds",
      "update.maximumWeight", "evaluation.fold", "training.epochs", "training.batchSize",
    ], [Int.max, Int.min])
  func extremes(key: String, number: Int) throws {
    let plan = try plan(planText(), overrides: ["\(key)=\(number)"])
    #expect(throws: FederationError.self) { try plan.validate() }
  }

  @Test("A network of more parameters than any checkpoint may hold is refused")
  func tooLargeNetwork() throws {
    let plan = try plan(planText(), overrides: ["model.hidden=[65536, 65536]"])
    let error = #expect(throws: FederationError.self) { try plan.validate() }
    #expect("\(try #require(error))".contains("model.hidden"))
  }

  @Test("A threshold above the cohort is refused as impossible")
  func impossibleThreshold() throws {
    let plan = try plan(planText(cohort: "{size: 4, assumedColluders: 3, minimumSurvivors: 4}"))
    #expect(throws: FederationError.impossibleThreshold(threshold: 4, size: 4, colluders: 3)) { try plan.validate() }
  }

  @Test("Averaging is secure or clear, and an unknown word is refused with the known ones")
  func clearAveraging() throws {
    let error = #expect(throws: DocumentError.self) { try plan(planText(more: "averaging: open")) }
    #expect("\(try #require(error))".contains("secure, clear"))
    #expect(try plan(planText()).clearFormat == nil)
    #expect(try plan(planText(more: "averaging: clear")).clearFormat == .rotated)
    let sparse = "averaging: clear\ncompression: {up: sparse, keep: 0.01, down: int8}"
    let found = try plan(planText(more: sparse))
    try found.validate()
    #expect(found.clearFormat == .sparse(part: 0.01))
    #expect(found.compression.down == .int8)
    #expect(try RunPlan(canonicalBytes: found.canonicalBytes) == found)
  }

  @Test(
    "Compression that the averaging does not have is refused by key",
    arguments: [
      ("compression: {up: sparse}", "compression.up"),
      ("averaging: clear\ncompression: {keep: 0.1}", "compression.keep"),
      ("averaging: clear\ncompression: {up: sparse, keep: 0}", "compression.keep"),
    ])
  func impossibleCompression(text: String, key: String) throws {
    let plan = try plan(planText(more: text))
    let error = #expect(throws: FederationError.self) { try plan.validate() }
    #expect(error?.key == key)
  }

  @Test("Uniform weights count every participant once, example weights stop at the maximum")
  func weights() throws {
    let examples = try plan(planText())
    #expect(examples.weight(exampleCount: 300) == 300)
    #expect(examples.weight(exampleCount: 9000) == 4096)
    var uniform = examples
    uniform.update.weights = .uniform
    #expect(uniform.weight(exampleCount: 300) == 1)
    #expect(uniform.maximumWeight == 1)
  }
}
