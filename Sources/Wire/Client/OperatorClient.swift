public import Federation
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix

/// The operator's connection to its coordinator's Unix socket: the methods of ``OperationService`` as calls.
public struct OperatorClient: Sendable {
  private let operation: Tributary_V1_Operation.Client<Transport>
  private let socket: String

  /// Connects for the length of `body`; throws ``WireError/noCoordinator(socket:)`` if nobody serves there.
  public static func connected<Result: Sendable>(
    socket: String, _ body: (OperatorClient) async throws -> Result
  ) async throws -> Result {
    guard SocketProbe.answers(at: socket) else { throw WireError.noCoordinator(socket: socket) }
    return try await ClientConnection.withSocket(socket) { client in
      try await body(OperatorClient(operation: .init(wrapping: client), socket: socket))
    }
  }

  public func invite(name: String, organisation: String, lifetime: Duration?) async throws -> Invitation {
    let request = Tributary_V1_InviteRequest.with {
      $0.name = name
      $0.organisation = organisation
      $0.lifetimeSeconds = UInt64(max(0, lifetime?.components.seconds ?? 0))
    }
    let reply = try await call { try await operation.invite(request, options: $0) }
    let line = try MessageReader("InviteReply").text(reply.line, atMost: Limits.reasonBytes, "line")
    return Invitation(line: line, expires: reply.expires)
  }

  public func participants() async throws -> [ParticipantSnapshot] {
    try await call { try await operation.participants(.init(), options: $0) }.participants
      .mapTyped { participant throws(WireError) in try ParticipantSnapshot(participant) }
  }

  public func revoke(name: String) async throws {
    _ = try await call { try await operation.revoke(.with { $0.name = name }, options: $0) }
  }

  /// - Parameter plan: Canonical JSON.
  /// - Returns: The run's identifier.
  public func submitRun(plan: [UInt8]) async throws -> String {
    try await call { try await operation.submitRun(.with { $0.plan = Data(plan) }, options: $0) }.run.oneLine
  }

  /// Oldest first.
  public func runs() async throws -> [RunSnapshot] {
    try await call { try await operation.runs(.init(), options: $0) }.runs
      .mapTyped { run throws(WireError) in try RunSnapshot(run) }
  }

  /// - Parameter run: Nil for the newest.
  public func run(_ run: String? = nil) async throws -> RunSnapshot {
    try RunSnapshot(try await call { try await operation.runStatus(.with { $0.run = run ?? "" }, options: $0) })
  }

  /// Calls `each` with the run now and whenever it changes, until it has ended or `each` returns false.
  ///
  /// - Returns: The run as it was last seen.
  public func watchRun(
    _ run: String? = nil, each: @Sendable @escaping (RunSnapshot) async throws -> Bool
  ) async throws -> RunSnapshot {
    let last = try await call(timeout: nil) { options in
      try await operation.watchRun(.with { $0.run = run ?? "" }, options: options) { response in
        var last: RunSnapshot?
        for try await message in response.messages {
          let snapshot = try RunSnapshot(message)
          last = snapshot
          guard try await each(snapshot) else { break }
        }
        return last
      }
    }
    guard let last else { throw WireError.shuttingDown }
    return last
  }

  public func stopRun(_ run: String) async throws {
    _ = try await call { try await operation.stopRun(.with { $0.run = run }, options: $0) }
  }

  /// Asks the coordinator to stop; it answers before it does.
  public func shutdown() async throws {
    _ = try await call { try await operation.shutdown(.init(), options: $0) }
  }

  private func call<Reply: Sendable>(
    timeout: Duration? = .seconds(30), _ body: @escaping @Sendable (CallOptions) async throws -> Reply
  ) async throws -> Reply {
    do {
      return try await ending(after: timeout.map { $0 + .seconds(5) }) {
        try await body(.tributary(timeout: timeout, waiting: false))
      }
    } catch {
      if Task.isCancelled { throw CancellationError() }
      throw WireError(call: error, to: socket, trust: nil)
    }
  }
}
