import Federation
import Foundation
import Schemas
import SecureAggregation
import Tensors
import Testing
import Wire

@testable import Participation

@Suite("What a node refuses from a coordinator that does not follow its plan")
struct CoordinatorAttackTests {
  @Test("A model with another network than the plan's is refused, whatever the closes say")
  func otherNetwork() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    var forgery = try await Forgery(federation)
    var checkpoint = try forgery.trained()
    let wide = NetworkShape(
      inputs: checkpoint.network!.inputs, hidden: [1000], activation: .relu,
      classes: forgery.plan.table.schema.classCount)
    checkpoint.network = wide
    checkpoint.parameters = wide.initialParameters(seed: 1)
    try await forgery.close(with: checkpoint.encoded())
    try await federation.nodes[0].handle(try forgery.advertise(.update, from: checkpoint))

    #expect(
      await federation.coordinator.declined["bay"]
        == "the round differs from the plan that it names: its model has another network")
    #expect(await federation.coordinator.sent.isEmpty)
  }

  @Test("A model that keeps a column of too few hospitals is refused")
  func otherColumns() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    var forgery = try await Forgery(federation)
    let counts = ColumnCounts(present: [120, 30, 120], contributors: [4, 1, 4])
    let checkpoint = try forgery.plan.tableGenesis().applying(counts: counts, minimumContributors: 1)
    try await forgery.close(with: checkpoint.encoded())
    try await federation.nodes[0].handle(try forgery.advertise(.moments, from: checkpoint))

    #expect(
      await federation.coordinator.declined["bay"]
        == "the round differs from the plan that it names: its model keeps other columns than the counts leave")
    #expect(await federation.coordinator.sent.isEmpty)
  }

  @Test("A node that was told another close than the others takes no part in a round whose grid follows from theirs")
  func splitCloses() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    // Round 3 is the first update after counts and moments, and its close the first that sets a grid.
    await federation.coordinator.alterCloses { name, close in
      if name == "bay", close.roundID == 3, close.outcome == .done { close.meanNorm *= 0.01 }
    }
    try await federation.connectAll()
    try await federation.settle()

    #expect(await federation.coordinator.standing == .finished)
    let uploads = await federation.coordinator.sent.filter { $0.call == .submitUpload && $0.name == "bay" }
    // The evaluation follows from a close that is the same for all again.
    #expect(uploads.map(\.roundID) == [1, 2, 3, 5])
    let declined = try federation.nodes[0].home.recordEntries().filter { $0.event == .declined }
    #expect(
      declined.map(\.note) == [
        "the round differs from the plan that it names: its grid follows from another close than the last of its run"
      ])
  }

  @Test("A close with a total that no sum of the round can have locks the node that was in it")
  func impossibleClose() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    await federation.coordinator.alterCloses { name, close in
      if name == "bay", close.roundID == 3, close.outcome == .done { close.totalWeight = 1 << 60 }
    }
    try await federation.connectAll()
    try await federation.settle()
    #expect(try federation.nodes[0].home.ledger().attack?.roundID == 3)
    #expect(await federation.coordinator.standing == .finished)
  }

  @Test("A model whose bytes are not the canonical encoding of what they hold is refused")
  func otherBytes() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    var forgery = try await Forgery(federation)
    let checkpoint = try forgery.trained()
    try await forgery.close(with: checkpoint.encoded(lineage: ["tributary.lineage": "once more"]))
    try await federation.nodes[0].handle(try forgery.advertise(.update, from: checkpoint))

    #expect(
      await federation.coordinator.declined["bay"]
        == "the round differs from the plan that it names: its model is not written as a checkpoint is")
    #expect(try federation.nodes[0].home.models.checkpoint(forgery.model) == nil)
  }

  @Test("A run that does not begin with the plan's genesis locks the node, with closes or without")
  func otherBeginning() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    var forgery = try await Forgery(federation)
    let checkpoint = try forgery.trained()
    let genesis = forgery.model
    try await forgery.close(with: checkpoint.encoded())
    let model = forgery.model
    // Without closes: straight into the middle.
    await federation.coordinator.forge(closes: [], of: forgery.run)
    let noCloses = try forgery.advertise(.update, from: checkpoint) { $0.gridClose = .zero }
    try await federation.nodes[0].handle(noCloses)
    #expect(
      try federation.nodes[0].home.ledger().attack?.error
        == .modelNotInChain(run: "forged", expected: genesis, found: model))
    // With one that starts from there.
    var late = forgery
    late.closes = []
    try await late.close(with: checkpoint.encoded())
    try await federation.nodes[1].handle(try late.advertise(.update, from: checkpoint))
    #expect(
      try federation.nodes[1].home.ledger().attack?.error
        == .modelNotInChain(run: "forged", expected: genesis, found: model))
    #expect(await federation.coordinator.sent.isEmpty)
  }

  @Test("A fold that occurs in no row is refused: each such number would be another name for all rows")
  func emptyFold() async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(fold: 1000))
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()
    #expect(await federation.coordinator.declined["bay"] == "no row of fold 1000 is left to be held out")
    #expect(await federation.coordinator.sent.isEmpty)
  }

  @Test(
    "The same model on the same rows is the same question under every name of the plan, and another fold is another")
  func subjects() throws {
    let directory = TestDirectory.make()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let file = "\(directory)/rows.csv"
    try TestPlan.rows(seed: 5).write(toFile: file, atomically: true, encoding: .utf8)
    func subject(
      _ plan: RunPlan, _ kind: RoundKind = .update, _ change: (inout TableCheckpoint) -> Void = { _ in }
    ) throws -> Digest {
      let counts = ColumnCounts(present: [120, 120, 120], contributors: [4, 4, 4])
      let counted = try plan.tableGenesis().applying(counts: counts, minimumContributors: 3)
      var checkpoint = try counted.applying(
        moments: ColumnMoments(plan.table.schema, kept: counted.kept!), hidden: [], activation: .relu, seed: plan.seed)
      change(&checkpoint)
      return try OwnRows(RowSource(data: file).read(plan)).subject(of: kind, checkpoint: .table(checkpoint))
    }
    let plan = TestPlan.plan()
    var renamed = plan
    renamed.name = "others"
    renamed.seed = 7
    renamed.table.schema.ignore = ["id", "ward"]
    let here = try subject(plan)
    #expect(try subject(renamed) == here)
    #expect(try subject(plan, .evaluation) == here)
    #expect(try subject(plan) { $0.counts?.present[0] = 121 } == here)
    #expect(try subject(TestPlan.plan(fold: 1)) != here)
    #expect(try subject(plan) { $0.parameters!.values[0] = 1 } != here)
    #expect(try subject(plan) { $0.standardisation!.columns[0].mean = 1 } != here)
    for kind in [RoundKind.counts, .moments] {
      #expect(try subject(renamed, kind) == subject(plan, kind))
      #expect(try subject(TestPlan.plan(fold: 1), kind) != subject(plan, kind))
    }
    #expect(try subject(plan, .counts) != subject(plan, .moments))
  }

  @Test("The same model under a plan of another name is not answered for another roster")
  func renamedPlan() async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 1))
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()
    let bay = federation.nodes[0].home
    let answered = Set(try bay.ledger().answers.keys)

    var plan = federation.plan
    plan.name = "others"
    try bay.allow(plan.digest().description)
    let again = try TestCoordinator(
      plan: plan, run: "run-2", signer: federation.coordinator.signer, firstRound: 100)
    var four: [TestNode] = []
    for node in federation.nodes {
      try node.home.allow(plan.digest().description)
      four.append(try TestNode(node.home, coordinator: again))
    }
    for node in four { try await again.connect(node.peer) }
    try await federation.settle(four)
    #expect(await again.standing == .finished)
    // Counts, moments and the first model are the questions of the first run; later models differ by the rounding coins.
    let more = Set(try bay.ledger().answers.keys).subtracting(answered)
    #expect(more.count == 1)
  }

  @Test("A plan that its owner disallows during a round goes no further", arguments: TestCoordinator.Call.allCases)
  func disallowed(call: TestCoordinator.Call) async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 1))
    defer { federation.remove() }
    try await federation.connectAll()
    let bay = federation.nodes[0]
    let sent = { await federation.coordinator.sent.filter { $0.name == "bay" }.map(\.call) }
    while await sent().last != call { for node in federation.nodes { try await node.step() } }
    try bay.home.changePolicy { $0.plans = [] }
    let before = await sent().count
    try await federation.settle()
    // An answer only follows a confirmation that has left; whatever else is left unsent stays unsent.
    let after = await sent().dropFirst(before)
    #expect(Array(after) == (call == .confirm ? [.unmask] : []))
  }

  @Test("Rows that change between the first message of a round and its values have no part in it")
  func changedRows() async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 1))
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.nodes[0].step()
    try TestPlan.rows(seed: 1).write(
      toFile: "\(federation.directory)/bay.csv", atomically: true, encoding: .utf8)
    for _ in 0..<3 { for node in federation.nodes { try await node.step() } }
    #expect(await federation.coordinator.sent.filter { $0.name == "bay" && $0.call == .submitUpload }.isEmpty)
    #expect(
      await federation.coordinator.declined["bay"]
        == "cannot be masked: the rows are not those that the round began with")
  }

  @Test("A second set of sharers is noticed although the node died before it had masked anything for the first")
  func secondSharersAfterCrash() async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 1))
    defer { federation.remove() }
    try await federation.connectAll()
    let bay = federation.nodes[0]
    var delivery = await federation.coordinator.instruction(for: "bay", after: "")
    while true {
      if case .upload = delivery.step { break }
      for node in federation.nodes { try await node.step() }
      delivery = await federation.coordinator.instruction(for: "bay", after: "")
    }
    // A new process has nothing computed; that it cannot compute ends the step where a crash in training would.
    try bay.restart()
    let file = "\(federation.directory)/bay.csv"
    try FileManager.default.removeItem(atPath: file)
    try await bay.handle(delivery)
    #expect(await federation.coordinator.sent.last { $0.name == "bay" }?.call == .submitShares)

    try bay.restart()
    guard case .upload(let first) = delivery.step else { return }
    delivery.step = .upload(
      ShareDelivery(
        sharers: Bitmap(capacity: 4, ranks: first.sharers.ranks.dropLast()), shares: first.shares.dropLast()))
    try await bay.handle(delivery)
    #expect(try bay.home.ledger().attack?.error == .secondSharerSet)
  }

  @Test("A key in the policy that cannot be free waits for its owner")
  func wrongFreeKey() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    let home = federation.nodes[0].home
    try await federation.connectAll()
    let policy = """
      plans:
        - {digest: "\(try federation.plan.digest())", free: [rounds]}
      minimumCohort: 3
      assumedColluders: 0
      maximumClipNorm: 100
      maximumBits: 32
      peers: []
      minimumKnownPeers: 0

      """
    try OwnedFile.replace(home.policyFile, with: Array(policy.utf8))
    try await federation.nodes[0].step()
    guard case .waitingForOwner(let reason, _) = try federation.nodes[0].activity else {
      Issue.record("the node does not wait for its owner")
      return
    }
    #expect(reason.contains("rounds"))
  }

  @Test("A roster of no or too many participants is refused, and the node goes on", arguments: [0, 2, 256])
  func rosterOfNobody(count: Int) async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 1))
    defer { federation.remove() }
    try await federation.connectAll()
    let bay = federation.nodes[0]
    // Up to the first update, whose grid is computed from the roster's size.
    while try bay.home.rounds().last?.plan.kind != .update {
      for node in federation.nodes { try await node.step() }
    }
    let advert = try #require(try bay.home.rounds().last?.averaging.advert)
    await federation.coordinator.setTamper { name, instruction in
      guard name == "bay", case .share = instruction.step else { return instruction }
      var other = instruction
      other.step = .share(Roster(received: [SignedAdvert](repeating: advert, count: count)))
      return other
    }
    try await federation.settle()
    #expect(
      try bay.home.recordEntries().contains { $0.note == "malformed: a roster of \(count), expected 3 to 255" })
    #expect(try bay.home.ledger().attack?.error == nil)
    #expect(await federation.coordinator.standing == .finished)
  }
}
