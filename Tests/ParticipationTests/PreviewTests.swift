import Documents
import Federation
import Foundation
import SecureAggregation
import Testing

@testable import Participation

@Suite("Preview")
struct PreviewTests {
  /// Ten rows: 4 of fold 0, a label missing in line 4, one not declared in line 5, a pressure that is a missing code in
  /// line 6, an age out of range in line 7, line 9 equal to line 8, and line 11 (held out) equal to line 10 in its columns.
  private static let rows = """
    id,age,pressure,pain,sick,fold
    1,50,120,none,0,0
    2,61,130,some,1,0
    3,40,110,none,,1
    4,40,110,none,2,1
    5,45,0,strong,1,1
    6,145,100,none,0,1
    7,70,160,strong,1,2
    8,70,160,strong,1,2
    9,33,105,none,0,3
    10,33,105,none,0,0

    """

  @Test("What comes is the first model whole and each later one as the plan has it travel")
  func arriving() async throws {
    var plan = TestPlan.plan(rounds: 3)
    let federation = try await TestFederation(plan: plan, names: ["bay"], allowed: false) { _ in Self.rows }
    defer { federation.remove() }
    let home = federation.nodes[0].home
    // Six parameters of four bytes, and three rounds: 4 × 24 bytes whole.
    let whole = try Preview.make(plan: plan, home: home)
    #expect(whole.arriving.totalBytes == 96)
    #expect(whole.description.contains("24 B whole at first, then 24 B whole"))
    // Eight bits each and one scale: 24 + 3 × (6 + 4).
    plan.compression.down = .int8
    let deltas = try Preview.make(plan: plan, home: home)
    #expect(deltas.arriving.totalBytes == 54)
    #expect(deltas.description.contains("24 B whole at first, then at most 10 B as int8 deltas"))
    #expect(deltas.description.contains("at most 54 B in 4 models"))
  }

  @Test("Rows, duplicates, sizes and caveats are those counted by hand")
  func numbers() async throws {
    let plan = TestPlan.plan(rounds: 3)
    let federation = try await TestFederation(plan: plan, names: ["bay"], allowed: false) { _ in Self.rows }
    defer { federation.remove() }
    let preview = try Preview.make(plan: plan, home: federation.nodes[0].home)

    #expect(preview.rows.rowsRead == 10)
    #expect(preview.rows.rowsUsed == 8)
    #expect(preview.rows.trainingRows == 5)
    #expect(preview.rows.heldOutRows == 3)
    #expect(preview.rows.dropped.map(\.reason) == [.labelMissing, .labelUnknown])
    #expect(preview.rows.dropped.map(\.tally.firstLines) == [[4], [5]])
    #expect(preview.rows.columns[0].outOfRange.firstLines == [7])
    #expect(preview.rows.columns[1].missing.firstLines == [6])
    #expect(preview.rows.duplicates.withinTraining.firstLines == [9])
    #expect(preview.rows.duplicates.heldOutSeenInTraining.firstLines == [11])
    #expect(preview.rows.classes.map(\.training) == [2, 3])
    #expect(preview.rows.classes.map(\.heldOut) == [2, 1])

    // Inputs: age, pressure and three values of pain; a logistic regression adds one bias.
    #expect(preview.model.inputs == 5)
    #expect(preview.model.parameters == 6)
    // n = 4, c = 1: t = ⌊5/2⌋ + 1.
    #expect(preview.cohort.threshold == 3)
    #expect(preview.cohort.hiddenAmong == 2)
    #expect(preview.caveats.contains("no formal privacy; 2 others hide you"))
    #expect(
      preview.caveats.contains { $0.hasPrefix("no peers are listed in policy.yaml: the coordinator alone vouches") })
    #expect(preview.caveats.contains { $0.contains("a weight is static") })
    #expect(preview.caveats.contains { $0.hasPrefix("1 held-out rows stand among the training rows too") })

