import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Identities
import SecureAggregation
import Synchronization

typealias Transport = HTTP2ClientTransport.Posix

/// How a client dials: TLS with our own verification, or a Unix socket, and the sizes and times of ``Limits``.
enum ClientConnection {
  /// Opens a participant's connection for the length of `body`.
  ///
  /// The connection reconnects by itself, after 200 ms at first and 5 s at most; a broken call does not, and is the
  /// caller's to repeat.
  static func withParticipant<Result: Sendable>(
    _ address: CoordinatorAddress, authority: Digest, material: TLSMaterial,
    _ body: (GRPCClient<Transport>, CoordinatorTrust) async throws -> Result
  ) async throws -> Result {
    let trust = CoordinatorTrust(authority: authority)
    var config = Self.config
    // Names no host: it only fills the TLS server name and HTTP/2 authority, where an IP address may not stand.
    config.http2.authority = Names.coordinatorHost
    let transport = try Transport(
      target: .dns(host: address.host, port: address.port),
      transportSecurity: .mTLS(
        certificateChain: material.chain.map { .bytes($0, format: .der) },
        privateKey: .bytes(Array(material.keyPEM.utf8), format: .pem)
      ) {
        // Replaced by the callback as a whole; it only has to be on.
        $0.serverCertificateVerification = .noHostnameVerification
        $0.trustRoots = .certificates([])
        $0.customVerificationCallback = { chain, promise in
          if trust.accepts(chain.map { (try? $0.toDERBytes()) ?? [] }) {
            promise.succeed(.certificateVerified(.init(.init(chain))))
          } else {
            promise.succeed(.failed)
          }
        }
      }, config: config)
    return try await running(GRPCClient(transport: transport, interceptors: [ProtocolVersionSender()])) { client in
      try await body(client, trust)
    }
  }

  /// Opens the operator's connection for the length of `body`.
  static func withSocket<Result: Sendable>(
    _ path: String, _ body: (GRPCClient<Transport>) async throws -> Result
  ) async throws -> Result {
    let transport = try Transport(
      target: .unixDomainSocket(path: path, authority: "localhost"), transportSecurity: .plaintext, config: config)
    return try await running(GRPCClient(transport: transport, interceptors: [ProtocolVersionSender()]), body)
  }

  /// Keeps a client's connections up for the length of `body`. gRPC's own `withGRPCClient` fails if the body is quicker than
  /// the connection.
  private static func running<Result: Sendable>(
    _ client: GRPCClient<Transport>, _ body: (GRPCClient<Transport>) async throws -> Result
  ) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
      // Its only error is that the client was stopped before it ran; a connection's errors reach the calls.
      group.addTask { try? await client.runConnections() }
      defer { client.beginGracefulShutdown() }
      return try await body(client)
    }
  }

  private static var config: Transport.Config {
    .defaults {
      $0.http2.targetWindowSize = Limits.windowBytes
      $0.http2.maxFrameSize = Limits.frameBytes
      $0.backoff = .init(initial: .milliseconds(200), max: .seconds(5), multiplier: 1.6, jitter: 0.2)
      $0.connection.keepalive = .init(time: .seconds(20), timeout: .seconds(10), allowWithoutCalls: true)
      $0.connection.flushCoalescing = nil
    }
  }
}

/// Judges the coordinator's certificates for one connection, and remembers why it refused them.
final class CoordinatorTrust: Sendable {
  private let authority: Digest
  private let refusal = Mutex<IdentityError?>(nil)

  init(authority: Digest) {
    self.authority = authority
  }

  /// The reason of the last refusal, while the coordinator has not been accepted since.
  var reason: IdentityError? { refusal.withLock { $0 } }

  func accepts(_ chain: [[UInt8]]) -> Bool {
    do {
      try PeerVerification.coordinator(chain: chain, pinned: authority)
      refusal.withLock { $0 = nil }
      return true
    } catch {
      refusal.withLock { $0 = error }
      return false
    }
  }
}

/// Puts the protocol version into every call's metadata.
struct ProtocolVersionSender: ClientInterceptor {
  func intercept<Input: Sendable, Output: Sendable>(
    request: StreamingClientRequest<Input>, context: ClientContext,
    next: (StreamingClientRequest<Input>, ClientContext) async throws -> StreamingClientResponse<Output>
  ) async throws -> StreamingClientResponse<Output> {
    var request = request
    request.metadata.addString(ProtocolVersion.current, forKey: ProtocolVersion.key)
    return try await next(request, context)
  }
}

extension CallOptions {
  /// - Parameters:
  ///   - timeout: Over the whole call, reconnecting included.
  ///   - waiting: Whether to wait for a connection, rather than fail as soon as one attempt has failed.
  static func tributary(timeout: Duration?, waiting: Bool) -> CallOptions {
    var options = CallOptions.defaults
    options.timeout = timeout
    options.waitForReady = waiting
    // Version 2.9.2 of the transport takes the limit of *inbound* messages from this one.
    options.maxRequestMessageBytes = Limits.messageBytes
    options.maxResponseMessageBytes = Limits.messageBytes
    return options
  }
}

extension WireError {
  /// Names a failed call: what the other side said, or else what happened to the connection.
  init(call error: any Error, to address: String, trust: CoordinatorTrust?) {
    switch error {
    case let error as WireError: self = error
    case let error as RPCError:
      if let refusal = WireError(error) {
        self = refusal
      } else if let reason = trust?.reason {
        self = .untrustedCoordinator(reason: "\(reason)")
      } else {
        switch error.code {
        case .unavailable, .cancelled:
          self =
            trust == nil
            ? .noCoordinator(socket: address) : .unreachable(address: address, reason: Self.plainReason(error))
        case .deadlineExceeded:
          self =
            trust == nil
            ? .timedOut(what: "the coordinator's answer") : .unreachable(address: address, reason: "no answer in time")
        case .unimplemented: self = .protocolVersion(expected: ProtocolVersion.current, found: "another")
        default: self = .failed(reason: error.message)
        }
      }
    default: self = .unreachable(address: address, reason: Self.plainReason(error))
    }
  }

  /// A connection's error in a few words.
  private static func plainReason(_ error: any Error) -> String {
    let text = "\(error)"
    let causes = [
      ("onnection refused", "connection refused"), ("ECONNREFUSED", "connection refused"),
      ("onnection reset", "connection reset"), ("ECONNRESET", "connection reset"), ("oute to host", "no route to host"),
      ("resolve address", "the host name has no address"), ("etwork is unreachable", "the network is unreachable"),
      ("CERTIFICATE_REQUIRED", "TLS: a certificate is required"),
      ("WRONG_VERSION_NUMBER", "the port does not speak TLS"),
      ("Stream unexpectedly closed", "the connection broke"), ("imed out", "the connection timed out"),
    ]
    return causes.first { text.contains($0.0) }?.1 ?? String(text.oneLine.prefix(160))
  }
}
