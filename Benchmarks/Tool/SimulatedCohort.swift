import Federation
import Schemas
import SecureAggregation

/// A coordinator and its participants in one process, with the protocol's own values on both sides and nothing between
/// them: no network, no disk.
struct SimulatedCohort {
  private let participants: Int
  private let lost: Int
  private let plan: SignedRoundPlan
  private let coordinator: IdentitySigner
  private let codec: RoundCodec
  private let members: [Member]
  private let updates: SimulatedUpdates

  private struct Member {
    let peer: Peer
    let signer: IdentitySigner
    let seed: Secret
  }

  /// What a participant keeps during a round.
  private struct Node {
    var round: ParticipantRound
    var ledger: NodeLedger
    var stopwatch = Stopwatch()

    mutating func step<Message>(
      _ work: (inout ParticipantRound, inout NodeLedger) throws -> Message
    ) rethrows -> Message {
      try stopwatch.time { try work(&round, &ledger) }
    }
  }

  /// The coordinator's side, timed, and what it would record.
  private struct Server {
    var round: CoordinatorRound
    var events: [RoundEvent] = []
    var stored: [Digest: [UInt8]] = [:]
    var stopwatch = Stopwatch()

    mutating func take(_ step: (inout CoordinatorRound) throws -> RoundEvent?) rethrows {
      if let event = try stopwatch.time({ try step(&round) }) { events.append(event) }
    }
  }

  /// - Parameters:
  ///   - lost: How many share and never upload.
  ///   - cohort: Of how many participants in all this is one group: the grid must hold their sum.
  init(participants: Int, lost: Int, dimension: Int, cohort: Int? = nil) throws {
    let cohort = cohort ?? participants
    self.participants = participants
    self.lost = lost
    updates = SimulatedUpdates(dimension: dimension)
    coordinator = try IdentitySigner()
    members = try (0..<participants).map { index in
      let signer = try IdentitySigner()
      let name = "participant-\(10_000 + index)"
      return Member(
        peer: Peer(name: name, organisation: "organisation of \(name)", key: signer.publicKey), signer: signer,
        seed: try .random())
    }
    let survivors = participants - lost
    let last = RoundClose(
      run: "benchmark", roundID: 1, planHash: .zero, rosterRoot: .zero, survivorsHash: .zero, modelIn: .zero,
      modelOut: .zero, meanNorm: updates.meanNorm(of: survivors), totalWeight: UInt64(survivors),
      survivors: UInt16(survivors), outcome: .done)
    let colluders = Thresholds.defaultColluders(participants: participants)
    let plan = RoundPlan(
      kind: .update, run: "benchmark", roundID: 2,
      minimumSurvivors: UInt16(
        Thresholds.defaultMinimumSurvivors(participants: participants, assumedColluders: colluders)),
      assumedColluders: UInt16(colluders), targetError: 1e-3, clipNorm: 2 * updates.norm, dimension: UInt32(dimension),
      maximumWeight: 1, weightRule: 0, tailLanes: UInt32(1 + MetricLanes.laneCount(classes: 2)), metricScale: 65536,
      trainer: .zero, modelIn: .zero, gridClose: last.hash, deadlineSeconds: 4_000_000_000)
    self.plan = try SignedRoundPlan(plan, signer: coordinator)
    codec = RoundCodec(plan: plan, rosterCount: cohort, last: last)
  }

  /// - Parameter keep: Where to leave what a coordinator has of the round on its disk, for ``CoordinatorWork``.
  func round(keep: StoredRound? = nil) throws -> AveragingRound {
    var result = AveragingRound()
    result.bits = codec.shape.bits
    var server = Server(round: try CoordinatorRound(plan: plan, coordinator: coordinator.publicKey))
    var nodes: [Node] = []
    for member in members {
      let node = try begin(member)
      try server.take { try $0.submit(node.round.advert, from: member.peer) }
      nodes.append(node)
    }
    try server.take { try $0.freezeRoster(shape: codec.shape) }
    for index in nodes.indices {
      let shares = try nodes[index].step {
        try $0.share(server.round.roster!, shape: codec.shape, policy: AveragingPolicy(), ledger: &$1)
      }
      try server.take { try $0.submit(shares, from: members[index].peer.name) }
    }
    try server.take { try $0.freezeSharers() }
    try upload(&nodes, to: &server, &result)
    try open(&nodes, &server, &result)
    try keep?.write(plan, coordinator: coordinator.publicKey, events: server.events, uploads: server.stored)

    let sum = try server.stopwatch.time { try server.round.unmask { server.stored[$0.digest]! } }
    let mean = try result.decode.time { try codec.mean(of: sum, transcript: server.round.transcript!).mean }
    result.server = server.stopwatch
    result.error = updates.error(of: mean, survivors: participants - lost)
    result.clients = nodes.prefix(participants - lost).map(\.stopwatch)
    return result
  }

  private func begin(_ member: Member) throws -> Node {
    var ledger = NodeLedger()
    var stopwatch = Stopwatch()
    let round = try stopwatch.time {
      try ParticipantRound(
        plan: plan, peer: member.peer, coordinator: coordinator.publicKey, signer: member.signer, seed: member.seed,
        policy: AveragingPolicy(), ledger: &ledger)
    }
    return Node(round: round, ledger: ledger, stopwatch: stopwatch)
  }

