import Documents
import Federation
import Foundation
import Identities
import Logging
import Schemas
import SecureAggregation
import Testing
import Wire

@testable import Participation

/// A coordinator without a network: the run's machine of Federation, driven as soon as something arrives.
actor TestCoordinator {
  let signer: IdentitySigner
  private(set) var machine: RunMachine
  private var blobs: [Digest: [UInt8]] = [:]
  private var presence = Presence()
  private var nextRound: UInt64
  /// Every message that a node sent, in the order of the calls, whether or not it was let through.
  private(set) var sent: [Sent] = []
  /// Applied to an instruction before a node sees it: how a test plays an attack.
  private var tamper: @Sendable (String, Instruction) -> Instruction = { $1 }
  private var fault: @Sendable (Call, String, RoundKind) -> Fault? = { _, _, _ in nil }

  enum Call: String, CaseIterable { case advertise, submitShares, submitUpload, confirm, unmask }

  /// The node's process dies, or its connection breaks, before or after the coordinator has the message.
  enum Fault: CaseIterable { case before, after }

  struct Crash: Error {}

  struct Sent: Hashable {
    var call: Call
    var name: String
    var roundID: UInt64
    var bytes: [UInt8]
  }

  init(plan: RunPlan, run: String = "run-1", signer: IdentitySigner, firstRound: UInt64 = 1) throws {
    let text = String(decoding: try plan.canonicalBytes, as: UTF8.self)
    let genesis = try plan.genesis().encoded()
    let digest = Digest(sha256: genesis)
    self.signer = signer
    nextRound = firstRound
    blobs[digest] = genesis
    machine = try RunMachine(
      RunSubmission(run: run, plan: text, genesis: digest, at: 0), coordinator: signer.publicKey)
  }

  func connect(_ peer: Peer) throws {
    presence.present.insert(peer.name)
    presence.organisations[peer.name] = peer.organisation
    try pump()
  }

  func disconnect(_ name: String) throws {
    presence.present.remove(name)
    try pump()
  }

  func setFault(_ fault: @escaping @Sendable (Call, String, RoundKind) -> Fault?) { self.fault = fault }
  func setTamper(_ tamper: @escaping @Sendable (String, Instruction) -> Instruction) { self.tamper = tamper }
  var declined: [String: String] { presence.declined }
  var standing: RunStanding { machine.standing }
  var model: Digest { machine.model }
  func blob(_ digest: Digest) -> [UInt8]? { blobs[digest] }

  /// What a poll would bring, at once.
  func instruction(for name: String, after: String) -> Instruction {
    let handled = InstructionToken(after)
    if let (token, step) = machine.step(for: name), handled.map({ $0 < token }) ?? true {
      let wireStep: Instruction.Step =
        switch step {
        case .advertise(let plan): .advertise(plan, runPlan: Array(machine.submission.plan.utf8))
        case .share(let roster): .share(roster)
        case .collect(let roster): .collect(roster)
        case .upload(let delivery): .upload(delivery)
        case .confirm(let survivors): .confirm(survivors)
        case .unmask(let quorum): .unmask(quorum)
        }
      return tamper(name, Instruction(token: "\(token)", roundID: token.roundID, step: wireStep))
    }
    if let record = machine.records.last {
      let token = InstructionToken(closing: record.roundID)
      if handled.map({ $0 < token }) ?? true {
        return Instruction(token: "\(token)", roundID: record.roundID, step: .closed(altered(name, record.signedClose)))
      }
    }
    return .idle(after: after)
  }

  func receive(_ call: Call, _ message: RoundMessage, round: UInt64, from peer: Peer, bytes: [UInt8]) throws {
    sent.append(Sent(call: call, name: peer.name, roundID: round, bytes: bytes))
    let happening = machine.round.flatMap { fault(call, peer.name, $0.kind) }
    if happening == .before { throw Crash() }
    do {
      if case .upload(let upload, let blob) = message { blobs[blob] = upload.payload }
      if let event = try machine.receive(message, round: round, from: peer) { try machine.apply(event) }
      presence.declined[peer.name] = nil
      try pump()
    } catch FederationError.averaging(let error) {
      throw WireError.averaging(error)
    } catch FederationError.otherRound, FederationError.noRound {
      throw WireError.unknownRound(round)
    }
    if happening == .after { throw Crash() }
  }

  func decline(_ name: String, reason: String) throws {
    presence.declined[name] = reason
    try pump()
  }

  func closes(run: String, after roundID: UInt64, for name: String) -> [SignedRoundClose] {
    (forgedCloses[run] ?? machine.closes).filter { $0.close.roundID > roundID }.map { altered(name, $0) }
  }

  private var alteration: @Sendable (String, inout RoundClose) -> Void = { _, _ in }

  /// Signs other closes for some nodes than for others.
  func alterCloses(_ alteration: @escaping @Sendable (String, inout RoundClose) -> Void) {
    self.alteration = alteration
  }

  private func altered(_ name: String, _ signed: SignedRoundClose) -> SignedRoundClose {
    var close = signed.close
    alteration(name, &close)
    return close == signed.close ? signed : try! SignedRoundClose(close, signer: signer)
  }

  private var forgedCloses: [String: [SignedRoundClose]] = [:]

  /// Tells nodes another story of a run, or of one that never was.
  func forge(closes: [SignedRoundClose], of run: String) { forgedCloses[run] = closes }

  /// Applied to a delta before a node sees it.
  var deltaTamper: @Sendable ([UInt8]) -> [UInt8] = { $0 }
  func setDeltaTamper(_ tamper: @escaping @Sendable ([UInt8]) -> [UInt8]) { deltaTamper = tamper }
  /// The deltas that nodes were given, and the checkpoints that they fetched whole.
  private(set) var deltasOffered: [BlobReference] = []
  private(set) var fetched: [Digest] = []

  func modelDelta(from held: Digest, to wanted: Digest) -> BlobReference? {
    guard let steps = machine.deltas(from: held, to: wanted) else { return nil }
    let bytes = deltaTamper(steps.flatMap { blobs[$0]! })
    let delta = BlobReference(digest: Digest(sha256: bytes), size: bytes.count)
    blobs[delta.digest] = bytes
    deltasOffered.append(delta)
    return delta
  }

  func fetch(_ digest: Digest) -> [UInt8]? {
    fetched.append(digest)
    return blobs[digest]
  }

  /// Hands out a checkpoint that no round led to.
  func forge(checkpoint: [UInt8]) { blobs[Digest(sha256: checkpoint)] = checkpoint }

  /// The deadline of the round in work passes.
  func passDeadline() throws {
    guard let round = machine.round else { return }
    try pump(now: round.deadline + 1)
  }

  private func pump(now: Double = 1) throws {
    while let due = machine.due(now: now, presence: presence) {
      switch due {
      case .event(let event): try machine.apply(event)
      case .abandon(let reason):
        try machine.apply(try machine.abandon(reason, signer: signer, now: now))
        return
      case .end(let standing): try machine.apply(.ended(RunEnding(standing: standing, at: now)))
      case .openRound(let model):
        let plan = try machine.plan.roundPlan(
          kind: machine.nextKind!, run: machine.run, roundID: nextRound,
          checkpoint: try Checkpoint(decoding: blobs[model]!), modelIn: model, gridClose: machine.gridClose,
          deadlineSeconds: 1000)
        nextRound += 1
        try machine.apply(try machine.open(plan, signer: signer, now: 1))
      case .unmask:
        let round = machine.round!
        let sum = try round.unmask { blobs[$0]! }
        let closing = try machine.close(
          sum, sumDigest: .zero, from: try Checkpoint(decoding: blobs[round.plan.modelIn]!),
          residue: machine.residue.flatMap { blobs[$0] }, signer: signer, now: now)
        for bytes in closing.blobs { blobs[Digest(sha256: bytes)] = bytes }
        try machine.apply(closing.event)
      }
    }
  }
}

