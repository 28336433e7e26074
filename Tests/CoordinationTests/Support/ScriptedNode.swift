import Federation
import Foundation
import Identities
import Schemas
import SecureAggregation
import Testing
import Updates
import Wire

/// A scripted participant behind a real connection.
struct ScriptedNode: Sendable {
  let participant: ScriptedParticipant
  let keys: NodeKeys
  let invite: InviteLine
  let enrolment: Enrolment

  var address: CoordinatorAddress { CoordinatorAddress(invite) }

  /// Invites and enrols participant `index`.
  init(_ index: Int, operator client: OperatorClient, name: String? = nil) async throws {
    participant = try ScriptedParticipant(index, name: name)
    let line = try await client.invite(
      name: participant.name, organisation: participant.peer.organisation, lifetime: nil)
    invite = try InviteLine(line.line)
    keys = try Self.keys(participant)
    enrolment = try await EnrolmentClient.enrol(invite, keys: keys)
  }

  /// The first `count` participants, enrolled.
  static func enrolled(_ count: Int, operator client: OperatorClient) async throws -> [ScriptedNode] {
    var nodes: [ScriptedNode] = []
    for index in 0..<count { nodes.append(try await ScriptedNode(index, operator: client)) }
    return nodes
  }

  /// TLS keys of its own, and the scripted averaging key.
  static func keys(_ participant: ScriptedParticipant) throws -> NodeKeys {
    let directory = FileManager.default.temporaryDirectory.appending(path: "node-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try NodeKeys().save(in: directory)
    try PrivateFile.replace(
      "\(directory)/averaging.key", contents: Array((participant.signer.seed.bytes.hexadecimal + "\n").utf8))
    return try NodeKeys(directory: directory)
  }

  @discardableResult
  func connected<Result: Sendable>(_ body: (CoordinatorClient) async throws -> Result) async throws -> Result {
    try await CoordinatorClient.connected(
      to: address, authority: invite.authority, material: keys.material(certificate: enrolment.certificate), body)
  }

  /// Takes part until cancelled: asks, answers, asks again, whatever happens to the coordinator.
  ///
  /// - Parameter before: Called before an answer is sent.
  func takePart(_ before: @Sendable @escaping (Instruction) async throws -> Void = { _ in }) async throws {
    try await connected { client in
      var life = Life(node: self)
      while !Task.isCancelled {
        do {
          try await life.step(client, before)
        } catch let error as WireError {
          switch error {
          case .unreachable, .shuttingDown, .failed: try await Task.sleep(for: .milliseconds(10))
          // A coordinator that came back has moved on; the next instruction says to where.
          case .unknownRound, .averaging(.outOfPhase): life.after = ""
          default: throw error
          }
        }
      }
    }
  }

  /// What a node knows between two instructions.
  struct Life {
    let node: ScriptedNode
    var participant: ScriptedParticipant
    var after = ""
    var plan: RunPlan?
    var models: [Digest: Checkpoint] = [:]

    init(node: ScriptedNode) {
      self.node = node
      participant = node.participant
    }

    var coordinator: IdentityKey { node.enrolment.coordinatorKey }

    mutating func step(
      _ client: CoordinatorClient, _ before: @Sendable (Instruction) async throws -> Void
    ) async throws {
      let instruction = try await client.nextInstruction(Poll(after: after, wait: .seconds(20)))
      if let message = try await answer(instruction, client) {
        try await before(instruction)
        try await send(message, round: instruction.roundID, client)
      }
      after = instruction.token
    }

    /// The message that an instruction asks for.
    mutating func answer(_ instruction: Instruction, _ client: CoordinatorClient) async throws -> RoundMessage? {
      let step: RoundStep
      switch instruction.step {
      case .idle: return nil
      case .closed(let close):
        try participant.take(close, coordinator: coordinator)
        return nil
      case .advertise(let signed, let runPlan):
        plan = try RunPlan(canonicalBytes: runPlan)
        let held = participant.ledger.lastClose(run: signed.plan.run, coordinator: coordinator)?.close.roundID ?? 0
        for close in try await client.closes(run: signed.plan.run, after: held) {
          try participant.take(close, coordinator: coordinator)
        }
        let model = signed.plan.modelIn
        let wanted = try Checkpoint(decoding: try await client.fetchBlob(model, limit: 1 << 20))
        for (held, given) in models where held != model {
          try await walk(from: held, given, to: model, wanted, client)
        }
        models[model] = wanted
        step = .advertise(signed)
      case .share(let roster): step = .share(roster)
      case .collect(let roster): step = .collect(roster)
      case .upload(let delivery): step = .upload(delivery)
      case .confirm(let survivors): step = .confirm(survivors)
      case .unmask(let quorum): step = .unmask(quorum)
      }
      let known = models
      return try participant.respond(to: step, plan: plan!, coordinator: coordinator) { try #require(known[$0]) }
    }

    /// Where models travel as deltas there must be one between any two, and it must lead from the one to the other.
    private func walk(
      from held: Digest, _ given: Checkpoint, to model: Digest, _ wanted: Checkpoint, _ client: CoordinatorClient
    ) async throws {
      let offer = try await client.modelDelta(from: held, to: model)
      guard let values = given.parameters?.values, let delta = plan?.compression.down.delta(count: values.count) else {
        #expect(offer == nil)
        return
      }
      let way = try #require(offer, "there is no delta to \(model)")
      let bytes = try await client.fetchBlob(way.digest, limit: way.size)
      #expect(bytes.count == way.size)
      #expect(try delta.apply(bytes, to: values, steps: 1...64) == wanted.parameters?.values)
    }

    func send(_ message: RoundMessage, round: UInt64, _ client: CoordinatorClient) async throws {
      switch message {
      case .advert(let advert): try await client.advertise(round: round, advert)
      case .shares(let shares): try await client.submitShares(round: round, shares)
      case .upload(let upload, _): try await client.submitUpload(round: round, upload)
      case .confirmation(let confirmation): try await client.confirm(round: round, confirmation)
      case .answer(let answer): try await client.unmask(round: round, answer)
      }
    }
  }
}

/// Runs participants beside `body` until it returns.
func withParticipants<Result: Sendable>(
  _ nodes: [ScriptedNode], before: @Sendable @escaping (Int, Instruction) async throws -> Void = { _, _ in },
  _ body: @Sendable @escaping () async throws -> Result
) async throws -> Result {
  try await withThrowingTaskGroup(of: Result?.self) { group in
    for node in nodes {
      group.addTask {
        do {
          try await node.takePart { try await before(node.participant.index, $0) }
        } catch is CancellationError {}
        return nil
      }
    }
    group.addTask { try await body() }
    defer { group.cancelAll() }
    while let result = try await group.next() { if let result { return result } }
    throw CancellationError()
  }
}

extension OperatorClient {
  /// Waits until a run has ended.
  func ended(_ run: String) async throws -> RunSnapshot {
    try await watchRun(run) { !$0.standing.hasEnded }
  }

  /// Waits until a run is as `condition` wants it.
  func reached(_ run: String, _ condition: @Sendable @escaping (RunSnapshot) -> Bool) async throws -> RunSnapshot {
    try await watchRun(run) { !condition($0) }
  }
}
