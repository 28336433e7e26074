import Foundation
import Identities
import SecureAggregation
import Testing

@testable import Wire

@Suite("Rounds over the wire")
struct RoundTests {
  @Test("Every message of a participant arrives as it was sent, with the caller from the certificate")
  func messages() async throws {
    try await TestFederation.serving { federation in
      try await federation.enrolled("north") { client, node in
        let advert = Samples.advert(node.peer)
        try await client.advertise(round: 7, advert)
        try await client.submitShares(round: 8, Samples.shares)
        try await client.submitUpload(round: 9, Samples.upload(1000))
        try await client.confirm(round: 10, Samples.confirmation)
        try await client.unmask(round: 11, Samples.answer)
        try await client.decline(round: 12, reason: "the owner\nsaid no")
        #expect(
          await federation.coordinator.received == [
            .advert(7, advert), .shares(8, Samples.shares), .upload(9, Samples.upload(1000)),
            .confirmation(10, Samples.confirmation), .answer(11, Samples.answer), .decline(12, "the owner said no"),
          ])
        #expect(await federation.coordinator.callers.allSatisfy { $0.peer == node.peer })
      }
    }
  }

  @Test("Every instruction arrives as it was given, one after the other by token")
  func instructions() async throws {
    try await TestFederation.serving { federation in
      let given = Samples.instructions.dropFirst()
      for instruction in given { await federation.coordinator.instruct(instruction) }
      try await federation.enrolled("north") { client, _ in
        var token = ""
        for instruction in given {
          let next = try await client.nextInstruction(Poll(after: token, wait: .zero))
          #expect(next == instruction)
          token = next.token
        }
        let last = try await client.nextInstruction(Poll(after: token, wait: .zero))
        #expect(last == .idle(after: token))
      }
    }
  }

  @Test("A long-poll waits and returns when there is an instruction")
  func longPoll() async throws {
    try await TestFederation.serving { federation in
      try await federation.enrolled("north") { client, _ in
        async let next = client.nextInstruction(
          Poll(wait: .seconds(30), activity: .working(round: 6, fraction: 0.25)))
        try await eventually { await federation.coordinator.polls.count == 1 }
        #expect(await federation.coordinator.polls.first?.activity == .working(round: 6, fraction: 0.25))
        await federation.coordinator.instruct(Samples.instructions[2])
        let instruction = try await next
        #expect(instruction == Samples.instructions[2])
      }
    }
  }

  @Test("A coordinator that stops ends open long-polls with word to come back")
  func drain() async throws {
    try await TestFederation.serving { federation in
      try await federation.enrolled("north") { client, _ in
        async let next = client.nextInstruction(Poll(after: "t9", wait: .seconds(30)))
        try await eventually { await federation.coordinator.polls.count == 1 }
        federation.server.stop()
        let instruction = try await next
        #expect(instruction.token == "t9")
        guard case .idle(let after) = instruction.step else {
          Issue.record("found \(instruction.step)")
          return
        }
        #expect(after >= .milliseconds(250) && after <= .seconds(2))
      }
    }
  }

  @Test("When a participant hangs up, its waiting poll is cancelled at the coordinator")
  func hangUp() async throws {
    try await TestFederation.serving { federation in
      try await federation.enrolled("north") { client, _ in
        await withThrowingTaskGroup(of: Void.self) { group in
          group.addTask { _ = try await client.nextInstruction(Poll(wait: .seconds(30))) }
          try? await eventually { await federation.coordinator.polls.count == 1 }
          group.cancelAll()
        }
        try await eventually { await federation.coordinator.cancelledPolls == 1 }
      }
    }
  }

  @Test("A message that names someone other than the caller is refused, and says which part")
  func mismatches() async throws {
    try await TestFederation.serving { federation in
      try await federation.enrolled("north") { client, node in
        var peer = node.peer
        peer.name = "south"
        await #expect(throws: WireError.nameMismatch(certified: "north", declared: "south")) {
          try await client.advertise(round: 1, Samples.advert(peer))
        }
        peer = node.peer
        peer.organisation = "South"
        await #expect(throws: WireError.organisationMismatch(certified: "north hospital", declared: "South")) {
          try await client.advertise(round: 1, Samples.advert(peer))
        }
        peer = node.peer
        peer.key = Samples.peers[0].key
        await #expect(throws: WireError.keyMismatch(name: "north")) {
          try await client.advertise(round: 1, Samples.advert(peer))
        }
        #expect(await federation.coordinator.received.isEmpty)
      }
    }
  }

  @Test("What the averaging protocol refuses comes back as the same case")
  func refusals() async throws {
    try await TestFederation.serving { federation in
      try await federation.enrolled("north") { client, _ in
        let error = AveragingError.wrongLength(of: "upload of north", expected: 12, found: 13)
        await federation.coordinator.refuse(with: error)
        await #expect(throws: WireError.averaging(error)) { try await client.submitUpload(round: 1, Samples.upload(1)) }
        await federation.coordinator.refuse(with: AveragingError.secondSurvivorSet)
        await #expect(throws: WireError.averaging(.secondSurvivorSet)) {
          try await client.confirm(round: 1, Samples.confirmation)
        }
      }
    }
  }

  @Test("An error that has no name says nothing of its insides")
  func unnamed() async throws {
    struct Secret: Error { let key = "0123" }
    try await TestFederation.serving { federation in
      try await federation.enrolled("north") { client, _ in
        await federation.coordinator.refuse(with: Secret())
        await #expect(throws: WireError.failed(reason: "the other side failed")) {
          try await client.decline(round: 1, reason: "")
        }
      }
    }
  }

  @Test("A client waits for a coordinator that is away, and a call gets through when it is back")
  func comesBack() async throws {
    let coordinator = try TestCoordinator()
    let (port, node) = try await TestFederation.serving(coordinator) { federation in
      try await federation.enrolled("north") { _, node in (federation.port, node) }
    }
    let material = node.keys.material(certificate: node.enrolment.certificate)
    let address = CoordinatorAddress(host: "127.0.0.1", port: port)
    try await CoordinatorClient.connected(to: address, authority: coordinator.authority.digest, material: material) {
      client in
      // Nobody is there: the impatient form says so.
      await #expect(throws: WireError.unreachable(address: "\(address)", reason: "connection refused")) {
        _ = try await client.nextInstruction(Poll(wait: .zero), reconnecting: false)
      }
      await coordinator.extend([Samples.close(1)])
      async let closes = client.closes(run: "hearts-1", after: 0)
      let server = try ParticipantServer(
        host: "127.0.0.1", port: port, authority: coordinator.authority, enrolment: coordinator, rounds: coordinator)
      async let running: Void = server.run()
      let found = try await closes
      #expect(found == [Samples.close(1)])
      server.stop()
      try await running
    }
  }

  @Test("The closes of a run come page by page until there are no more")
  func closes() async throws {
    try await TestFederation.serving { federation in
      let closes = (1...5).map { Samples.close(UInt64($0)) }
      await federation.coordinator.extend(closes + [Samples.close(6, run: "other")])
      try await federation.enrolled("north") { client, _ in
        let fetched = try await client.closes(run: "hearts-1", after: 1)
        #expect(fetched == Array(closes.dropFirst()))
        let none = try await client.closes(run: "nothing", after: 0)
        #expect(none.isEmpty)
      }
    }
  }
}

/// Looks until a condition holds that another task is about to make true; gives up after a minute.
func eventually(_ condition: () async -> Bool) async throws {
  let deadline = ContinuousClock.now + .seconds(60)
  while await !condition() {
    guard ContinuousClock.now < deadline else { throw WireError.timedOut(what: "the condition") }
    try await Task.sleep(for: .milliseconds(10))
  }
}
