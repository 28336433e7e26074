import Foundation
import GRPCCore
import Identities
import Testing

@testable import Wire

@Suite("Stopping a server", .timeLimit(.minutes(2)))
struct StoppingTests {
  @Test("Cancelling a server in the middle of calls is a graceful stop: it returns, and the process lives on")
  func cancelledUnderLoad() async throws {
    for _ in 0..<5 {
      let coordinator = try TestCoordinator()
      let server = try ParticipantServer(
        host: "127.0.0.1", port: 0, authority: coordinator.authority, enrolment: coordinator, rounds: coordinator)
      let (ports, port) = AsyncStream.makeStream(of: Int.self)
      let running = Task { try await server.run { port.yield($0) } }
      let bound = try #require(await ports.first { _ in true })
      let address = CoordinatorAddress(host: "127.0.0.1", port: bound)
      let keys = try NodeKeys()
      let enrolment = try await EnrolmentClient.enrol(try await coordinator.invite("north", port: bound), keys: keys)
      let material = keys.material(certificate: enrolment.certificate)
      let (answers, answer) = AsyncStream.makeStream(of: Void.self)
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask {
            _ = try? await CoordinatorClient.connected(
              to: address, authority: coordinator.authority.digest, material: material
            ) { client in
              // Until the first call that fails, since the server is gone.
              while true {
                _ = try await client.nextInstruction(Poll(wait: .zero), reconnecting: false)
                answer.yield()
              }
            }
          }
        }
        var answered = answers.makeAsyncIterator()
        for _ in 0..<40 { await answered.next() }
        running.cancel()
        _ = await running.result
        group.cancelAll()
      }
    }
  }

  @Test("A call that the transport loses is given up when its time is over, or soon after it is cancelled")
  func lostCall() async throws {
    // Neither a deadline nor cancellation reaches it.
    let lost: @Sendable () async throws -> Int = {
      let (never, continuation) = AsyncStream.makeStream(of: Int.self)
      return await Task {
        defer { continuation.finish() }
        return await never.first { _ in true } ?? 0
      }.value
    }
    let error = await #expect(throws: RPCError.self) { try await ending(after: .milliseconds(10), lost) }
    #expect(error?.code == .deadlineExceeded)
    let waiting = Task { try await ending(after: nil, lost) }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    #expect(try await ending(after: .seconds(60)) { 7 } == 7)
    await #expect(throws: WireError.shuttingDown) {
      try await ending(after: .seconds(60)) { throw WireError.shuttingDown }
    }
  }

  @Test("A server that was stopped before it ran does not wait for an address")
  func stoppedBefore() async throws {
    let coordinator = try TestCoordinator()
    let server = try ParticipantServer(
      host: "127.0.0.1", port: 0, authority: coordinator.authority, enrolment: coordinator, rounds: coordinator)
    server.stop()
    await #expect(throws: WireError.self) { try await server.run() }
  }
}
