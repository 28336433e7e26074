import Federation
import Foundation
import GRPCCore
import Identities
import SecureAggregation
import Testing

@testable import Wire

@Suite("How much a message may say", .timeLimit(.minutes(2)))
struct BoundsTests {
  private let long = String(repeating: "x", count: 70_000)

  private func isMalformed(_ error: any Error) -> Bool {
    if case WireError.malformed = error { true } else { false }
  }

  @Test("A token has at most 64 bytes, in either direction")
  func tokens() throws {
    let poll = Tributary_V1_NextInstructionRequest.with { $0.after = String(repeating: ".", count: 64) }
    #expect(try Poll(poll).after.utf8.count == 64)
    #expect(
      throws: WireError.malformed(message: "NextInstructionRequest", reason: "after has 65 bytes, expected at most 64")
    ) { try Poll(.with { $0.after = String(repeating: ".", count: 65) }) }
    #expect(throws: WireError.malformed(message: "Instruction", reason: "token has 65 bytes, expected at most 64")) {
      try Instruction(
        .with {
          $0.token = String(repeating: "é", count: 32) + "."
          $0.idle = .init()
        })
    }
  }

  @Test("No text and no opaque bytes of any message are unbounded")
  func texts() throws {
    let advert = Tributary_V1_SignedAdvert(Samples.advert(Samples.peers[0]))
    let plan = Tributary_V1_RoundPlan(Samples.plan.plan)
    let close = Tributary_V1_RoundClose(Samples.close(1).close)
    let run = Tributary_V1_Run(Samples.run)
    let large = Data(count: (1 << 20) + 1)
    func changed<M>(_ message: M, _ change: (inout M) -> Void) -> M {
      var message = message
      change(&message)
      return message
    }
    let decoders: [() throws -> Void] = [
      { _ = try SignedAdvert(changed(advert) { $0.advert.name = long }) },
      { _ = try SignedAdvert(changed(advert) { $0.advert.organisation = long }) },
      { _ = try RoundPlan(changed(plan) { $0.run = long }) },
      { _ = try RoundPlan(changed(plan) { $0.privacy = long }) },
      { _ = try RoundClose(changed(close) { $0.run = long }) },
      { _ = try Activity(.with { $0.waitingForOwner.reason = long }) },
      { _ = try OfferedPlan(.with { $0.run = long }) },
      { _ = try OfferedPlan(.with { $0.plan = large }) },
      {
        _ = try Instruction(
          .with {
            $0.advertise.plan = Tributary_V1_SignedRoundPlan(Samples.plan)
            $0.advertise.runPlan = large
          })
      },
      { _ = try Enrolment(.with { $0.certificate = large }) },
      {
        _ = try Tributary_V1_EnrolRequest.with {
          $0.token = Data(count: 32)
          $0.averagingKey = Data(count: 32)
          $0.proof = Data(count: 64)
          $0.name = long
        }.domain()
      },
      {
        _ = try Tributary_V1_EnrolRequest.with {
          $0.token = Data(count: 32)
          $0.averagingKey = Data(count: 32)
          $0.proof = Data(count: 64)
          $0.certificateRequest = large
        }.domain()
      },
      { _ = try ParticipantSnapshot(.with { $0.name = long }) },
      { _ = try ParticipantSnapshot(.with { $0.activity = long }) },
      { _ = try RunSnapshot(changed(run) { $0.run = long }) },
      { _ = try RunSnapshot(changed(run) { $0.failure = long }) },
      { _ = try RunSnapshot(changed(run) { $0.droppedColumns = [long] }) },
      { _ = try RunSnapshot(changed(run) { $0.current.answered = [long] }) },
      { _ = try RunSnapshot(changed(run) { $0.current.waitingFor[0].reason = long }) },
      { _ = try RunSnapshot(changed(run) { $0.abandoned[5].reason.detail = long }) },
    ]
    for (place, decode) in decoders.enumerated() {
      let error = #expect(throws: WireError.self, "decoder \(place)") { try decode() }
      #expect(error.map(isMalformed) == true, "decoder \(place): \(error.map { "\($0)" } ?? "")")
    }
  }

  @Test("A refusal cannot draw on the terminal of who reads it")
  func refusals() throws {
    let error = WireError(WireError.refused(name: "x", message: "a\u{1B}[2Jb", suggestion: "c\nd").rpcError)
    #expect(error == .refused(name: "x", message: "a [2Jb", suggestion: "c d"))
    let named = WireError(WireError.unknownRun("r\u{1B}]0;x").rpcError)
    #expect(named == .unknownRun("r ]0;x"))
  }

  @Test("A participant has so many calls open at a time and no more, whatever connections it makes")
  func calls() async throws {
    try await TestFederation.serving { federation in
      let keys = try NodeKeys()
      let invite = try await federation.coordinator.invite("north", port: federation.port)
      let material = keys.material(certificate: try await EnrolmentClient.enrol(invite, keys: keys).certificate)
      try await federation.connected(material) { first in
        try await federation.connected(material) { second in
          try await withThrowingTaskGroup(of: Void.self) { group in
            for place in 0..<Limits.callsAtOnce {
              let client = place % 2 == 0 ? first : second
              group.addTask { _ = try await client.nextInstruction(Poll(wait: .seconds(60))) }
            }
            while await federation.coordinator.polls.count < Limits.callsAtOnce {
              try await Task.sleep(for: .milliseconds(10))
            }
            let error = try await failure { _ = try await second.offeredPlans() }
            guard case .refused("too-many-calls", _, _) = error else {
              Issue.record("\(error)")
              return
            }
            // Another one is not held up, and this one is not for longer than its calls last.
            try await federation.enrolled("coast") { client, _ in _ = try await client.offeredPlans() }
            await federation.coordinator.instruct(Samples.instructions[1])
            try await group.waitForAll()
            _ = try await second.offeredPlans()
          }
        }
      }
    }
  }
}
