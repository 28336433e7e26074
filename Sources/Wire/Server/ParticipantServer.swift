import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
public import Identities
import Synchronization

/// The coordinator's one port for participants: gRPC over mutual TLS.
///
/// TLS accepts any client certificate that the client holds the key of; who may do what is decided for each call, by the
/// rules of `PeerVerification` and then `EnrolmentService.admit`. So an expired, revoked or foreign certificate gets an
/// answer with a name instead of a broken handshake, and a revocation takes effect at the next call of an open connection.
public struct ParticipantServer: Sendable {
  private let server: GRPCServer<HTTP2ServerTransport.Posix>
  private let host: String
  private let port: Int
  private let drain: Drain

  /// - Parameters:
  ///   - host: An IP address to listen on; `0.0.0.0` or `::` for all.
  ///   - port: 0 for any free one.
  ///   - now: The clock that certificates are judged by.
  public init(
    host: String, port: Int, authority: CoordinatorAuthority, enrolment: any EnrolmentService, rounds: any RoundService,
    now: @Sendable @escaping () -> Date = { Date() }
  ) throws {
    let material: TLSMaterial
    do { material = try authority.issueServer(now: now()) } catch { throw WireError(error) }
    let gate = CallerGate(authority: authority.certificate, enrolment: enrolment, now: now)
    let drain = Drain()
    let transport = HTTP2ServerTransport.Posix(
      address: host.contains(":") ? .ipv6(host: host, port: port) : .ipv4(host: host, port: port),
      transportSecurity: .mTLS(
        certificateChain: material.chain.map { .bytes($0, format: .der) },
        privateKey: .bytes(Array(material.keyPEM.utf8), format: .pem)
      ) {
        $0.clientCertificateVerification = .noHostnameVerification
        $0.trustRoots = .certificates([])
        $0.requireALPN = true
        $0.customVerificationCallback = { chain, promise in
          // Only the leaf is kept: it alone was proved to be the caller's, and the gate judges it.
          promise.succeed(chain.isEmpty ? .failed : .certificateVerified(.init(.init([chain[0]]))))
        }
      }, config: Self.config)
    server = GRPCServer(
      transport: transport,
      services: [
        EnrolmentAdapter(gate: gate, service: enrolment), RoundAdapter(gate: gate, service: rounds, drain: drain),
      ],
      interceptors: [ProtocolVersionGuard()])
    self.host = host
    self.port = port
    self.drain = drain
  }

  /// Serves until ``stop()`` or cancellation, which is the same; returns once every connection is closed.
  ///
  /// - Parameter listening: Told the port once it is bound.
  /// - Throws: ``WireError/portInUse(address:)`` or ``WireError/cannotListen(address:reason:)``.
  public func run(listening: @Sendable @escaping (Int) async -> Void = { _ in }) async throws {
    let address = "\(CoordinatorAddress(host: host, port: port))"
    try await Listening.serve(server, address: address, stop: stop) { bound in
      await listening(bound.ipv4?.port ?? bound.ipv6?.port ?? 0)
    }
  }

  /// Ends the open long-polls with word to come back, lets other calls finish, and closes.
  public func stop() {
    drain.begin()
    server.beginGracefulShutdown()
  }

  private static var config: HTTP2ServerTransport.Posix.Config {
    .defaults {
      $0.http2.targetWindowSize = Limits.windowBytes
      $0.http2.maxFrameSize = Limits.frameBytes
      $0.http2.maxConcurrentStreams = Limits.concurrentStreams
      $0.rpc.maxRequestPayloadSize = Limits.messageBytes
      $0.channelDebuggingCallbacks.onAcceptTCPConnection = CurrentTLS.install
      $0.connection.maxGraceTime = .seconds(10)
      $0.connection.flushCoalescing = nil
      $0.connection.keepalive.time = .seconds(30)
      $0.connection.keepalive.timeout = .seconds(10)
      $0.connection.keepalive.clientBehavior = .init(
        minPingIntervalWithoutCalls: .seconds(10), allowWithoutCalls: true)
    }
  }
}

/// Runs a server, says when its address is bound, and only ever ends it gracefully.
enum Listening {
  /// Serves until the server is stopped. Cancellation, and an error of `bound`, stop it too, through `stop`.
  ///
  /// The transport runs in a task of its own, which nothing cancels: once cancelled it no longer takes the calls that
  /// connections still bring in, and a call that nobody takes ends the process (a precondition of NIO's).
  static func serve(
    _ server: GRPCServer<HTTP2ServerTransport.Posix>, address: String, stop: @Sendable @escaping () -> Void,
    bound: @Sendable @escaping (SocketAddress) async throws -> Void
  ) async throws {
    let serving = Task { try await server.serve() }
    let refusal = Mutex<(any Error)?>(nil)
    Task {
      // Nothing if binding failed: then `serve` throws, and says why.
      guard let address = try? await server.listeningAddress else { return }
      do { try await bound(address) } catch {
        refusal.withLock { $0 = error }
        stop()
      }
    }
    do {
      try await withTaskCancellationHandler {
        try await serving.value
      } onCancel: {
        stop()
      }
      if let error = refusal.withLock({ $0 }) { throw error }
    } catch let error as WireError {
      throw error
    } catch {
      if error is CancellationError || Task.isCancelled { throw CancellationError() }
      let text = "\(error) \((error as? RuntimeError)?.cause.map { "\($0)" } ?? "")"
      if text.contains("Address already in use") || text.contains("EADDRINUSE") {
        throw WireError.portInUse(address: address)
      }
      throw WireError.cannotListen(address: address, reason: text.oneLine)
    }
  }
}

/// Tells open long-polls that the server is about to stop.
final class Drain: Sendable {
  private let state = Mutex<(begun: Bool, next: Int, waiting: [Int: CheckedContinuation<Void, Never>])>((false, 0, [:]))

  func begin() {
    let waiting = state.withLock { state in
      state.begun = true
      defer { state.waiting = [:] }
      return Array(state.waiting.values)
    }
    for continuation in waiting { continuation.resume() }
  }

  /// Returns when the drain begins, or when the task is cancelled.
  func begun() async {
    let id = state.withLock { state in
      state.next += 1
      return state.next
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumeNow = state.withLock { state in
          if state.begun || Task.isCancelled { return true }
          state.waiting[id] = continuation
          return false
        }
        if resumeNow { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiting.removeValue(forKey: id) }?.resume()
    }
  }
}
