import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The coordinator's Unix socket for its operator: whoever may open it may command.
public struct OperatorServer: Sendable {
  private let server: GRPCServer<HTTP2ServerTransport.Posix>
  private let socket: String
  private let drain: Drain

  /// - Parameter socket: A path of at most 103 bytes (what macOS allows), in a directory that only the owner may enter.
  public init(socket: String, service: any OperationService) throws(WireError) {
    guard socket.utf8.count <= 103 else {
      throw .cannotListen(address: socket, reason: "the path of a Unix socket may have at most 103 bytes")
    }
    let drain = Drain()
    let transport = HTTP2ServerTransport.Posix(
      address: .unixDomainSocket(path: socket), transportSecurity: .plaintext,
      config: .defaults {
        $0.http2.targetWindowSize = Limits.windowBytes
        $0.http2.maxFrameSize = Limits.frameBytes
        $0.rpc.maxRequestPayloadSize = Limits.messageBytes
        $0.connection.maxGraceTime = .seconds(5)
        $0.connection.flushCoalescing = nil
      })
    server = GRPCServer(
      transport: transport, services: [OperationAdapter(service: service, drain: drain)],
      interceptors: [ProtocolVersionGuard()])
    self.socket = socket
    self.drain = drain
  }

  /// Serves until ``stop()`` or cancellation. A socket file that a dead coordinator left behind is replaced; the home's lock
  /// sees to it that no live one is.
  public func run(listening: @Sendable @escaping () async -> Void = {}) async throws {
    let socket = socket
    try await Listening.serve(server, address: socket, stop: stop) { _ in
      // Between bind and here the directory's own permissions protect the socket.
      guard chmod(socket, 0o600) == 0 else {
        throw WireError.cannotListen(address: socket, reason: String(cString: strerror(errno)))
      }
      await listening()
    }
    unlink(socket)
  }

  /// Ends watching, lets other calls finish, and closes.
  public func stop() {
    drain.begin()
    server.beginGracefulShutdown()
  }
}

/// `Operation` on the wire, in front of a service of domain values.
struct OperationAdapter: Tributary_V1_Operation.SimpleServiceProtocol {
  let service: any OperationService
  let drain: Drain

  func invite(request: Tributary_V1_InviteRequest, context: ServerContext) async throws -> Tributary_V1_InviteReply {
    try await answering {
      let lifetime = request.lifetimeSeconds == 0 ? nil : Duration.seconds(Int64(clamping: request.lifetimeSeconds))
      let read = MessageReader("InviteRequest")
      let invitation = try await service.invite(
        name: try read.name(request.name, "name"),
        organisation: try read.text(request.organisation, atMost: Limits.organisationBytes, "organisation"),
        lifetime: lifetime)
      return .with {
        $0.line = invitation.line
        $0.expires = invitation.expires
      }
    }
  }

  func participants(
    request: Tributary_V1_ParticipantsRequest, context: ServerContext
  ) async throws -> Tributary_V1_ParticipantsReply {
    try await answering {
      let participants = try await service.participants()
      return .with { $0.participants = participants.map(Tributary_V1_Participant.init) }
    }
  }

  func revoke(request: Tributary_V1_RevokeRequest, context: ServerContext) async throws -> Tributary_V1_RevokeReply {
    try await answering {
      try await service.revoke(name: try MessageReader("RevokeRequest").name(request.name, "name"))
      return .init()
    }
  }

  func submitRun(
    request: Tributary_V1_SubmitRunRequest, context: ServerContext
  ) async throws -> Tributary_V1_SubmitRunReply {
    try await answering {
      let run = try await service.submitRun(
        plan: try MessageReader("SubmitRunRequest").bytes(request.plan, atMost: Limits.planBytes, "plan"))
      return .with { $0.run = run }
    }
  }

  func runs(request: Tributary_V1_RunsRequest, context: ServerContext) async throws -> Tributary_V1_RunsReply {
    try await answering {
      let runs = try await service.runs()
      return .with { $0.runs = runs.map(Tributary_V1_Run.init) }
    }
  }

  func runStatus(request: Tributary_V1_RunStatusRequest, context: ServerContext) async throws -> Tributary_V1_Run {
    try await answering { Tributary_V1_Run(try await service.run(try Self.run(request.run))) }
  }

  func watchRun(
    request: Tributary_V1_RunStatusRequest, response: RPCWriter<Tributary_V1_Run>, context: ServerContext
  ) async throws {
    try await answering {
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          for try await run in try await service.watchRun(try Self.run(request.run)) {
            try await response.write(Tributary_V1_Run(run))
          }
        }
        group.addTask {
          await drain.begun()
          throw WireError.shuttingDown
        }
        group.addTask {
          try await context.cancellation.cancelled
          throw CancellationError()
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  func stopRun(request: Tributary_V1_StopRunRequest, context: ServerContext) async throws -> Tributary_V1_StopRunReply {
    try await answering {
      try await service.stopRun(try MessageReader("StopRunRequest").name(request.run, "run"))
      return .init()
    }
  }

  func shutdown(
    request: Tributary_V1_ShutdownRequest, context: ServerContext
  ) async throws -> Tributary_V1_ShutdownReply {
    try await answering {
      try await service.shutdown()
      return .init()
    }
  }

  /// The run that a request names; nil for the newest.
  private static func run(_ text: String) throws(WireError) -> String? {
    text.isEmpty ? nil : try MessageReader("run").name(text, "run")
  }
}
