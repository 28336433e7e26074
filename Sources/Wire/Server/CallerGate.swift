import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Identities
import SecureAggregation
import Synchronization
import X509

/// Finds out who calls, from the connection's certificate and from nothing else.
struct CallerGate: Sendable {
  let authority: Certificate
  let enrolment: any EnrolmentService
  let now: @Sendable () -> Date
  private let calls = CallCounter()

  init(authority: Certificate, enrolment: any EnrolmentService, now: @Sendable @escaping () -> Date) {
    self.authority = authority
    self.enrolment = enrolment
    self.now = now
  }

  /// Runs a participant's call: known, admitted, and not one of too many at a time.
  func serving<Reply>(
    _ context: ServerContext, acceptingExpired: Bool = false, _ body: (Caller) async throws -> Reply
  ) async throws -> Reply {
    try await answering {
      let caller = try await participant(context, acceptingExpired: acceptingExpired)
      try calls.begin(caller.name)
      defer { calls.end(caller.name) }
      return try await body(caller)
    }
  }

  /// The participant that calls, still admitted.
  ///
  /// - Parameter acceptingExpired: For renewal alone.
  func participant(_ context: ServerContext, acceptingExpired: Bool = false) async throws -> Caller {
    guard case .participant(let identity) = try caller(context, acceptingExpired: acceptingExpired) else {
      throw WireError.notEnrolled
    }
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

  private func caller(
    _ context: ServerContext, acceptingExpired: Bool = false
  ) throws(WireError) -> PeerVerification.Caller {
    guard let leaf = (context.transportSpecific as? HTTP2ServerTransport.Posix.Context)?.peerCertificate else {
      throw .malformed(message: "certificate", reason: "it could not be read")
    }
    do {
      return try PeerVerification.caller(leaf, authority: authority, now: now(), acceptingExpired: acceptingExpired)
    } catch {
      throw WireError(error)
    }
  }
}

/// How many calls each participant has open, over all of its connections.
final class CallCounter: Sendable {
  private let open = Mutex<[String: Int]>([:])

  func begin(_ name: String) throws(WireError) {
    let isTooMany = open.withLock { open in
      guard open[name, default: 0] < Limits.callsAtOnce else { return true }
      open[name, default: 0] += 1
      return false
    }
    guard !isTooMany else {
      throw .refused(
        name: "too-many-calls", message: "\(name) has \(Limits.callsAtOnce) calls open already",
        suggestion: "wait for their answers")
    }
  }

  func end(_ name: String) {
    open.withLock { open in
      let left = (open[name] ?? 1) - 1
      open[name] = left > 0 ? left : nil
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
