import Federation
import Foundation
import Identities
import SecureAggregation
import SwiftProtobuf
import Testing

@testable import Wire

@Suite("Messages to domain values and back")
struct MessageTests {
  /// Through the bytes that travel.
  func travelled<M: SwiftProtobuf.Message>(_ message: M) throws -> M {
    try M(serializedBytes: message.serializedBytes() as [UInt8])
  }

  @Test("Every message of the averaging protocol comes back as it was")
  func averaging() throws {
    let advert = Samples.advert(Samples.peers[0])
    #expect(try SignedRoundPlan(travelled(.init(Samples.plan))) == Samples.plan)
    #expect(try SignedAdvert(travelled(.init(advert))) == advert)
    #expect(try Roster(travelled(.init(Samples.roster))) == Samples.roster)
    #expect(try ShareMessage(travelled(.init(Samples.shares))) == Samples.shares)
    #expect(try ShareDelivery(travelled(.init(Samples.delivery))) == Samples.delivery)
    let statement = Samples.upload(1).statement
    #expect(try UploadStatement(travelled(.init(statement))) == statement)
    #expect(try SurvivorSet(travelled(.init(Samples.survivors))) == Samples.survivors)
    #expect(try Confirmation(travelled(.init(Samples.confirmation))) == Samples.confirmation)
    #expect(try Quorum(travelled(.init(Samples.quorum))) == Samples.quorum)
    #expect(try UnmaskAnswer(travelled(.init(Samples.answer))) == Samples.answer)
    for outcome in [RoundOutcome.done, .abandoned, .alarm] {
      let close = Samples.close(5, outcome: outcome)
      #expect(try SignedRoundClose(travelled(.init(close))) == close)
    }
    for kind in RoundKind.allCases {
      for rule: UInt8 in [0, 1] {
        var plan = Samples.plan
        (plan.plan.kind, plan.plan.weightRule) = (kind, rule)
        #expect(try SignedRoundPlan(travelled(.init(plan))) == plan)
      }
    }
  }

  @Test("What is signed is still what was signed after it has travelled")
  func signatures() throws {
    let signer = try IdentitySigner()
    let plan = try SignedRoundPlan(Samples.plan.plan, signer: signer)
    #expect(try SignedRoundPlan(travelled(.init(plan))).isSigned(by: signer.publicKey))
    let close = try SignedRoundClose(Samples.close(1).close, signer: signer)
    #expect(try SignedRoundClose(travelled(.init(close))).isSigned(by: signer.publicKey))
  }

  @Test("Every instruction comes back as it was")
  func instructions() throws {
    for instruction in Samples.instructions {
      #expect(try Instruction(travelled(.init(instruction))) == instruction)
    }
  }

  @Test("Polls and activities come back as they were, with a wait of at most a minute")
  func polls() throws {
    for activity in [Activity.idle, .working(round: 9, fraction: 0.5), .waitingForOwner(reason: "plan not allowed")] {
      let poll = Poll(after: "t", wait: .milliseconds(1500), activity: activity)
      #expect(try Poll(travelled(.init(poll))) == poll)
    }
    #expect(try Poll(travelled(.init(Poll(wait: .seconds(3600))))).wait == .seconds(60))
    #expect(try Poll(travelled(.init(Poll(wait: .seconds(-1))))).wait == .zero)
  }

  @Test("A run and its participants come back as they were")
  func operation() throws {
    let standings: [RunStanding] = [.queued, .running, .finished, .stopped, .failed(reason: "x")]
    for standing in standings {
      var run = Samples.run
      run.standing = standing
      #expect(try RunSnapshot(travelled(.init(run))) == run)
    }
    for participant in TestOperation.participants {
      #expect(try ParticipantSnapshot(travelled(.init(participant))) == participant)
    }
  }

  @Test("An enrolment and its request come back as they were")
  func enrolment() throws {
    let (keys, token, authority) = (try NodeKeys(), try InviteToken(), try CoordinatorAuthority())
    let request = try EnrolmentRequest(name: "north", token: token, keys: keys)
    let (back, backToken) = try travelled(Tributary_V1_EnrolRequest(request, token: token)).domain()
    #expect(back == request)
    #expect(backToken == token)
    let enrolment = Enrolment(
      certificate: try authority.issueParticipant(
        name: "north", organisation: "North", averagingKey: request.averagingKey,
        certificateRequest: request.certificateRequest),
      authority: authority.certificateDER, coordinatorKey: try IdentitySigner().publicKey)
    #expect(try Enrolment(travelled(.init(enrolment))) == enrolment)
  }

  /// A decoder with a good message and one way to spoil it.
  struct Spoiled: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let decode: @Sendable () throws -> Void