struct TestConnection: CoordinatorConnection {
  let coordinator: TestCoordinator
  let peer: Peer
  /// Renews certificates when it is given.
  var authority: CoordinatorAuthority?

  func nextInstruction(_ poll: Poll) async throws -> Instruction {
    let instruction = await coordinator.instruction(for: peer.name, after: poll.after)
    // A long poll ends by cancellation here: nothing that these tests do comes while one is open.
    if case .idle = instruction.step { try await Task.sleep(for: poll.wait) }
    return instruction
  }
  func advertise(round: UInt64, _ advert: SignedAdvert) async throws {
    try await receive(.advertise, .advert(advert), round, advert)
  }
  func submitShares(round: UInt64, _ shares: ShareMessage) async throws {
    try await receive(.submitShares, .shares(shares), round, shares)
  }
  func submitUpload(round: UInt64, _ upload: MaskedUpload) async throws {
    try await receive(.submitUpload, .upload(upload, blob: Digest(sha256: upload.payload)), round, upload)
  }
  func confirm(round: UInt64, _ confirmation: SecureAggregation.Confirmation) async throws {
    try await receive(.confirm, .confirmation(confirmation), round, confirmation)
  }
  func unmask(round: UInt64, _ answer: UnmaskAnswer) async throws {
    try await receive(.unmask, .answer(answer), round, answer)
  }
  func decline(round: UInt64, reason: String) async throws { try await coordinator.decline(peer.name, reason: reason) }
  func offeredPlans() async throws -> [OfferedPlan] {
    [OfferedPlan(run: "run-1", plan: Array(await coordinator.machine.submission.plan.utf8), isRunning: true)]
  }
  func closes(run: String, after roundID: UInt64) async throws -> [SignedRoundClose] {
    await coordinator.closes(run: run, after: roundID, for: peer.name)
  }
  func modelDelta(from held: Digest, to wanted: Digest) async throws -> BlobReference? {
    await coordinator.modelDelta(from: held, to: wanted)
  }
  func fetchBlob(_ digest: Digest, limit: Int) async throws -> [UInt8] {
    guard let bytes = await coordinator.fetch(digest) else { throw WireError.unknownBlob(digest) }
    guard bytes.count <= limit else { throw WireError.oversize(what: "blob", limit: limit, found: bytes.count) }
    return bytes
  }
  func renew(certificateRequest: [UInt8]) async throws -> Enrolment {
    guard let authority else { throw WireError.shuttingDown }
    return Enrolment(
      certificate: try authority.issueParticipant(
        name: peer.name, organisation: peer.organisation, averagingKey: peer.key,
        certificateRequest: certificateRequest),
      authority: authority.certificateDER, coordinatorKey: coordinator.signer.publicKey)
  }

