import Federation
import Foundation
import Identities
import Models
import Schemas
import SecureAggregation
import Testing
import Wire

@testable import Participation

@Suite("A node's side of the rounds")
struct RoundTests {
  @Test("Four nodes that allow the plan finish a run, and every node remembers it and keeps no secret of a round")
  func wholeRun() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()

    #expect(await federation.coordinator.standing == .finished)
    for node in federation.nodes {
      #expect(try node.home.rounds().isEmpty)
      let history = try #require(try node.home.history().first)
      #expect(history.finished)
      #expect(history.roundsClosed == 5)  // counts, moments, two updates, evaluation
      #expect(history.heldOut)
      #expect(history.federated?.rows == 10)  // a quarter of 40
      #expect(history.model == (await federation.coordinator.model))
      let record = try node.home.recordEntries()
      #expect(record.count { $0.event == .shared } == 5)
      #expect(record.count { $0.event == .opened && $0.participants == ["bay", "coast", "hill", "north"] } == 5)
      #expect(record.count { $0.event == .closed } == 5)
    }
  }

  /// The models that an undisturbed run ends and begins its training with.
  private static let undisturbed = Task {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 1))
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()
    return try await Self.models(of: federation.coordinator)
  }

  private static func models(of coordinator: TestCoordinator) async throws -> (first: Digest, last: [Float]) {
    let last = try TableCheckpoint(decoding: try #require(await coordinator.blob(coordinator.model)))
    return (await coordinator.machine.closes[1].close.modelOut, try #require(last.parameters).values)
  }

  /// The rotation's signs differ from run to run, so an update is rounded elsewhere on the grid. Four nodes are off by less
  /// than a step of s = 4 · 5 / 2²³ in each of 8 coordinates, the mean by √8 · 4s · 32 / 120 with weights of 30 of 32, and two
  /// runs by twice that: 1.5e-5.
  private static func differ(_ one: [Float], _ other: [Float]) -> Float {
    zip(one, other).map { abs($0 - $1) }.max() ?? .infinity
  }

  @Test(
    "A node that dies at any message repeats the same bytes, and the model is the one of an undisturbed run",
    arguments: TestCoordinator.Call.allCases, TestCoordinator.Fault.allCases)
  func restart(call: TestCoordinator.Call, fault: TestCoordinator.Fault) async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 1))
    defer { federation.remove() }
    let once = OncePerRound()
    await federation.coordinator.setFault { found, name, kind in
      found == call && name == "coast" && once.first(kind) ? fault : nil
    }
    try await federation.connectAll()
    try await federation.settle()

    #expect(await federation.coordinator.standing == .finished)
    let expected = try await Self.undisturbed.value
    let found = try await Self.models(of: federation.coordinator)
    #expect(found.first == expected.first)
    #expect(Self.differ(found.last, expected.last) < 1.5e-5)
    let sent = await federation.coordinator.sent.filter { $0.name == "coast" }
    for (place, messages) in Dictionary(grouping: sent, by: { "\($0.roundID) \($0.call)" }) {
      #expect(Set(messages).count == 1, "\(place) was sent with different bytes")
      // After the last message of a round is in, its repetition is overtaken by the close.
      if place.hasSuffix(call.rawValue), fault == .before { #expect(messages.count == 2) }
    }
  }

  @Test("A node whose rows change between two uploads of one round leaves it rather than send a second vector")
  func changedUpload() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    await federation.coordinator.setFault { call, name, kind in
      call == .submitUpload && name == "coast" && kind == .moments ? .before : nil
    }
    try await federation.connectAll()
    let coast = federation.nodes[1]
    let uploads = { await federation.coordinator.sent.filter { $0.call == .submitUpload && $0.name == "coast" } }
    while await uploads().count < 2 {
      for node in federation.nodes { try await node.step() }
    }
    try TestPlan.rows(seed: 1).write(
      toFile: "\(federation.directory)/coast.csv", atomically: true, encoding: .utf8)
    await federation.coordinator.setFault { _, _, _ in nil }
    try await coast.step()

    #expect(await uploads().count == 2)  // of the counts, and of the moments before the change
    #expect(await federation.coordinator.declined["coast"] != nil)
  }

  @Test("A plan that is not allowed is declined with the line to type, and taken up once the owner has allowed it")
  func notAllowed() async throws {
    let federation = try await TestFederation(allowed: false)
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.nodes[0].step()

    let digest = try federation.plan.digest()
    #expect(
      try federation.nodes[0].activity
        == .waitingForOwner(
          reason: "the policy does not allow plan \(digest)",
          hint: "see what would leave with tributary preview, then: tributary policy allow \(digest)"))
    #expect(await federation.coordinator.declined["bay"] == "the policy does not allow plan \(digest)")
    #expect(await federation.coordinator.sent.isEmpty)

    for node in federation.nodes {
      try node.home.allow(digest.description)
      node.token = ""
    }
    try await federation.settle()
    #expect(await federation.coordinator.standing == .finished)
  }

  @Test(
    "Rows that cannot be read are told to the owner and to the coordinator, and nothing about them leaves",
    arguments: [
      ("", "no such file"), ("id,age,pressure,pain,sick,fold\n1,2\n", "2 fields, but the header has 6"),
      ("id,age,pressure,pain,sick,fold,extra\n", "column \"extra\" is not in the schema"),
      ("id,age,pressure,pain,sick,fold\n", "no row is left to train on"),
    ])
  func brokenRows(text: String, message: String) async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    let file = "\(federation.directory)/bay.csv"
    if text.isEmpty {
      try FileManager.default.removeItem(atPath: file)
    } else {
      try text.write(toFile: file, atomically: true, encoding: .utf8)
    }
    try await federation.connectAll()
    try await federation.nodes[0].step()

    guard case .waitingForOwner(let reason, _) = try federation.nodes[0].activity else {
      Issue.record("the node does not wait for its owner")
      return
    }
    #expect(reason.contains(message))
    #expect(await federation.coordinator.sent.isEmpty)
    try await federation.settle()  // the other three go on
    #expect(await federation.coordinator.standing == .finished)
  }

  @Test("A round whose signed plan is not what the run's plan gives is refused")
  func otherNumbers() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    let signer = federation.coordinator.signer
    await federation.coordinator.setTamper { _, instruction in
      guard case .advertise(let signed, let runPlan) = instruction.step else { return instruction }
      var plan = signed.plan
      plan.maximumLost = 2
      var changed = instruction
      changed.step = .advertise(try! SignedRoundPlan(plan, signer: signer), runPlan: runPlan)
      return changed
    }
    try await federation.connectAll()
    try await federation.nodes[0].step()
    #expect(
      await federation.coordinator.declined["bay"]
        == "the round differs from the plan that it names: its numbers are not those of the plan")
  }

  @Test("A node shares nothing with a roster of too few known peers, or with a known name under another key")
  func knownPeers() async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 1))
    defer { federation.remove() }
    let (bay, coast, hill) = (federation.nodes[0], federation.nodes[1], federation.nodes[2])
    let stranger = try IdentitySigner().publicKey
    try bay.home.addPeer(fingerprint: stranger.fingerprint)
    try bay.home.changePolicy { $0.minimumKnownPeers = 1 }
    try coast.home.addPeer(fingerprint: stranger.fingerprint, name: "hill")
    try hill.home.addPeer(fingerprint: bay.peer.key.fingerprint, name: "bay")
    try hill.home.changePolicy { $0.minimumKnownPeers = 1 }
    try await federation.connectAll()
    for _ in 0..<2 { for node in federation.nodes { try await node.step() } }

    let declined = await federation.coordinator.declined
    #expect(
      declined == [
        "bay": "0 participants of this round are known peers, and the policy asks for at least 1",
        "coast": "hill came with another key than the one in policy.yaml",
      ])
    let sharers = await federation.coordinator.sent.filter { $0.call == .submitShares }.map(\.name)
    #expect(Set(sharers) == ["hill", "north"])
  }

  @Test("A second roster for one round locks the node until its owner resumes, and its secrets of the round are gone")
  func attack() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    try await federation.connectAll()
    let bay = federation.nodes[0]
    while await !federation.coordinator.sent.contains(where: { $0.call == .submitShares && $0.name == "bay" }) {
      for node in federation.nodes { try await node.step() }
    }
    let roster = try #require(try bay.home.rounds().first?.averaging.roster)
    await federation.coordinator.setTamper { name, instruction in
      guard name == "bay" else { return instruction }
      var second = instruction
      second.step = .share(Roster(roster.adverts.dropLast()))
      return second
    }
    bay.token = ""
    try await bay.step()

    #expect(try bay.home.ledger().attack?.error == .secondRoster)
    #expect(try bay.home.rounds().isEmpty)
    #expect(await federation.coordinator.declined["bay"] != nil)
    #expect(try NodeStatus(of: bay.home).locked != nil)

    // The others finish this round; the node takes part in none until it is resumed.
    await federation.coordinator.setTamper { $1 }
    try await federation.settle()
    #expect(await federation.coordinator.standing == .finished)
    #expect(await federation.coordinator.sent.count { $0.call == .submitUpload && $0.name == "bay" } == 0)

    let what = try bay.home.resume()
    #expect(what.hasPrefix("round 1 of run run-1"))
    #expect(try bay.home.ledger().attack == nil)
    #expect(throws: ParticipationError.notLocked) { try bay.home.resume() }
    let record = try bay.home.recordEntries()
    #expect(record.contains { $0.event == .locked })
    #expect(record.contains { $0.event == .resumed && $0.note == what })
  }

  @Test("A peer that comes back with another key locks the node and is named; its owner may forget the old key")
  func changedPeer() async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 1))
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()

    // Another node is enrolled as coast.
    let home = NodeHome(path: "\(federation.directory)/second-coast")
    let signer = federation.coordinator.signer
    try await TestFederation.enrol(
      home, name: "coast", authority: federation.authority, coordinator: signer.publicKey)
    try home.setData(file: "\(federation.directory)/coast.csv")
    try home.allow(try federation.plan.digest().description)
    let again = try TestCoordinator(plan: federation.plan, run: "run-2", signer: signer, firstRound: 100)
    let homes = [federation.nodes[0].home, home, federation.nodes[2].home, federation.nodes[3].home]
    let nodes = try homes.map { try TestNode($0, coordinator: again) }
    for node in nodes { try await again.connect(node.peer) }
    try await federation.settle(nodes)

    let bay = federation.nodes[0].home
    #expect(try bay.ledger().attack?.error == .peerChanged("coast"))
    #expect(await again.sent.allSatisfy { $0.name == "coast" || $0.call == .advertise })
    try bay.resume(forgetting: "coast")
    #expect(try bay.ledger().pins["coast"] == nil)
    #expect(try bay.ledger().attack == nil)
  }

  @Test("Statistics are answered once per rows and schema: another roster is refused until the owner allows it")
  func statisticsOnce() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()
    #expect(await federation.coordinator.standing == .finished)

    // The same plan again, without north: the difference of the sums would be north's own.
    let again = try TestCoordinator(
      plan: federation.plan, run: "run-2", signer: federation.coordinator.signer, firstRound: 100)
    let three = try federation.nodes.prefix(3).map { try TestNode($0.home, coordinator: again) }
    for node in three { try await again.connect(node.peer) }
    try await federation.settle(three)
    #expect(await again.sent.filter { $0.call != .advertise }.isEmpty)
    let question = try #require(try three[0].home.retryQuestion())
    #expect(question.reveals == [["north"]])
    #expect(question.kind == "counts")
    #expect(await again.declined["bay"]?.contains("it can reveal the sum over north") == true)

    #expect(question.permission.survivors == nil)
    let other = Digest(sha256: [1])
    #expect(throws: ParticipationError.otherQuestion(asked: other, waiting: question.digest)) {
      try three[0].home.allowRetry(other.description)
    }
    for node in three {
      let question = try #require(try node.home.retryQuestion())
      #expect(try node.home.allowRetry(question.digest.description) == question)
      #expect(try node.home.retryQuestion() == nil)
      #expect(throws: ParticipationError.nothingToRetry) { try node.home.allowRetry(question.digest.description) }
      node.token = ""
      try await node.step()
    }
    #expect(await again.sent.filter { $0.call == .submitShares }.count == 3)

    // The yes was to the roster. The set is another question, which names the same three now that they are known.
    try await federation.settle(three)
    #expect(await again.sent.filter { $0.call == .confirm }.isEmpty)
    let second = try #require(try three[0].home.retryQuestion())
    #expect(second.permission.survivors == question.permission.roster)
    #expect(second.digest != question.digest)
    for node in three {
      try node.home.allowRetry(try #require(try node.home.retryQuestion()).digest.description)
      node.token = ""
      try await node.step()
    }
    #expect(await again.sent.filter { $0.call == .confirm }.count == 3)
  }

  @Test("The same roster may run the same plan again")
  func sameRosterAgain() async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 1))
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()
    let again = try TestCoordinator(
      plan: federation.plan, run: "run-2", signer: federation.coordinator.signer, firstRound: 100)
    let nodes = try federation.nodes.map { try TestNode($0.home, coordinator: again) }
    for node in nodes { try await again.connect(node.peer) }
    try await federation.settle(nodes)
    #expect(await again.standing == .finished)
    let (first, second) = (try await Self.models(of: federation.coordinator), try await Self.models(of: again))
    #expect(first.first == second.first)
    #expect(Self.differ(first.last, second.last) < 1.5e-5)
  }

  @Test("A node that was away takes in the closes that it missed and joins the next round")
  func absence() async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 3))
    defer { federation.remove() }
    let three = Array(federation.nodes.prefix(3))
    for node in three { try await federation.coordinator.connect(node.peer) }
    var late = false
    var isBusy = true
    while isBusy {
      isBusy = false
      for node in late ? federation.nodes : three where try await node.step() { isBusy = true }
      if !late, await federation.coordinator.machine.roundsClosed == 3 {
        late = true
        try await federation.coordinator.connect(federation.nodes[3].peer)
      }
    }
    #expect(await federation.coordinator.standing == .finished)
    let history = try #require(try federation.nodes[3].home.history().first)
    #expect(history.roundsClosed == 6)
    #expect(try federation.nodes[3].home.recordEntries().contains { $0.event == .opened })
  }

  @Test("A run of more epochs in all than one training may have has a local model too")
  func longLocalModel() throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try TestPlan.rows(seed: 1).write(toFile: "\(directory)/rows.csv", atomically: true, encoding: .utf8)
    let plan = TestPlan.plan(rounds: 501)  // of two epochs each
    let rows = try RowSource(data: "\(directory)/rows.csv").read(plan)
    let randomness = LocalRandomness(
      nodeSecret: Secret([UInt8](repeating: 9, count: 32)), trainer: .zero, modelIn: .zero)
    let model = try LocalModel.train(plan: plan, rows: rows, randomness: randomness)
    #expect(try #require(try LocalModel.lanes(model, rows: rows).accuracy) > 0.5)
  }

  @Test("The local model is trained on the node's own rows alone, and measured on the same rows as the federated one")
  func localModel() async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 1))
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()
    let home = federation.nodes[0].home
    let rows = try RowSource(data: "\(federation.directory)/bay.csv").read(federation.plan)
    let randomness = LocalRandomness(
      nodeSecret: try home.nodeSecret(), trainer: try federation.plan.digest(), modelIn: .zero)
    try await LocalComparison(run: "run-1", plan: federation.plan, rows: rows, randomness: randomness)
      .carryOut(home: home)
    let history = try #require(try home.history().first)
    #expect(history.local?.rows == 10)
    #expect(history.local?.rows == history.federated?.rows)
    let status = "\(try NodeStatus(of: home))"
    #expect(status.contains("local      "))
    #expect(status.contains("10 of your own held-out rows (too few rows to say much)"))
  }
}

/// Says yes the first time that it is asked about a kind of round.
final class OncePerRound: @unchecked Sendable {
  private var seen: Set<RoundKind> = []
  private let lock = NSLock()

  func first(_ kind: RoundKind) -> Bool { lock.withLock { seen.insert(kind).inserted } }
}
