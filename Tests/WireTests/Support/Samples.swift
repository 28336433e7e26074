import Federation
import SecureAggregation

@testable import Wire

/// One of each message, with every field different from every other and from its default.
enum Samples {
  static func bytes(_ count: Int, from first: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: first + $0) }
  }
  static func digest(_ first: Int) -> Digest { Digest(bytes: bytes(32, from: first))! }

  static let plan = SignedRoundPlan(
    plan: RoundPlan(
      protocolVersion: 3, kind: .moments, run: "hearts-1", roundID: 1 << 32 | 7, minimumSurvivors: 3,
      assumedColluders: 1, maximumLost: 2, targetError: 1e-3, clipNorm: 2.5, dimension: 21, maximumWeight: 4096,
      weightRule: 1, tailLanes: 131, metricScale: 65536, privacy: "none", trainer: digest(1), modelIn: digest(2),
      gridClose: digest(21),
      deadlineSeconds: 1_767_225_600),
    signature: bytes(64, from: 3))

  static func advert(_ peer: Peer) -> SignedAdvert {
    SignedAdvert(
      advert: Advert(
        peer: peer, planHash: digest(4), shareKey: bytes(32, from: 5), maskKey: bytes(32, from: 6),
        commitment: digest(7), nonce: bytes(16, from: 8)),
      signature: bytes(64, from: 9))
  }

  static let peers = ["b", "a"].enumerated().map { index, name in
    Peer(name: name, organisation: "Hospital \(name)", key: IdentityKey(bytes: bytes(32, from: 40 + index))!)
  }

  /// Not in order, which must survive the wire, so that a participant notices.
  static let roster = Roster(received: peers.map(advert))

  static let shares = ShareMessage(
    rank: 2,
    shares: [
      SealedShare(rank: 0, ciphertext: bytes(80, from: 1)), SealedShare(rank: 1, ciphertext: bytes(80, from: 2)),
    ])

  static let delivery = ShareDelivery(
    sharers: Bitmap(capacity: 11, ranks: [0, 8, 10]), shares: [SealedShare(rank: 8, ciphertext: bytes(80, from: 3))])

  static func upload(_ count: Int) -> MaskedUpload {
    MaskedUpload(
      statement: UploadStatement(
        rank: 3, digest: digest(10), unopened: Bitmap(capacity: 4, ranks: [1]), signature: bytes(64, from: 11)),
      payload: bytes(count, from: 12))
  }

  static let survivors = SurvivorSet(
    sharers: Bitmap(capacity: 4, ranks: [0, 1, 2, 3]), survivors: Bitmap(capacity: 4, ranks: [0, 2, 3]),
    root: digest(13),
    inclusionProof: [digest(14), digest(15)])

  static let confirmation = Confirmation(rank: 3, signature: bytes(64, from: 16))

  static let quorum = Quorum(
    survivorsHash: digest(17), confirmations: [confirmation, Confirmation(rank: 4, signature: bytes(64, from: 18))])

  static let answer = UnmaskAnswer(
    rank: 1,
    entries: [
      RevealedShare(rank: 0, ofSelfMask: true, share: bytes(32, from: 19)),
      RevealedShare(rank: 2, ofSelfMask: false, share: bytes(32, from: 20)),
    ])

  static func close(_ roundID: UInt64, run: String = "hearts-1", outcome: RoundOutcome = .alarm) -> SignedRoundClose {
    SignedRoundClose(
      close: RoundClose(
        run: run, roundID: roundID, planHash: digest(21), rosterRoot: digest(22), survivorsHash: digest(23),
        modelIn: digest(24), modelOut: digest(25), meanNorm: 0.25, totalWeight: 1 << 40, survivors: 4, outcome: outcome),
      signature: bytes(64, from: 26))
  }

  static let instructions: [Instruction] = [
    Instruction(token: "", roundID: 0, step: .idle(reconnectAfter: .milliseconds(750))),
    Instruction(token: "t1", roundID: 7, step: .advertise(plan, runPlan: Array(#"{"name":"x"}"#.utf8))),
    Instruction(token: "t2", roundID: 7, step: .share(roster)),
    Instruction(token: "t3", roundID: 7, step: .upload(delivery)),
    Instruction(token: "t4", roundID: 7, step: .confirm(survivors)),
    Instruction(token: "t5", roundID: 7, step: .unmask(quorum)),
    Instruction(token: "t6", roundID: 7, step: .closed(close(7))),
  ]
}

extension Samples {
  static let reasons: [AbandonReason] = [
    .tooFewAdverts(have: 1, need: 3), .tooFewShares(have: 2, need: 3), .tooFewUploads(have: 3, need: 4),
    .tooFewConfirmations(have: 1, need: 2), .tooFewAnswers(have: 0, need: 3), .cannotUnmask("wrong shares"),
    .impossibleTotalWeight(found: 1 << 50, survivors: 4), .occupancyAlarm, .impossibleSum("negative count"),
    .cannotGoOn("no column is left"), .stopped,
  ]

  /// A run in which nothing is left out.
  static let run = RunSnapshot(
    run: "hearts-1", planName: "hearts", plan: digest(31), standing: .failed(reason: "no column is left"),
    submittedAt: 1.25,
    startedAt: 2.5, endedAt: 3.75, roundsClosed: 5, roundsTotal: 33,
    current: RoundSnapshot(
      roundID: 1 << 32 | 9, kind: .evaluation, number: 6, phase: .confirming, openedAt: 5, phaseEndsAt: 6, deadline: 7,
      answered: ["north", "south"], waitingFor: [LateParticipant(name: "east", reason: "training 40%")]),
    waitingFor: [LateParticipant(name: "west", reason: "not connected")],
    metrics: [
      RoundMetrics(
        number: 3, roundID: 3, model: digest(32), survivors: 4, rows: 920, tooFewRows: false, meanLoss: 0.5,
        accuracy: 0.75, auc: 0.875, aucTieBound: 0.0625, updateNorm: 1.5),
      RoundMetrics(number: 4, roundID: 4, model: digest(33), survivors: 3, rows: 12, tooFewRows: true),
    ],
    abandoned: reasons.enumerated().map { index, reason in
      AbandonedRound(
        roundID: UInt64(index), kind: RoundKind.allCases[index % 4], number: index,
        phase: RoundPhase.allCases[index % 5], reason: reason, at: Double(index) / 2)
    },
    droppedColumns: ["cholesterol"], model: digest(34), traffic: Traffic(bytesUp: 1 << 33, bytesDown: 1 << 34))
}
