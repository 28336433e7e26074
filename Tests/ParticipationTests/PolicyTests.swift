import Documents
import Federation
import Foundation
import SecureAggregation
import Testing

@testable import Participation

@Suite("The owner's policy")
struct PolicyTests {
  private func allowing(_ plan: RunPlan, free: [String] = []) throws -> NodePolicy {
    NodePolicy(plans: [.init(digest: try plan.digest(leavingFree: free), free: free)])
  }

  /// A home as enrolment begins one.
  private static func home(_ directory: String) throws -> NodeHome {
    let home = NodeHome(path: directory)
    try home.makeDirectories()
    try home.save(NodeSettings(name: "bay", coordinator: "127.0.0.1:1", authority: String(repeating: "0", count: 64)))
    return home
  }

  @Test("A new policy allows no plan")
  func nothing() throws {
    let plan = TestPlan.plan()
    #expect(try NodePolicy.allowingNothing.refusal(of: plan) == .planNotAllowed(digest: plan.digest()))
  }

  @Test("A plan is allowed by its own digest and by no other plan's")
  func digests() throws {
    let policy = try allowing(TestPlan.plan())
    #expect(try policy.refusal(of: TestPlan.plan()) == nil)
    #expect(try policy.refusal(of: TestPlan.plan(rounds: 3)) != nil)
    #expect(try policy.refusal(of: TestPlan.plan(fold: 1)) != nil)
  }

  @Test("A template allows every value of its free keys and no other change")
  func templates() throws {
    let policy = try allowing(TestPlan.plan(), free: ["evaluation.fold"])
    for fold in 0..<5 { #expect(try policy.refusal(of: TestPlan.plan(fold: fold)) == nil) }
    #expect(try policy.refusal(of: TestPlan.plan(rounds: 3)) != nil)
  }

  @Test("A plan outside the owner's bounds is refused for that reason, although its digest is allowed")
  func bounds() throws {
    let plan = TestPlan.plan()  // minimumSurvivors 3, assumedColluders 1, clipNorm 5
    var policy = try allowing(plan)
    policy.minimumCohort = 4
    #expect(try policy.refusal(of: plan) == .cohortTooSmall(plan: 3, policy: 4))
    policy = try allowing(plan)
    policy.assumedColluders = 2
    #expect(try policy.refusal(of: plan) == .tooFewColluders(plan: 1, policy: 2))
    policy = try allowing(plan)
    policy.maximumClipNorm = 4.5
    #expect(try policy.refusal(of: plan) == .clipNormTooLarge(plan: 5, policy: 4.5))
  }

  @Test("Every bound of the policy reaches the averaging protocol")
  func averaging() throws {
    let key = try IdentitySigner().publicKey
    let policy = NodePolicy(
      minimumCohort: 5, assumedColluders: 2, maximumClipNorm: 3, maximumBits: 16, peers: [.init(fingerprint: key)],
      minimumKnownPeers: 1)
    #expect(
      policy.averaging
        == AveragingPolicy(
          minimumSurvivors: 5, assumedColluders: 2, maximumClipNorm: 3, lowestBits: 8, highestBits: 16, peers: [key],
          minimumKnownPeers: 1))
  }

  @Test("join writes a policy that allows nothing and explains every key, and its text decodes to that policy")
  func firstText() throws {
    let text = PolicyText(.allowingNothing).text
    #expect(try StrictYAML.decode(NodePolicy.self, from: text, file: "policy.yaml") == .allowingNothing)
    #expect(text.contains("plans: []\n"))
    #expect(text.hasPrefix("# What this node may take part in."))
  }

  @Test("A command rewrites the key that it changes and leaves the owner's comments and other keys alone")
  func commentsStay() throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let home = try Self.home(directory)
    let mine = """
      # My own words.
      plans:
        - {digest: "sha256:\(String(repeating: "a", count: 64))"}
      # After the plans.
      minimumCohort: 4   # four hospitals
      assumedColluders: 0
      maximumClipNorm: 100.0
      maximumBits: 32
      minimumKnownPeers: 0
      peers: []

      """
    try mine.write(toFile: "\(directory)/policy.yaml", atomically: true, encoding: .utf8)
    try home.allow(String(repeating: "b", count: 64), free: ["evaluation.fold"])
    try home.addPeer(fingerprint: "ed25519:" + String(repeating: "c", count: 64), name: "north")