    init<M: SwiftProtobuf.Message & Equatable, T>(
      _ name: String, _ good: M, _ decode: @escaping @Sendable (M) throws -> T,
      _ spoil: @escaping @Sendable (inout M) -> Void
    ) {
      testDescription = name
      self.decode = {
        _ = try decode(good)
        var bad = good
        spoil(&bad)
        #expect(bad != good)
        _ = try decode(bad)
      }
    }
  }

  static let spoiled: [Spoiled] = {
    let plan = Tributary_V1_SignedRoundPlan(Samples.plan)
    let advert = Tributary_V1_SignedAdvert(Samples.advert(Samples.peers[0]))
    let close = Tributary_V1_SignedRoundClose(Samples.close(1))
    let statement = Tributary_V1_UploadStatement(Samples.upload(1).statement)
    let survivors = Tributary_V1_SurvivorSet(Samples.survivors)
    let instruction = Tributary_V1_Instruction(Samples.instructions[1])
    let answer = Tributary_V1_UnmaskAnswer(Samples.answer)
    let run = Tributary_V1_Run(Samples.run)
    return [
      Spoiled("plan: missing", plan, SignedRoundPlan.init(_:)) { $0.clearPlan() },
      Spoiled("plan: short signature", plan, SignedRoundPlan.init(_:)) { $0.signature.removeLast() },
      Spoiled("plan: no signature", plan, SignedRoundPlan.init(_:)) { $0.signature = Data() },
      Spoiled("plan: short trainer", plan, SignedRoundPlan.init(_:)) { $0.plan.trainer.removeLast() },
      Spoiled("plan: long model", plan, SignedRoundPlan.init(_:)) { $0.plan.modelIn.append(0) },
      Spoiled("plan: minimum beyond u16", plan, SignedRoundPlan.init(_:)) { $0.plan.minimumSurvivors = 65536 },
      Spoiled("plan: colluders beyond u16", plan, SignedRoundPlan.init(_:)) { $0.plan.assumedColluders = .max },
      Spoiled("plan: lost beyond u16", plan, SignedRoundPlan.init(_:)) { $0.plan.maximumLost = 65536 },
      Spoiled("plan: version beyond u16", plan, SignedRoundPlan.init(_:)) { $0.plan.protocolVersion = 1 << 20 },
      Spoiled("plan: unknown kind", plan, SignedRoundPlan.init(_:)) { $0.plan.kind = .UNRECOGNIZED(4) },
      Spoiled("plan: unknown weight rule", plan, SignedRoundPlan.init(_:)) { $0.plan.weightRule = .UNRECOGNIZED(2) },
      Spoiled("advert: missing", advert, SignedAdvert.init(_:)) { $0.clearAdvert() },
      Spoiled("advert: short key", advert, SignedAdvert.init(_:)) { $0.advert.averagingKey.removeLast() },
      Spoiled("advert: long share key", advert, SignedAdvert.init(_:)) { $0.advert.shareKey.append(1) },
      Spoiled("advert: no mask key", advert, SignedAdvert.init(_:)) { $0.advert.maskKey = Data() },
      Spoiled("advert: short commitment", advert, SignedAdvert.init(_:)) { $0.advert.commitment.removeLast() },
      Spoiled("advert: short plan hash", advert, SignedAdvert.init(_:)) { $0.advert.planHash.removeLast() },
      Spoiled("advert: long nonce", advert, SignedAdvert.init(_:)) { $0.advert.nonce.append(1) },
      Spoiled("advert: long signature", advert, SignedAdvert.init(_:)) { $0.signature.append(1) },
      Spoiled("roster: too many", Tributary_V1_Roster(Samples.roster), Roster.init(_:)) {
        $0.adverts = Array(repeating: $0.adverts[0], count: 256)
      },
      Spoiled("roster: damaged advert", Tributary_V1_Roster(Samples.roster), Roster.init(_:)) {
        $0.adverts[1].signature = Data()
      },
      Spoiled(
        "shares: short ciphertext", Tributary_V1_ShareMessage(Samples.shares),
        ShareMessage.init(_:)
      ) {
        $0.shares[0].ciphertext.removeLast()
      },
      Spoiled(
        "shares: rank beyond u16", Tributary_V1_ShareMessage(Samples.shares),
        ShareMessage.init(_:)
      ) {
        $0.shares[1].rank = 65536
      },
      Spoiled(
        "delivery: no sharers", Tributary_V1_ShareDelivery(Samples.delivery),
        ShareDelivery.init(_:)
      ) {
        $0.clearSharers()
      },
      Spoiled(
        "delivery: a spare bit", Tributary_V1_ShareDelivery(Samples.delivery),
        ShareDelivery.init(_:)
      ) {
        $0.sharers.bits[1] |= 0x80
      },
      Spoiled(
        "delivery: too few bits", Tributary_V1_ShareDelivery(Samples.delivery),
        ShareDelivery.init(_:)
      ) {
        $0.sharers.bits.removeLast()
      },
      Spoiled(
        "delivery: huge capacity", Tributary_V1_ShareDelivery(Samples.delivery),
        ShareDelivery.init(_:)
      ) {
        $0.sharers.capacity = .max
      },
      Spoiled("statement: no bitmap", statement, UploadStatement.init(_:)) { $0.clearUnopened() },
      Spoiled("statement: short digest", statement, UploadStatement.init(_:)) { $0.digest.removeLast() },
      Spoiled("statement: short signature", statement, UploadStatement.init(_:)) { $0.signature.removeLast() },
      Spoiled("survivors: no sharers", survivors, SurvivorSet.init(_:)) { $0.clearSharers() },
      Spoiled("survivors: no survivors", survivors, SurvivorSet.init(_:)) { $0.clearSurvivors() },
      Spoiled("survivors: short root", survivors, SurvivorSet.init(_:)) { $0.root.removeLast() },
      Spoiled("survivors: short proof", survivors, SurvivorSet.init(_:)) { $0.inclusionProof[0].removeLast() },
      Spoiled("survivors: endless proof", survivors, SurvivorSet.init(_:)) {
        $0.inclusionProof = Array(repeating: $0.inclusionProof[0], count: 65)
      },
      Spoiled("quorum: short hash", Tributary_V1_Quorum(Samples.quorum), Quorum.init(_:)) {
        $0.survivorsHash.removeLast()
      },
      Spoiled("quorum: short signature", Tributary_V1_Quorum(Samples.quorum), Quorum.init(_:)) {
        $0.confirmations[0].signature.removeLast()
      },
      Spoiled("answer: short share", answer, UnmaskAnswer.init(_:)) { $0.entries[0].share.removeLast() },
      Spoiled("answer: rank beyond u16", answer, UnmaskAnswer.init(_:)) { $0.rank = 70000 },
      Spoiled("answer: too many", answer, UnmaskAnswer.init(_:)) {
        $0.entries = Array(repeating: $0.entries[0], count: 256)
      },
      Spoiled("close: missing", close, SignedRoundClose.init(_:)) { $0.clearClose() },
      Spoiled("close: unknown outcome", close, SignedRoundClose.init(_:)) { $0.close.outcome = .UNRECOGNIZED(3) },
      Spoiled("close: survivors beyond u16", close, SignedRoundClose.init(_:)) { $0.close.survivors = 65536 },
      Spoiled("close: short model", close, SignedRoundClose.init(_:)) { $0.close.modelOut.removeLast() },
      Spoiled("instruction: no step", instruction, Instruction.init(_:)) { $0.step = nil },
      Spoiled("instruction: no plan", instruction, Instruction.init(_:)) { $0.advertise.clearPlan() },
      Spoiled(
        "activity: more than whole", Tributary_V1_Activity(.working(round: 1, fraction: 1)),
        Activity.init(_:)
      ) { $0.working.fraction = 1.5 },
      Spoiled(
        "activity: not a number", Tributary_V1_Activity(.working(round: 1, fraction: 1)),
        Activity.init(_:)
      ) { $0.working.fraction = .nan },
      Spoiled("run: short plan", run, RunSnapshot.init(_:)) { $0.plan.removeLast() },
      Spoiled("run: empty model", run, RunSnapshot.init(_:)) { $0.model = Data() },
      Spoiled("run: unknown standing", run, RunSnapshot.init(_:)) { $0.standing = .UNRECOGNIZED(9) },
      Spoiled("run: unknown phase", run, RunSnapshot.init(_:)) { $0.current.phase = .UNRECOGNIZED(9) },
      Spoiled("run: no reason", run, RunSnapshot.init(_:)) { $0.abandoned[0].clearReason() },
      Spoiled("run: unknown reason", run, RunSnapshot.init(_:)) { $0.abandoned[0].reason.kind = .UNRECOGNIZED(99) },
      Spoiled("run: too many rows", run, RunSnapshot.init(_:)) { $0.metrics[0].rows = .max },
      Spoiled(
        "participant: not a key", Tributary_V1_Participant(TestOperation.participants[1]),
        ParticipantSnapshot.init(_:)
      ) { $0.fingerprint = "ed25519:00" },
    ]
  }()

  @Test(
    "A message with a field missing, of the wrong length or out of range is refused as malformed", arguments: spoiled)
  func malformed(_ spoiled: Spoiled) throws {
    #expect {
      try spoiled.decode()
    } throws: { error in
      if case .malformed? = error as? WireError { true } else { false }
    }
  }

  @Test("A truncated message is never more than an error, wherever it is cut")
  func truncated() throws {
    let bytes: [UInt8] = try Tributary_V1_Instruction(Samples.instructions[2]).serializedBytes()
    for count in bytes.indices {
      guard let message = try? Tributary_V1_Instruction(serializedBytes: Array(bytes[..<count])) else { continue }
      #expect(throws: WireError.self) { try Instruction(message) }
    }
  }
}