  private func receive(
    _ call: TestCoordinator.Call, _ message: RoundMessage, _ round: UInt64, _ body: some Encodable
  ) async throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    try await coordinator.receive(
      call, message, round: round, from: peer, bytes: [UInt8](try encoder.encode(body)))
  }
}

/// One node with a home on the disk, taken through instructions one at a time; `restart` is what a killed process does.
final class TestNode {
  let home: NodeHome
  let peer: Peer
  var token = ""
  private let coordinator: TestCoordinator
  private let board: ActivityBoard
  private let mailbox = Mailbox()
  private var worker: RoundWorker

  init(_ home: NodeHome, coordinator: TestCoordinator) throws {
    self.home = home
    self.coordinator = coordinator
    let identity = try home.credentials().certificate.identity
    peer = Peer(name: identity.name, organisation: identity.organisation, key: identity.averagingKey)
    board = ActivityBoard(home: home, log: Self.log)
    worker = try Self.worker(home, coordinator, peer, board, mailbox)
  }

  static let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private static func worker(
    _ home: NodeHome, _ coordinator: TestCoordinator, _ peer: Peer, _ board: ActivityBoard, _ mailbox: Mailbox
  ) throws -> RoundWorker {
    try RoundWorker(
      home: home, credentials: home.credentials(),
      connection: TestConnection(coordinator: coordinator, peer: peer), board: board, mailbox: mailbox,
      comparisons: AsyncStream.makeStream(of: LocalComparison.self).continuation, log: log,
      now: { Date(timeIntervalSince1970: 0) })
  }

  /// Forgets everything that is not on the disk.
  func restart() throws {
    token = ""
    worker = try Self.worker(home, coordinator, peer, board, mailbox)
  }

  /// Carries out an instruction that no machine gave.
  func handle(_ instruction: Instruction) async throws { try await worker.handle(instruction) }

  /// Carries out what a poll brings; false when there is nothing to do. A crash is followed by a restart.
  @discardableResult
  func step() async throws -> Bool {
    let instruction = await coordinator.instruction(for: peer.name, after: token)
    if case .idle = instruction.step { return false }
    do {
      try await worker.handle(instruction)
      token = instruction.token
    } catch is TestCoordinator.Crash {
      try restart()
    }
    return true
  }

  var activity: NodeActivity.State? { get throws { try home.activity()?.state } }
}

/// Nodes with homes in a temporary directory, enrolled by one authority.
struct TestFederation {
  let directory: String
  let coordinator: TestCoordinator
  let nodes: [TestNode]
  let plan: RunPlan
  let authority: CoordinatorAuthority

