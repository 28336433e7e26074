import Coordination
import Foundation
import Identities
import Logging
import SecureAggregation
import Testing
import Wire

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

  /// Serves for the length of `body`. Afterwards the coordinator is dropped where it stands, without a word to anyone.
  func serving<Result: Sendable>(_ body: @Sendable @escaping (OperatorClient) async throws -> Result) async throws
    -> Result
  {
    let (ready, serving) = AsyncStream.makeStream(of: Void.self)
    let coordinator = try Coordinator(
      home: try home, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), clock: clock.clock()
    ) { _ in serving.yield() }
    return try await withThrowingTaskGroup(of: Result?.self) { group in
      group.addTask {
        defer { serving.finish() }
        try await coordinator.run()
        return nil
      }
      for await _ in ready { break }
      let socket = try home.socketPath
      group.addTask {
        while !FileManager.default.fileExists(atPath: socket) { await Task.yield() }
        return try await OperatorClient.connected(socket: socket, body)
      }
      defer { group.cancelAll() }
      while let result = try await group.next() { if let result { return result } }
      throw CancellationError()
    }
  }
}
