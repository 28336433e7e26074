import Federation
import Foundation
import SecureAggregation
import Testing

@testable import Wire

@Suite("The operator's socket")
struct OperationTests {
  /// Serves `TestOperation` on a socket in a new directory.
  func serving(
    _ body: @Sendable @escaping (TestOperation, OperatorServer, String) async throws -> Void
  ) async throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "t-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let socket = directory.appending(path: "operator.sock").path
    let operation = TestOperation()
    let server = try OperatorServer(socket: socket, service: operation)
    let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { isReady.finish() }
        try await server.run { isReady.yield() }
      }
      var iterator = ready.makeAsyncIterator()
      await iterator.next()
      defer { server.stop() }
      try await body(operation, server, socket)
    }
  }

  @Test("Only the owner may open the socket, and it is gone after the coordinator stops")
  func permissions() async throws {
    let path = LockedPath()
    try await serving { _, _, socket in
      path.set(socket)
      let attributes = try FileManager.default.attributesOfItem(atPath: socket)
      #expect(attributes[.posixPermissions] as? Int == 0o600)
    }
    #expect(!FileManager.default.fileExists(atPath: path.value))
  }

  @Test("Each command reaches the service with its arguments and brings its answer back")
  func commands() async throws {
    try await serving { operation, _, socket in
      try await OperatorClient.connected(socket: socket) { client in
        let invitation = try await client.invite(name: "north", organisation: "North", lifetime: .seconds(60))
        #expect(invitation == Invitation(line: "north|North|60", expires: 12.5))
        let untimed = try await client.invite(name: "a", organisation: "b", lifetime: nil)
        #expect(untimed.line == "a|b|default")
        let participants = try await client.participants()
        #expect(participants == TestOperation.participants)
        try await client.revoke(name: "south")
        let run = try await client.submitRun(plan: Array("{}".utf8))
        #expect(run == "hearts-{}")
        let runs = try await client.runs()
        #expect(runs == TestOperation.runs)
        let newest = try await client.run()
        #expect(newest == TestOperation.runs.last)
        let first = try await client.run("hearts-1")
        #expect(first == TestOperation.runs[0])
        try await client.stopRun("hearts-2")
        try await client.shutdown()
        #expect(await operation.commands == ["revoke south", "stop hearts-2", "shutdown"])
      }
    }
  }

  @Test("Watching a run brings every change until it ends")
  func watch() async throws {
    try await serving { _, _, socket in
      try await OperatorClient.connected(socket: socket) { client in
        let seen = LockedRuns()
        let last = try await client.watchRun { run in
          seen.append(run)
          return true
        }
        #expect(seen.runs == TestOperation.runs)
        #expect(last == TestOperation.runs.last)
        let stopped = try await client.watchRun { _ in false }
        #expect(stopped == TestOperation.runs.first)
      }
    }
  }

  @Test("Watching a run that never changes ends when the coordinator stops")
  func watchEnds() async throws {
    try await serving { _, server, socket in
      try await OperatorClient.connected(socket: socket) { client in
        let error = try await failure {
          _ = try await client.watchRun("silent") { _ in
            server.stop()
            return true
          }
        }
        #expect(error == .shuttingDown)
      }
    }
  }

  @Test("An unknown run or participant, and a plan that is refused, come back by name")
  func refusals() async throws {
    try await serving { _, _, socket in
      try await OperatorClient.connected(socket: socket) { client in
        await #expect(throws: WireError.unknownRun("x")) { _ = try await client.run("x") }
        await #expect(throws: WireError.unknownParticipant("nobody")) { try await client.revoke(name: "nobody") }
        await #expect(
          throws: WireError.refusedPlan(reason: "rounds is 0, expected at least 1", suggestion: "--set rounds=1")
        ) {
          _ = try await client.submitRun(plan: [])
        }
      }
    }
  }

  @Test("A socket without a coordinator is named")
  func nobody() async throws {
    let missing = FileManager.default.temporaryDirectory.appending(path: "none-\(UUID().uuidString)").path
    await #expect(throws: WireError.noCoordinator(socket: missing)) {
      try await OperatorClient.connected(socket: missing) { _ = try await $0.runs() }
    }
    // A file that a dead coordinator left behind.
    try Data().write(to: URL(filePath: missing))
    defer { try? FileManager.default.removeItem(atPath: missing) }
    await #expect(throws: WireError.noCoordinator(socket: missing)) {
      try await OperatorClient.connected(socket: missing) { _ = try await $0.runs() }
    }
  }

  @Test("A path that no Unix socket can have is refused before it is tried")
  func longPath() {
    #expect(throws: WireError.self) {
      try OperatorServer(socket: String(repeating: "x", count: 104), service: TestOperation())
    }
  }
}

actor TestOperation: OperationService {
  private(set) var commands: [String] = []

  static let participants = [
    ParticipantSnapshot(name: "a", organisation: "A", membership: .invited),
    ParticipantSnapshot(
      name: "b", organisation: "B", fingerprint: Samples.peers[0].key, membership: .enrolled, present: true,
      lastSeen: 0.5,
      certificateExpires: 1.5, activity: "working, 40%"),
    ParticipantSnapshot(name: "c", organisation: "C", fingerprint: Samples.peers[1].key, membership: .revoked),
    ParticipantSnapshot(name: "d", organisation: "D", membership: .left),
  ]

  static let runs = [
    Samples.run,
    RunSnapshot(
      run: "hearts-2", planName: "hearts", plan: Samples.digest(3), standing: .queued, submittedAt: 4, roundsTotal: 33),
  ]

  func invite(name: String, organisation: String, lifetime: Duration?) -> Invitation {
    Invitation(
      line: "\(name)|\(organisation)|\(lifetime.map { "\($0.components.seconds)" } ?? "default")", expires: 12.5)
  }
  func participants() -> [ParticipantSnapshot] { Self.participants }
  func revoke(name: String) throws {
    guard name != "nobody" else { throw WireError.unknownParticipant(name) }
    commands.append("revoke \(name)")
  }
  func submitRun(plan: [UInt8]) throws -> String {
    guard !plan.isEmpty else {
      throw WireError.refusedPlan(reason: "rounds is 0, expected at least 1", suggestion: "--set rounds=1")
    }
    return "hearts-" + String(decoding: plan, as: UTF8.self)
  }
  func runs() -> [RunSnapshot] { Self.runs }
  func run(_ run: String?) throws -> RunSnapshot {
    guard let run else { return Self.runs[1] }
    guard let found = Self.runs.first(where: { $0.run == run }) else { throw WireError.unknownRun(run) }
    return found
  }
  func watchRun(_ run: String?) -> AsyncThrowingStream<RunSnapshot, any Error> {
    AsyncThrowingStream { stream in
      if run == "silent" {
        stream.yield(Self.runs[0])  // and nothing more
      } else {
        for run in Self.runs { stream.yield(run) }
        stream.finish()
      }
    }
  }
  func stopRun(_ run: String) { commands.append("stop \(run)") }
  func shutdown() { commands.append("shutdown") }
}
