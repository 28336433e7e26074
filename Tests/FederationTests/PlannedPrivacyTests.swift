import Documents
import Federation
import Testing

@Suite("Formal privacy of plans")
struct PlannedPrivacyTests {
  private static let rules = ExamplePrivacy(clipNorm: 1, noise: .epsilon(8), delta: 1e-6)

  private func plan(_ privacy: String, overrides: [String] = []) throws -> RunPlan {
    let text = planText(more: "privacy: \(privacy)")
    return try StrictYAML.decode(
      RunPlan.self, from: text, file: "plan.yaml",
      overrides: ["evaluation.fold=0", "update.weights=uniform"] + overrides)
  }

  @Test("A target or a multiplier is read, travels as it is, and changes the digest")
  func reads() throws {
    let target = try plan("{unit: example, clipNorm: 1.0, epsilon: 8.0, delta: 0.000001}")
    #expect(target.privacy == .examples(Self.rules))
    try target.validate()
    #expect(try RunPlan(canonicalBytes: target.canonicalBytes) == target)
    let multiplier = try plan("{unit: example, mechanism: dpsgd, clipNorm: 1.0, noiseMultiplier: 1.1, delta: 0.000001}")
    #expect(multiplier.privacy == .examples(ExamplePrivacy(clipNorm: 1, noise: .multiplier(1.1), delta: 1e-6)))
    #expect(try RunPlan(canonicalBytes: multiplier.canonicalBytes) == multiplier)
    #expect(try plan("none").privacy == .none)
    #expect(try Set([target, multiplier, plan("none")].map { try $0.digest() }).count == 3)
    #expect(target.privacy.word == "example-dpsgd" && target.privacy.summary.contains("epsilon 8.0"))
    #expect(PlannedPrivacy.none.summary == "no formal privacy")
  }

  @Test(
    "What is no privacy is refused with the reason",
    arguments: [
      ("{unit: client, clipNorm: 1.0, epsilon: 8.0, delta: 0.000001}", "at least 200"),
      ("{unit: patient, clipNorm: 1.0, epsilon: 8.0, delta: 0.000001}", "example, client"),
      ("{unit: example, mechanism: laplace, clipNorm: 1.0, epsilon: 8.0, delta: 0.000001}", "dpsgd"),
      ("{unit: example, epsilon: 8.0, delta: 0.000001}", "clipNorm is missing"),
      ("{unit: example, clipNorm: 1.0, epsilon: 8.0}", "delta is missing"),
      ("{unit: example, clipNorm: 1.0, delta: 0.000001}", "either epsilon or noiseMultiplier"),
      (
        "{unit: example, clipNorm: 1.0, epsilon: 8.0, noiseMultiplier: 1.0, delta: 0.000001}",
        "either epsilon or noiseMultiplier"
      ),
      ("{unit: example, clipNorm: 1.0, epsilon: 8.0, delta: 0.000001, noise: 1.0}", "noise"),
      ("some", "expected none"),
    ])
  func refuses(privacy: String, reason: String) throws {
    let error = #expect(throws: DocumentError.self) { try plan(privacy) }
    #expect("\(try #require(error))".contains(reason))
  }

  @Test(
    "A plan that would tell more than its noise hides is refused, naming the key",
    arguments: [
      "update.weights=examples", "privacy.clipNorm=0", "privacy.delta=0.5", "privacy.delta=0", "privacy.epsilon=0",
      "privacy.epsilon=1000",
    ])
  func invalid(override: String) throws {
    let plan = try plan("{unit: example, clipNorm: 1.0, epsilon: 8.0, delta: 0.000001}", overrides: [override])
    let error = #expect(throws: FederationError.self) { try plan.validate() }
    #expect(error?.key == override.split(separator: "=").first.map(String.init))
  }

  @Test("Measures of rows that train have no noise: such a plan holds a fold out")
  func heldOut() throws {
    var plan = try plan("{unit: example, clipNorm: 1.0, epsilon: 8.0, delta: 0.000001}")
    plan.evaluation.fold = nil
    let error = #expect(throws: FederationError.self) { try plan.validate() }
    #expect(error?.key == "evaluation.fold")
  }
}
