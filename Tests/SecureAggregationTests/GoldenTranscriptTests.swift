import Testing

@testable import SecureAggregation

@Suite("Whole rounds of a second implementation")
struct GoldenTranscriptTests {
  struct Transcript: Decodable {
    struct Participant: Decodable {
      struct Entry: Decodable {
        var rank: UInt16
        var ofSelfMask: Bool
        var share: String
      }
      var name: String
      var organisation: String
      var identitySeed: String
      var roundSeed: String
      var advert: String
      var advertSignature: String
      var shares: [String]
      var vector: [UInt32]?
      var tail: [UInt32]?
      var upload: String?
      var uploadSignature: String?
      var confirmation: String?
      var answer: [Entry]?
    }
    var colluders: UInt16
    var bits: Int
    var dimension: Int
    var tailLanes: Int
    var sharers: [Int]
    var survivors: [Int]
    var confirmers: [Int]
    var planHash: String
    var planSignature: String
    var root: String
    var transcript: String
    var survivorsHash: String
    var closeSignature: String
    var sum: [UInt32]
    var tail: [UInt32]
    var participants: [Participant]
  }

  @Test("Every message has the same bytes, and the sum is the same")
  func transcripts() throws {
    let transcripts = try vectors("transcripts", as: Transcript.self)
    #expect(transcripts.count == 6)
    for golden in transcripts { try check(golden) }
  }

  private func check(_ golden: Transcript) throws {
    var plan = Rehearsal.plan(
      minimum: max(3, golden.colluders + 2), colluders: golden.colluders, dimension: golden.dimension,
      tail: golden.tailLanes)
    plan.gridClose = Digest(sha256: Array("last close".utf8))
    var round = try Rehearsal(golden.participants.count, plan: plan, bits: golden.bits)
    #expect(plan.hash.hex == golden.planHash)
    #expect(round.signedPlan.signature == hex(golden.planSignature))
    for (k, participant) in golden.participants.enumerated() {
      let signer = try IdentitySigner(seed: hex(participant.identitySeed))
      round.members[k].signer = signer
      round.members[k].peer = Peer(
        name: participant.name, organisation: participant.organisation, key: signer.publicKey)
      round.members[k].seed = Secret(hex(participant.roundSeed))
      round.members[k].input = MaskedInput(vector: participant.vector ?? [], tail: participant.tail ?? [])
    }
    try round.gather()
    for (k, participant) in golden.participants.enumerated() {
      let advert = round.members[k].round.advert
      #expect(advert.advert.canonicalBytes == hex(participant.advert))
      #expect(advert.signature == hex(participant.advertSignature))
      let shares = try round.shares(k).shares
      #expect(shares.map(\.ciphertext) == participant.shares.map(hex))
    }
    #expect(round.coordinator.rosterRoot?.hex == golden.root)
    #expect(round.coordinator.transcript?.hex == golden.transcript)
    try round.share(golden.sharers)
    try round.collect(golden.survivors)
    for k in golden.survivors {
      let upload = try #require(round.members[k].round.upload)
      #expect(upload.payload == hex(try #require(golden.participants[k].upload)))
      #expect(upload.statement.signature == hex(try #require(golden.participants[k].uploadSignature)))
    }
    #expect(round.coordinator.survivorsHash?.hex == golden.survivorsHash)
    try round.confirm(golden.confirmers)
    try round.answer(golden.confirmers)
    for k in golden.confirmers {
      let participant = golden.participants[k]
      #expect(round.members[k].round.confirmation?.signature == hex(try #require(participant.confirmation)))
      let entries = try #require(participant.answer).map {
        RevealedShare(rank: $0.rank, ofSelfMask: $0.ofSelfMask, share: hex($0.share))
      }
      #expect(round.members[k].round.answer?.entries == entries)
    }
    let sum = try round.unmask()
    #expect(sum.vector == golden.sum)
    #expect(sum.tail == golden.tail)
    let close = RoundClose(
      run: "hearts", roundID: 1, planHash: plan.hash, rosterRoot: try #require(round.coordinator.rosterRoot),
      survivorsHash: try #require(round.coordinator.survivorsHash), modelIn: plan.modelIn,
      modelOut: Digest(sha256: Array("next".utf8)), meanNorm: 0.25, totalWeight: try #require(sum.totalWeight),
      survivors: UInt16(sum.survivors.count), outcome: .done)
    let signed = try SignedRoundClose(close, signer: round.coordinatorSigner)
    #expect(signed.signature == hex(golden.closeSignature))
    #expect(signed.isSigned(by: round.coordinatorSigner.publicKey))
  }
}
