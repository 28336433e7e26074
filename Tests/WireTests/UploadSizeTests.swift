import Federation
import Foundation
import Schemas
import SecureAggregation
import SwiftProtobuf
import Testing
import Updates

@testable import Wire

@Suite("Bytes of a masked round")
struct UploadSizeTests {
  /// Every message that one participant sends in an update round of 23, as it goes over the wire.
  @Test("A participant sends at most 1.02 · B/8 bytes a parameter and 40 KB, and the mean is within its target error")
  func upload() throws {
    let n = 23
    let dimension = 70_000
    let measures = Measures.classes(2)
    let signer = try IdentitySigner()
    let last = RoundClose(
      run: "size-1", roundID: 1, planHash: .zero, rosterRoot: .zero, survivorsHash: .zero, modelIn: .zero,
      modelOut: .zero, meanNorm: 1, totalWeight: UInt64(n), survivors: UInt16(n), outcome: .done)
    let plan = RoundPlan(
      kind: .update, run: "size-1", roundID: 2, minimumSurvivors: 14, assumedColluders: 4, targetError: 1e-3,
      clipNorm: 4, dimension: UInt32(dimension), maximumWeight: 1, weightRule: 0,
      tailLanes: UInt32(1 + measures.laneCount), metricScale: 1024, trainer: .zero, modelIn: .zero,
      gridClose: last.hash,
      deadlineSeconds: 1)
    let signed = try SignedRoundPlan(plan, signer: signer)
    let codec = RoundCodec(plan: plan, rosterCount: n, last: last)
    #expect(codec.shape.bits == 10)

    // What all have in common has norm 1, and each adds noise of its own of norm 1: the mean's square is 1 + 1/23.
    var state: UInt64 = 7
    func number() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (Float(state >> 40) / Float(1 << 24) - 0.5) * Float(12 / Double(dimension)).squareRoot()
    }
    let common = (0..<dimension).map { _ in number() }
    let deltas = (0..<n).map { _ in common.map { $0 + number() } }

    var round = try CoordinatorRound(plan: signed, coordinator: signer.publicKey)
    var ledgers = [NodeLedger](repeating: NodeLedger(), count: n)
    var nodes: [ParticipantRound] = []
    var signers: [IdentitySigner] = []
    var sent = [Int](repeating: 0, count: n)
    let policy = AveragingPolicy()
    func count(_ message: some SwiftProtobuf.Message, from index: Int) throws {
      sent[index] += try message.serializedData().count
    }
    for index in 0..<n {
      let own = try IdentitySigner()
      signers.append(own)
      let peer = Peer(
        name: "participant-\(100 + index)", organisation: "organisation \(100 + index)", key: own.publicKey)
      let node = try ParticipantRound(
        plan: signed, peer: peer, coordinator: signer.publicKey, signer: own, seed: try Secret.random(),
        policy: policy, ledger: &ledgers[index])
      nodes.append(node)
      let advert = node.advert
      try round.submit(advert, from: peer)
      try count(
        Tributary_V1_AdvertiseRequest.with {
          $0.roundID = 2
          $0.advert = .init(advert)
        }, from: index)
    }
    try round.freezeRoster(shape: codec.shape)
    let roster = try #require(round.roster)
    for index in 0..<n {
      let shares = try nodes[index].share(roster, shape: codec.shape, policy: policy, ledger: &ledgers[index])
      try round.submit(shares, from: roster.name(index))
      try count(
        Tributary_V1_SubmitSharesRequest.with {
          $0.roundID = 2
          $0.shares = .init(shares)
        }, from: index)
    }
    try round.freezeSharers()
    var payloads: [Digest: [UInt8]] = [:]
    for index in 0..<n {
      try nodes[index].receive(try #require(round.delivery(for: roster.name(index))), ledger: &ledgers[index])
      let coins = try Primitives.stream(
        codec.coinBytes, key: [UInt8](repeating: UInt8(index), count: 32), label: "test/coins", context: [])
      let input = try codec.encode(
        delta: deltas[index], weight: 1, metrics: MetricLanes(measures), coins: coins,
        transcript: try #require(round.transcript))
      let upload = try nodes[index].mask(input, signer: signers[index], ledger: &ledgers[index])
      try round.submit(upload, from: roster.name(index))
      payloads[upload.statement.digest] = upload.payload
      try count(
        Tributary_V1_SubmitUploadRequest.with {
          $0.roundID = 2
          $0.statement = .init(upload.statement)
          $0.inline = Data(upload.payload)
        }, from: index)
    }
    try round.freezeSurvivors()
    for index in 0..<n {
      let set = try #require(round.survivorSet(for: roster.name(index)))
      let confirmation = try nodes[index].confirm(
        set, policy: policy, signer: signers[index], ledger: &ledgers[index])
      try round.submit(confirmation, from: roster.name(index))
      try count(
        Tributary_V1_ConfirmRequest.with {
          $0.roundID = 2
          $0.confirmation = .init(confirmation)
        }, from: index)
    }
    try round.freezeConfirmations()
    for index in 0..<n {
      let answer = try nodes[index].answer(try #require(round.quorum), ledger: &ledgers[index])
      try round.submit(answer, from: roster.name(index))
      try count(
        Tributary_V1_UnmaskRequest.with {
          $0.roundID = 2
          $0.answer = .init(answer)
        }, from: index)
    }

    let allowed = 1.02 * 10 / 8 * Double(dimension) + 40_000
    for bytes in sent { #expect(Double(bytes) <= allowed) }

    let sum = try round.unmask { payloads[$0.digest]! }
    let mean = try codec.mean(of: sum, transcript: try #require(round.transcript)).mean
    var error = 0.0
    var square = 0.0
    for k in 0..<dimension {
      let exact = deltas.reduce(0.0) { $0 + Double($1[k]) } / Double(n)
      error += (Double(mean[k]) - exact) * (Double(mean[k]) - exact)
      square += exact * exact
    }
    #expect(error / square <= 1e-3)
  }
}