    let text = try String(contentsOfFile: "\(directory)/policy.yaml", encoding: .utf8)
    #expect(
      text == """
        # My own words.
        plans:
          - {digest: "sha256:\(String(repeating: "a", count: 64))"}
          - {digest: "sha256:\(String(repeating: "b", count: 64))", free: [evaluation.fold]}
        # After the plans.
        minimumCohort: 4   # four hospitals
        assumedColluders: 0
        maximumClipNorm: 100.0
        maximumBits: 32
        minimumKnownPeers: 0
        peers:
          - {name: "north", fingerprint: "ed25519:\(String(repeating: "c", count: 64))"}

        """)
    let policy = try home.policy()
    #expect(policy.plans.map(\.free) == [[], ["evaluation.fold"]])
    #expect(policy.minimumCohort == 4)
    #expect(policy.peers.map(\.name) == ["north"])

    try home.disallow(String(repeating: "a", count: 64))
    #expect(try home.policy().plans.count == 1)
    #expect(throws: ParticipationError.planNotListed("sha256:" + String(repeating: "a", count: 64))) {
      try home.disallow(String(repeating: "a", count: 64))
    }
  }

  @Test(
    "A policy that could not mean anything is refused with the key",
    arguments: [
      ("minimumCohort: 2", "minimumCohort is 2, expected at least 3"), ("maximumBits: 40", "maximumBits is 40"),
      ("minimumKnownPeers: 1", "minimumKnownPeers is 1, and peers lists 0"), ("plan: []", "plan"),
      ("maximumClipNorm: -1", "maximumClipNorm"),
    ])
  func malformed(text: String, message: String) throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let home = try Self.home(directory)
    try (text + "\n").write(toFile: "\(directory)/policy.yaml", atomically: true, encoding: .utf8)
    let error = #expect(throws: ParticipationError.self) { try home.policy() }
    #expect(error?.description.contains(message) == true)
  }

  @Test("What an owner types wrongly is named", arguments: ["abc", "sha256:12", ""])
  func typing(text: String) {
    let home = NodeHome(path: "/nowhere")
    #expect(throws: ParticipationError.notADigest(text)) { try home.allow(text) }
    #expect(throws: ParticipationError.notAFingerprint(text)) { try home.addPeer(fingerprint: text) }
  }

  @Test("Only keys that choose among the owner's own rows, or name the run, can be left free")
  func freeKeys() throws {
    let error = #expect(throws: ParticipationError.self) {
      try NodeHome(path: "/nowhere").allow(String(repeating: "a", count: 64), free: ["update.clipNorm"])
    }
    #expect(error?.description == "the key update.clipNorm cannot be left free in a plan template")
  }

  @Test("A policy that is cut short anywhere allows nothing that the whole one does not")
  func cutShort() throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let home = try Self.home(directory)
    let key = try IdentitySigner().publicKey
    let plan = TestPlan.plan()
    let whole = NodePolicy(
      plans: [.init(digest: try plan.digest(leavingFree: ["evaluation.fold"]), free: ["evaluation.fold"])],
      minimumCohort: 30, assumedColluders: 12, maximumClipNorm: 20, maximumBits: 16,
      peers: [.init(fingerprint: key), .init(fingerprint: try IdentitySigner().publicKey)], minimumKnownPeers: 2)
    let lines = PolicyText(whole).text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    let text = Array((lines.joined(separator: "\n") + "\n").utf8)
    var read = 0
    for length in 0..<text.count {
      try Data(text[..<length]).write(to: URL(fileURLWithPath: "\(directory)/policy.yaml"))
      guard let policy = try? home.policy() else { continue }
      #expect(policy.plans.isEmpty || policy == whole, "the first \(length) bytes allow more")
      read += 1
    }
    #expect(read > 0)
    try Data(text).write(to: URL(fileURLWithPath: "\(directory)/policy.yaml"))
    #expect(try home.policy() == whole)
  }

  @Test(
    "A policy that names plans states every bound, and the missing one is named with what to write",
    arguments: [
      "minimumCohort", "assumedColluders", "maximumClipNorm", "maximumBits", "peers", "minimumKnownPeers",
    ])
  func missing(key: String) throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let home = try Self.home(directory)
    let text = PolicyText(try allowing(TestPlan.plan())).text
    let cut = text.split(separator: "\n").filter { !$0.hasPrefix(key + ":") }.joined(separator: "\n") + "\n"
    try cut.write(toFile: "\(directory)/policy.yaml", atomically: true, encoding: .utf8)
    let error = #expect(throws: ParticipationError.self) { try home.policy() }
    #expect(error?.description.contains("\(key) is missing") == true)
    #expect(error?.hint?.contains("\(key): ") == true)
  }

  @Test("A free key that no template has is named in the file, with the nearest that there is")
  func wrongFreeKey() throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let home = try Self.home(directory)
    let text = PolicyText(try allowing(TestPlan.plan(), free: ["evaluation.fold"])).text
    try text.replacingOccurrences(of: "free: [evaluation.fold]}", with: "free: [evaluation.folds]}")
      .write(toFile: "\(directory)/policy.yaml", atomically: true, encoding: .utf8)
    let error = #expect(throws: ParticipationError.self) { try home.policy() }
    #expect(error?.description.contains("free names \"evaluation.folds\"") == true)
    #expect(error?.hint == "did you mean \"evaluation.fold\"?")
  }

  @Test("Changes of two commands at once are both kept")
  func concurrentChanges() async throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    _ = try Self.home(directory)
    let keys = try (0..<24).map { _ in try IdentitySigner().publicKey.fingerprint }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for key in keys {
        group.addTask { try await offPool { try NodeHome(path: directory).addPeer(fingerprint: key) } }
      }
      try await group.waitForAll()
    }
    #expect(Set(try NodeHome(path: directory).policy().peers.map(\.fingerprint.fingerprint)) == Set(keys))
    #expect(OwnedFile.names(in: directory).filter { $0.contains(".new") }.isEmpty)
  }
}
