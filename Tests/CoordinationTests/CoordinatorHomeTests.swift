import Coordination
import Foundation
import Logging
import Testing

@Suite("A coordinator's home")
struct CoordinatorHomeTests {
  private static func mode(_ path: String) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  @Test("A new home is closed to everyone but its owner, and opens with the settings it was made with")
  func create() throws {
    let path = "/tmp/tc-\(UInt32.random(in: .min ... .max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let home = try CoordinatorHome.create(at: path, settings: HomeSettings(host: "fl.example.org", port: 7000))
    #expect(home.settings == HomeSettings(host: "fl.example.org", port: 7000))
    #expect(try Self.mode(path) == 0o700)
    for file in ["authority.key", "coordinator.key", "home.yaml", "events.sqlite"] {
      #expect(try Self.mode("\(path)/\(file)") == 0o600, "\(file)")
    }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "/tmp").allSatisfy {
        !$0.hasPrefix(path.dropFirst(5) + ".new")
      })
  }

  @Test("A home is never made over another one, or among other files")
  func existing() throws {
    let path = "/tmp/tc-\(UInt32.random(in: .min ... .max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try CoordinatorHome.create(at: path)
    #expect(throws: CoordinationError.homeExists(path)) { try CoordinatorHome.create(at: path) }
    try FileManager.default.removeItem(atPath: "\(path)/home.yaml")
    #expect(throws: CoordinationError.notEmpty(path)) { try CoordinatorHome.create(at: path) }
    #expect(throws: CoordinationError.noHome(path)) { try CoordinatorHome(opening: path) }
  }

  @Test("A setting that is unknown or makes no sense is named, with its file")
  func settings() throws {
    let path = "/tmp/tc-\(UInt32.random(in: .min ... .max))"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try CoordinatorHome.create(at: path)
    let file = "\(path)/home.yaml"
    func opening(_ yaml: String) throws -> CoordinationError? {
      try yaml.write(toFile: file, atomically: true, encoding: .utf8)
      return #expect(throws: CoordinationError.self) { try CoordinatorHome(opening: path) }
    }
    #expect(
      try opening("port: 70000\n")
        == .invalidSetting(path: file, key: "port", found: "70000", expected: "0 to 65535 (0 picks a free one)"))
    for host in ["", "here:7461/", "two words", "a,b"] {
      let error = try #require(try opening("host: \"\(host)\"\n"))
      #expect(error.description.contains("host"))
    }
    for address in ["", "localhost", "127.0.0", "300.0.0.1", "[::1]"] {
      let error = try #require(try opening("listen: \"\(address)\"\n"))
      #expect(error.description.contains("listen"))
    }
    let unknown = try #require(try opening("host: here\nprot: 7000\n"))
    #expect(unknown.description.contains("home.yaml:2"))
    #expect((unknown.description + (unknown.hint ?? "")).contains("port"))
  }

  @Test("Only one coordinator serves a home, and a port in use is said by name, with a hint", .timeLimit(.minutes(1)))
  func twoCoordinators() async throws {
    let first = try TestCoordinator()
    try await first.serving { _ in
      let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
      let again = try Coordinator(home: try first.home, logger: logger)
      await #expect(throws: CoordinationError.homeInUse(first.path, holder: "\(getpid())")) { try await again.run() }

      let second = try TestCoordinator()
      let yaml = try String(contentsOfFile: "\(second.path)/home.yaml", encoding: .utf8)
      try yaml.replacing("port: \(second.port)", with: "port: \(first.port)")
        .write(toFile: "\(second.path)/home.yaml", atomically: true, encoding: .utf8)
      let other = try Coordinator(home: try second.home, logger: logger)
      let error = await #expect(throws: CoordinationError.portInUse(host: "127.0.0.1", port: first.port)) {
        try await other.run()
      }
      #expect(error?.hint?.contains("\(first.port + 1)") == true)
    }
  }

  @Test("Without a finished run there is nothing to export, and the error says so")
  func nothingFinished() async throws {
    let coordinator = try TestCoordinator()
    await #expect(throws: CoordinationError.noFinishedRun) { _ = try await coordinator.home.finishedRun() }
    await #expect(throws: CoordinationError.unknownRun("x", known: [])) {
      _ = try await coordinator.home.finishedRun("x")
    }
  }
}