  init(
    plan: RunPlan = TestPlan.plan(), names: [String] = ["bay", "coast", "hill", "north"], allowed: Bool = true,
    rows: (String) -> String = { TestPlan.rows(seed: UInt64($0.utf8.reduce(0) { $0 + Int($1) })) }
  ) async throws {
    directory = TestDirectory.make()
    self.plan = plan
    authority = try CoordinatorAuthority()
    let signer = try IdentitySigner(seed: [UInt8](repeating: 7, count: 32))
    coordinator = try TestCoordinator(plan: plan, signer: signer)
    var nodes: [TestNode] = []
    for name in names {
      let home = NodeHome(path: "\(directory)/\(name)")
      try await TestFederation.enrol(home, name: name, authority: authority, coordinator: signer.publicKey)
      // Fixed, so that two federations on the same rows train the very same model.
      try PrivateFile.replace("\(home.path)/keys/node.secret", contents: [UInt8](repeating: 9, count: 32))
      try rows(name).write(toFile: "\(directory)/\(name).csv", atomically: true, encoding: .utf8)
      try home.setData(file: "\(directory)/\(name).csv")
      if allowed { try home.allow(plan.digest().description) }
      nodes.append(try TestNode(home, coordinator: coordinator))
    }
    self.nodes = nodes
  }

  static func enrol(
    _ home: NodeHome, name: String, authority: CoordinatorAuthority, coordinator: IdentityKey
  ) async throws {
    let line = try InviteLine(
      host: "127.0.0.1", port: 1, name: name, authority: authority.digest,
      token: InviteToken(bytes: Array(repeating: 1, count: 32))!)
    try await home.enrol(by: line) { _, keys in
      Enrolment(
        certificate: try authority.issueParticipant(
          name: name, organisation: "\(name) hospital", averagingKey: keys.averaging.publicKey,
          certificateRequest: try keys.certificateRequest(name: name)),
        authority: authority.certificateDER, coordinatorKey: coordinator)
    }
  }

  func connectAll() async throws { for node in nodes { try await coordinator.connect(node.peer) } }

  /// Steps every node in turn until none has anything to do.
  func settle(_ nodes: [TestNode]? = nil) async throws {
    var isBusy = true
    while isBusy {
      isBusy = false
      for node in nodes ?? self.nodes where try await node.step() { isBusy = true }
    }
  }

  func remove() { try? FileManager.default.removeItem(atPath: directory) }
}

enum TestDirectory {
  static func make() -> String {
    let path = FileManager.default.temporaryDirectory.path + "/tributary-\(UUID().uuidString)"
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }
}

enum TestPlan {
  static let schema = TableSchema(
    columns: [
      .init(name: "age", kind: .number(range: 0...100, missing: [])),
      .init(name: "pressure", kind: .number(range: 50...250, missing: [0])),
      .init(name: "pain", kind: .category(values: ["none", "some", "strong"], missing: [])),
    ], label: .init(name: "sick", values: ["0", "1"]), fold: "fold", ignore: ["id"])

  static func text(rounds: Int = 2, size: Int = 4, fold: Int = 0, learningRate: String = "0.5") -> String {
    """
    name: hospitals
    model: {family: table, hidden: []}
    schema:
      columns:
        - {name: age, type: number, range: [0, 100]}
        - {name: pressure, type: number, range: [50, 250], missing: [0]}
        - {name: pain, type: category, values: [none, some, strong]}
      label: {name: sick, values: ["0", "1"]}
      fold: fold
      ignore: [id]
    training: {optimizer: sgd, learningRate: \(learningRate), epochs: 2}
    rounds: \(rounds)
    cohort: {size: \(size), minimumSurvivors: 3, assumedColluders: \(size > 3 ? 1 : 0)}
    update: {clipNorm: 5.0, maximumWeight: 32}
    evaluation: {fold: \(fold)}
    """
  }

  static func plan(rounds: Int = 2, size: Int = 4, fold: Int = 0) -> RunPlan {
    try! StrictYAML.decode(RunPlan.self, from: text(rounds: rounds, size: size, fold: fold), file: "plan.yaml")
  }

  /// 40 rows in which the old and those in pain tend to be sick.
  static func rows(seed: UInt64) -> String {
    var state = seed
    func next(_ bound: UInt64) -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) % bound
    }
    var lines = ["id,age,pressure,pain,sick,fold"]
    for id in 0..<40 {
      let age = 20 + next(70)
      let pain = ["none", "some", "strong"][Int(next(3))]
      let sick = age + (pain == "strong" ? 30 : 0) + next(40) > 85 ? 1 : 0
      lines.append("\(id),\(age),\(100 + next(80)),\(pain),\(sick),\(id % 4)")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
