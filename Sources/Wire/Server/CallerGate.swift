import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Identities
import SecureAggregation
import X509

/// Finds out who calls, from the connection's certificate and from nothing else.
struct CallerGate: Sendable {
  let authority: Certificate
  let enrolment: any EnrolmentService
  let now: @Sendable () -> Date

  /// The participant that calls, still admitted.
  func participant(_ context: ServerContext) async throws -> Caller {
    guard case .participant(let identity) = try caller(context) else { throw WireError.notEnrolled }
    try await enrolment.admit(identity)
    return Caller(participant: identity)
  }

  /// The key of a node that has yet to enrol (SubjectPublicKeyInfo, DER).
  func strangersKey(_ context: ServerContext) throws(WireError) -> [UInt8] {
    switch try caller(context) {
    case .stranger(let key): return key
    case .participant(let identity): throw .alreadyEnrolled(name: identity.name)
    }
  }

  private func caller(_ context: ServerContext) throws(WireError) -> PeerVerification.Caller {
    guard let leaf = (context.transportSpecific as? HTTP2ServerTransport.Posix.Context)?.peerCertificate else {
      throw .malformed(message: "certificate", reason: "it could not be read")
    }
    do {
      return try PeerVerification.caller(leaf, authority: authority, now: now())
    } catch {
      throw WireError(error)
    }
  }
}

/// Refuses calls of another protocol version, before anything else looks at them.
struct ProtocolVersionGuard: ServerInterceptor {
  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingServerRequest<Input>, context: ServerContext,
    next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
  ) async throws -> StreamingServerResponse<Output> {
    let versions = Array(request.metadata[stringValues: ProtocolVersion.key])
    guard versions == [ProtocolVersion.current] else {
      let found = versions.isEmpty ? "none" : versions.joined(separator: ", ").oneLine
      throw WireError.protocolVersion(expected: ProtocolVersion.current, found: found).rpcError
    }
    return try await next(request, context)
  }
}

/// Runs a handler, and gives what it throws the form that travels.
func answering<Reply>(_ body: () async throws -> Reply) async throws -> Reply {
  do {
    return try await body()
  } catch let error as RPCError {
    throw error
  } catch {
    throw WireError(anyThrown: error).rpcError
  }
}