  /// M2 of the survivors, with what the coordinator does when one arrives.
  private func upload(_ nodes: inout [Node], to server: inout Server, _ result: inout AveragingRound) throws {
    for index in 0..<participants - lost {
      let name = members[index].peer.name
      let delivery = server.stopwatch.time { server.round.delivery(for: name)! }
      let delta = updates.update(index)
      let coins = try Primitives.stream(
        codec.coinBytes, key: members[index].seed.bytes, label: "coins of the benchmark", context: [])
      var encode = Stopwatch()
      let input = try encode.time {
        try codec.encode(
          delta: delta, weight: 1, metrics: MetricLanes(classes: 2), coins: coins,
          transcript: server.round.transcript!)
      }
      if index == 0 || encode.cpu < result.encode.cpu { result.encode = encode }
      let upload = try nodes[index].step { round, ledger in
        try round.receive(delivery, ledger: &ledger)
        return try round.mask(input, signer: members[index].signer, ledger: &ledger)
      }
      try server.take { try $0.submit(upload, from: name) }
      server.stored[upload.statement.digest] = upload.payload
    }
    try server.take { try $0.freezeSurvivors() }
  }

  /// M3 and M4 of the survivors.
  private func open(_ nodes: inout [Node], _ server: inout Server, _ result: inout AveragingRound) throws {
    for index in 0..<participants - lost {
      let member = members[index]
      let set = server.stopwatch.time { server.round.survivorSet(for: member.peer.name)! }
      let confirmation = try nodes[index].step {
        try $0.confirm(set, policy: AveragingPolicy(), signer: member.signer, ledger: &$1)
      }
      try server.take { try $0.submit(confirmation, from: member.peer.name) }
    }
    try server.take { try $0.freezeConfirmations() }
    for index in 0..<participants - lost {
      let answer = try nodes[index].step { try $0.answer(server.round.quorum!, ledger: &$1) }
      try server.take { try $0.submit(answer, from: members[index].peer.name) }
      if index == 0 { count(nodes[0].round, answer, server.round, &result) }
    }
  }

  /// Bytes of the fields of one survivor's messages: keys, digests and signatures bare, ranks of two bytes.
  private func count(
    _ round: ParticipantRound, _ answer: UnmaskAnswer, _ server: CoordinatorRound, _ result: inout AveragingRound
  ) {
    let peer = round.peer
    let advert = 5 * 32 + 16 + 64 + 32 + peer.name.utf8.count + peer.organisation.utf8.count
    let bitmap = (participants + 7) / 8
    let sealed = (participants - 1) * (2 + SealedShare.byteCount)
    let proof = 32 * server.survivorSet(for: peer.name)!.inclusionProof.count
    result.up = advert + sealed + round.upload!.payload.count + (2 + 32 + bitmap + 64) + (2 + 64)
    result.up += answer.entries.count * (2 + 1 + 32)
    result.down = participants * advert + bitmap + sealed + (2 * bitmap + 32 + proof)
    result.down += 32 + server.quorum!.confirmations.count * (2 + 64)
  }
}

/// Updates with what participants have in common and what each has of its own, heavy-tailed, made again whenever one is
/// asked for: a hundred of them would fill the memory that is to be measured.
struct SimulatedUpdates {
  private let common: [Float]
  /// Of one update, to within a percent.
  let norm: Double

  init(dimension: Int) {
    var random = SplitMix64(state: 1)
    common = (0..<dimension).map { _ in Self.heavyTailed(&random) }
    norm = (2 * common.reduce(0) { $0 + Double($1) * Double($1) }).squareRoot()
  }

  /// The common part plus as much again of the participant's own.
  func update(_ participant: Int) -> [Float] {
    var random = SplitMix64(state: 1000 + UInt64(participant))
    return common.map { $0 + Self.heavyTailed(&random) }
  }

  func meanNorm(of count: Int) -> Double {
    mean(of: count).reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  func error(of found: [Float], survivors: Int) -> Double {
    let mean = mean(of: survivors)
    let off = zip(found, mean).reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
    return off / mean.reduce(0) { $0 + $1 * $1 }
  }

  private func mean(of count: Int) -> [Double] {
    var sum = common.map { Double($0) * Double(count) }
    for participant in 0..<count {
      var random = SplitMix64(state: 1000 + UInt64(participant))
      for k in sum.indices { sum[k] += Double(Self.heavyTailed(&random)) }
    }
    return sum.map { $0 / Double(count) }
  }

  /// A quotient of uniform numbers, with a sign.
  private static func heavyTailed(_ random: inout SplitMix64) -> Float {
    let bits = random.next()
    let a = Float(UInt32(bits & 0xFFFFF)) * 0x1p-20, b = Float(UInt32(bits >> 20 & 0xFFFFF)) * 0x1p-20
    return (bits >> 63 == 0 ? 1 : -1) * 1e-3 * a / (b + 0.05)
  }
}
