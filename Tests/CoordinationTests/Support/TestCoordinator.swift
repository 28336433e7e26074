import Foundation
import Identities
import Logging
import SecureAggregation
import Testing
import Wire

@testable import Coordination

/// A coordinator's home in a directory of its own, and the coordinators that a test starts on it, one after the other.
final class TestCoordinator: Sendable {
  let path: String
  let clock = ManualClock()
  /// The port of the first start; later ones take it again, as participants expect.
  let port: Int

  init() throws {
    // Short, since the path of a Unix socket is.
    path = "/tmp/tc-\(UInt32.random(in: .min ... .max))"
    try CoordinatorHome.create(at: path, settings: HomeSettings(host: "127.0.0.1", port: 0))
    port = try Self.freePort()
    try setPort(port)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  private func setPort(_ port: Int) throws {
    let file = "\(path)/home.yaml"
    let text = try String(contentsOfFile: file, encoding: .utf8)
    try text.replacing("port: 0", with: "port: \(port)").write(toFile: file, atomically: true, encoding: .utf8)
  }

  private static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    #expect(bound)
    return Int(UInt16(bigEndian: address.sin_port))
  }

  var home: CoordinatorHome { get throws { try CoordinatorHome(opening: path) } }

  /// Serves for the length of `body`, and then leaves the home as `kill -9` leaves it.
  ///
  /// The process cannot be killed here, so its disk is copied between two turns of the coordinator's loop, after which
  /// nothing is recorded and so nothing acknowledged any more. The coordinator is then stopped, which no call can notice
  /// but by its refusal, and the copy is what the next one finds. `Tests/EndToEndTests` kills a real process.
  func serving<Result: Sendable>(
    _ body: @Sendable @escaping (OperatorClient) async throws -> Result
  ) async throws -> Result {
    try await serving(everything: { client, _, _ in try await body(client) })
  }

  /// - Parameter body: Is given the event log, too, to let it fail.
  func serving<Result: Sendable>(
    _ body: @Sendable @escaping (OperatorClient, MortalStore) async throws -> Result
  ) async throws -> Result {
    try await serving(everything: { client, _, store in try await body(client, store) })
  }

  /// - Parameter body: Is given the coordinator, too, to call it as its servers do.
  func servingService<Result: Sendable>(
    _ body: @Sendable @escaping (OperatorClient, Coordinator) async throws -> Result
  ) async throws -> Result {
    try await serving(everything: { client, coordinator, _ in try await body(client, coordinator) })
  }

  private func serving<Result: Sendable>(
    everything body: @Sendable @escaping (OperatorClient, Coordinator, MortalStore) async throws -> Result
  ) async throws -> Result {
    let home = try home
    let store = try MortalStore(path: home.eventsPath)
    let (ready, serving) = AsyncStream.makeStream(of: Void.self)
    let coordinator = try Coordinator(
      home: home, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), clock: clock.clock(),
      openStore: { _ in store }
    ) { _ in serving.yield() }
    let result = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { serving.finish() }
        try await coordinator.run()
      }
      // Cancelled or not, the coordinator ends gracefully.
      defer { group.cancelAll() }
      for await _ in ready { break }
      try await Self.answering(home.socketPath)
      let result = try await OperatorClient.connected(socket: home.socketPath) {
        try await body($0, coordinator, store)
      }
      try await kill(coordinator, store)
      group.cancelAll()
      try await group.waitForAll()
      return result
    }
    if FileManager.default.fileExists(atPath: disk) {
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.moveItem(atPath: disk, toPath: path)
    }
    return result
  }

  /// Returns once a coordinator takes commands: its socket's file is there a moment before.
  /// A coordinator that failed to start never does, so it waits a minute at most.
  private static func answering(_ socket: String) async throws {
    let end = ContinuousClock.now + .seconds(60)
    while true {
      do {
        return try await OperatorClient.connected(socket: socket) { _ = try await $0.runs() }
      } catch WireError.noCoordinator where ContinuousClock.now < end {
        try await Task.sleep(for: .milliseconds(10))
      }
    }
  }

  private var disk: String { "\(path).disk" }

  private func kill(_ coordinator: Coordinator, _ store: MortalStore) async throws {
    do {
      try await coordinator.ask { [self] _ in
        store.fail(with: .failed(path: path, operation: "go on", detail: "the coordinator was killed"))
        try copyDisk()
      }
    } catch WireError.shuttingDown {
      // Stopped by the test: what it left is what is there.
    }
  }

  /// Copies all but the socket and the lock, which name a process; and what is written under a temporary name, which a
  /// start ignores.
  private func copyDisk() throws {
    let files = FileManager.default
    try files.createDirectory(atPath: "\(disk)/blobs", withIntermediateDirectories: true)
    for name in try files.contentsOfDirectory(atPath: path) where !["blobs", "operator.sock", "lock"].contains(name) {
      try files.copyItem(atPath: "\(path)/\(name)", toPath: "\(disk)/\(name)")
    }
    for name in try files.contentsOfDirectory(atPath: "\(path)/blobs") where name != "partial" {
      try files.copyItem(atPath: "\(path)/blobs/\(name)", toPath: "\(disk)/blobs/\(name)")
    }
  }
}