    // counts: 2 × 3 columns × 8 bytes. moments: 2 × 2 numbers × 8. update: 6 coordinates padded to 8 at 24 bits, and a tail
    // of weight, rows, loss, correct and 2 × 64 bins at 4 bytes. evaluation: the tail alone.
    #expect(preview.leaving.map(\.kind) == ["counts", "moments", "update", "evaluation"])
    #expect(preview.leaving.map(\.rounds) == [1, 1, 3, 1])
    #expect(preview.leaving.map(\.maskedBytes) == [48, 32, 24 + 132 * 4, 132 * 4])
    #expect(preview.leaving.map(\.bitsPerLane) == [64, 64, 24, 0])
    #expect(preview.plan.digest == (try plan.digest()))
    #expect(preview.plan.template == (try plan.digest(leavingFree: ["evaluation.fold"])))
    #expect(!preview.plan.allowed)
    #expect(
      preview.plan.hint
        == "tributary policy allow \(try plan.digest(leavingFree: ["evaluation.fold"])) --free evaluation.fold, "
        + "or this one plan: tributary policy allow \(try plan.digest())")
    #expect(preview.description.contains("10 B") == false)
    #expect(preview.description.contains("0: 2 + 2, 1: 3 + 1"))
  }

  @Test("A node's own key on the list of peers makes no peer known")
  func ownKeyAmongPeers() async throws {
    let plan = TestPlan.plan(rounds: 3)
    let federation = try await TestFederation(plan: plan, names: ["bay"], allowed: false) { _ in Self.rows }
    defer { federation.remove() }
    let home = federation.nodes[0].home
    try home.addPeer(fingerprint: try home.fingerprint(), name: "bay")
    let alone = try Preview.make(plan: plan, home: home)
    #expect(alone.cohort.knownPeers == 0)
    #expect(alone.caveats.contains { $0.hasPrefix("no peers are listed in policy.yaml") })

    let other = try IdentitySigner(seed: [UInt8](repeating: 9, count: 32)).publicKey
    try home.addPeer(fingerprint: other.fingerprint, name: "coast")
    let known = try Preview.make(plan: plan, home: home)
    #expect(known.cohort.knownPeers == 1)
    #expect(!known.caveats.contains { $0.hasPrefix("no peers are listed in policy.yaml") })
  }

  @Test("A file that does not fit the schema is told before anything leaves", arguments: ["missing", "ragged"])
  func broken(what: String) async throws {
    let federation = try await TestFederation(names: ["bay"], allowed: false) { _ in
      "id,age,pressure,pain,sick,fold\n1\n"
    }
    defer { federation.remove() }
    if what == "missing" { try FileManager.default.removeItem(atPath: "\(federation.directory)/bay.csv") }
    let error = #expect(throws: ParticipationError.self) {
      try Preview.make(plan: federation.plan, home: federation.nodes[0].home)
    }
    let message = what == "missing" ? "bay.csv: no such file" : "bay.csv:2: 1 fields, but the header has 6"
    #expect(error?.description.hasSuffix(message) == true)
  }

  @Test(
    "No integer of a plan traps, in YAML or in JSON: the plan is refused, or its preview can be worked out",
    arguments: [
      "rounds", "cohort.size", "cohort.minimumSurvivors", "cohort.assumedColluders", "cohort.deadlineSeconds",
      "update.maximumWeight", "evaluation.fold", "seed", "training.batchSize", "training.epochs", "model.hidden",
      "update.clipNorm", "update.targetError", "server.learningRate", "training.learningRate", "training.momentum",
      "training.weightDecay",
    ])
  func extremes(key: String) throws {
    for number in ["\(Int.max)", "\(Int.min)", "4294967296", "-1", "0", "1e308", "-1e308", "5e-324", ".nan", ".inf"] {
      let value = key == "model.hidden" ? "[\(number), \(number)]" : number
      let yaml = try? StrictYAML.decode(
        RunPlan.self, from: TestPlan.text(), file: "plan.yaml", overrides: ["\(key)=\(value)"])
      if let plan = yaml, (try? plan.validate()) != nil {
        #expect(try RunPlan(canonicalBytes: plan.canonicalBytes).digest() == plan.digest())
        #expect(LeavingRound.rounds(of: plan).count >= 4)
      }
      // The same number as a coordinator would send it.
      if let plan = try? RunPlan(canonicalBytes: json(of: TestPlan.plan(), with: value, at: key)) {
        #expect(LeavingRound.rounds(of: plan).count >= 4)
      }
    }
  }

  private func json(of plan: RunPlan, with value: String, at key: String) throws -> [UInt8] {
    var object = try #require(try JSONSerialization.jsonObject(with: Data(plan.canonicalBytes)) as? [String: Any])
    let parts = key.split(separator: ".").map(String.init)
    if var inner = object[parts[0]] as? [String: Any] {
      inner[parts[1]] = "@"
      object[parts[0]] = inner
    } else {
      object[parts[0]] = "@"
    }
    let text = String(decoding: try JSONSerialization.data(withJSONObject: object), as: UTF8.self)
    return Array(text.replacingOccurrences(of: "\"@\"", with: value).utf8)
  }

  @Test(
    "No number of a schema traps",
    arguments: ["[1, 0]", "[0, 0]", "[-1e308, 1e308]", "[.nan, 1]", "[0, .inf]", "[0]", "[]"])
  func schemaExtremes(range: String) throws {
    let text = TestPlan.text().replacingOccurrences(of: "range: [0, 100]", with: "range: \(range)")
    #expect(throws: (any Error).self) {
      try StrictYAML.decode(RunPlan.self, from: text, file: "plan.yaml").validate()
    }
  }
}
