import Foundation
import GRPCCore
import Identities
import SecureAggregation
import Synchronization

@testable import Wire

/// A clock that stands still until a test moves it.
final class TestClock: Sendable {
  private let date: Mutex<Date>

  init(_ start: Date = Date()) {
    date = Mutex(start)
  }

  var now: Date { date.withLock { $0 } }

  func advance(by seconds: TimeInterval) {
    date.withLock { $0.addTimeInterval(seconds) }
  }
}

/// How a broken stream looks from the other end: a status that gRPC makes up itself, with no refusal in it.
func brokenStream() -> RPCError { RPCError(code: .unavailable, message: "Stream unexpectedly closed") }

/// A served `TestCoordinator` on a free port of the loopback interface.
struct TestFederation: Sendable {
  let coordinator: TestCoordinator
  let server: ParticipantServer
  let port: Int

  var address: CoordinatorAddress { CoordinatorAddress(host: "127.0.0.1", port: port) }

  static func serving<Result: Sendable>(
    _ coordinator: TestCoordinator? = nil, _ body: @Sendable @escaping (TestFederation) async throws -> Result
  ) async throws -> Result {
    let coordinator = try coordinator ?? TestCoordinator()
    let server = try ParticipantServer(
      host: "127.0.0.1", port: 0, authority: coordinator.authority, enrolment: coordinator, rounds: coordinator,
      now: { coordinator.clock.now })
    let (ports, port) = AsyncStream.makeStream(of: Int.self)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { port.finish() }
        try await server.run { port.yield($0) }
      }
      var iterator = ports.makeAsyncIterator()
      guard let bound = await iterator.next() else {
        try await group.waitForAll()
        throw WireError.failed(reason: "the server did not listen")
      }
      let result: Result
      do {
        result = try await body(TestFederation(coordinator: coordinator, server: server, port: bound))
      } catch {
        server.stop()
        throw error
      }
      server.stop()
      try await group.waitForAll()
      return result
    }
  }

  /// Enrols a node and connects with its certificate.
  func enrolled<Result: Sendable>(
    _ name: String = "north", _ body: (CoordinatorClient, Node) async throws -> Result
  ) async throws -> Result {
    let keys = try NodeKeys()
    let invite = try await coordinator.invite(name, port: port)
    let node = Node(keys: keys, enrolment: try await EnrolmentClient.enrol(invite, keys: keys))
    return try await connected(node.keys.material(certificate: node.enrolment.certificate)) { try await body($0, node) }
  }

  func connected<Result: Sendable>(
    _ material: TLSMaterial, _ body: (CoordinatorClient) async throws -> Result
  ) async throws -> Result {
    try await CoordinatorClient.connected(
      to: address, authority: coordinator.authority.digest, material: material, body)
  }
}

struct Node: Sendable {
  let keys: NodeKeys
  let enrolment: Enrolment

  var peer: Peer {
    let identity = enrolment.certificate.identity
    return Peer(name: identity.name, organisation: identity.organisation, key: identity.averagingKey)
  }
}
