import Coordination
import Federation
import Foundation
import Identities
import Logging
import SecureAggregation
import Synchronization
import Testing
import Wire

@testable import Participation

/// Coordinator and nodes as they are deployed, in one process, over loopback with mutual TLS.
@Suite("A federation over loopback", .serialized)
struct NetworkTests {
  private static let names = ["bay", "coast", "hill", "north"]

  private let directory = TestDirectory.make()

  /// Serves a coordinator for the length of `body`.
  private func serving(
    at path: String? = nil, removing: Bool = true, clock: CoordinatorClock = .system,
    _ body: (Coordinator) async throws -> Void
  ) async throws {
    defer { if removing { try? FileManager.default.removeItem(atPath: directory) } }
    let path = path ?? "\(directory)/coordinator"
    let home =
      FileManager.default.fileExists(atPath: path)
      ? try CoordinatorHome(opening: path)
      : try CoordinatorHome.create(
        at: path, settings: HomeSettings(host: "127.0.0.1", port: 0, presenceSeconds: 2))
    let (ports, serving) = AsyncStream.makeStream(of: Int.self)
    let coordinator = try Coordinator(home: home, logger: TestNode.log, clock: clock) { port in
      serving.yield(port)
      serving.finish()
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await coordinator.run() }
      for await _ in ports { break }
      try await body(coordinator)
      group.cancelAll()
      while let result = await group.nextResult() { _ = result }
    }
  }

  private func enrolled(_ name: String, at coordinator: Coordinator) async throws -> NodeHome {
    let line = try InviteLine(
      try await coordinator.invite(name: name, organisation: "\(name) hospital", lifetime: nil).line)
    let home = NodeHome(path: "\(directory)/\(name)")
    let data = "\(directory)/\(name).csv"
    try TestPlan.rows(seed: UInt64(name.utf8.first!)).write(toFile: data, atomically: true, encoding: .utf8)
    try await home.enrol(by: line, data: data)
    return home
  }

  private func ended(_ run: String, at coordinator: Coordinator) async throws -> RunSnapshot? {
    for try await snapshot in try await coordinator.watchRun(run) where snapshot.standing.hasEnded { return snapshot }
    return nil
  }

  @Test("Four nodes join by their lines, run two folds of an allowed template, and one leaves", .timeLimit(.minutes(5)))
  func twoFolds() async throws {
    try await serving { coordinator in
      let plans = [TestPlan.plan(fold: 0), TestPlan.plan(fold: 1)]
      var homes: [NodeHome] = []
      for name in Self.names {
        let home = try await enrolled(name, at: coordinator)
        try home.allow(
          try plans[0].digest(leavingFree: ["evaluation.fold"]).description, free: ["evaluation.fold"])
        homes.append(home)
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for home in homes {
          group.addTask { try await Participant(home: home, log: TestNode.log, pollWait: .seconds(5)).run() }
        }
        var runs: [String] = []
        for plan in plans { runs.append(try await coordinator.submitRun(plan: try plan.canonicalBytes)) }
        for run in runs {
          let snapshot = try #require(try await ended(run, at: coordinator))
          #expect(snapshot.standing == .finished)
          #expect(snapshot.metrics.last?.rows == 40)  // a quarter of each node's 40 rows
          #expect(snapshot.metrics.last?.survivors == 4)
        }

        // A node that leaves is revoked, and its running process ends by itself, as its owner wished.
        try await homes[3].leave()
        try await group.next()
        #expect(OwnedFile.names(in: homes[3].keysDirectory).isEmpty)
        group.cancelAll()
      }
      for home in homes.prefix(3) {
        let history = try home.history()
        #expect(history.count == 2)
        #expect(history.map(\.finished) == [true, true])
        #expect(history.map(\.federated?.rows) == [10, 10])
        #expect(try home.rounds().isEmpty)
        #expect(try home.activity()?.state == .stopped)
      }
    }
  }

  @Test("Nodes go on with a run when their coordinator is stopped and started again", .timeLimit(.minutes(5)))
  func coordinatorRestarts() async throws {
    let plan = TestPlan.plan(rounds: 4)
    let path = "\(directory)/coordinator"
    var homes: [NodeHome] = []
    var run = ""
    try await serving(at: path, removing: false) { coordinator in
      for name in Self.names {
        let home = try await enrolled(name, at: coordinator)
        try home.allow(try plan.digest().description)
        homes.append(home)
      }
      // From now on it listens where the nodes know it.
      let port = try #require(try homes[0].settings().coordinator.split(separator: ":").last)
      let settings = try String(contentsOfFile: "\(path)/home.yaml", encoding: .utf8)
      try settings.replacingOccurrences(of: "port: 0", with: "port: \(port)")
        .write(toFile: "\(path)/home.yaml", atomically: true, encoding: .utf8)
      run = try await coordinator.submitRun(plan: try plan.canonicalBytes)
    }
    let nodes = homes
    try await withThrowingTaskGroup(of: Void.self) { group in
      for home in nodes {
        group.addTask { try await Participant(home: home, log: TestNode.log, pollWait: .seconds(5)).run() }
      }
      // Stopped as soon as a round has closed, in the middle of the next.
      try await serving(at: path, removing: false) { coordinator in
        for try await snapshot in try await coordinator.watchRun(run) where snapshot.roundsClosed >= 2 { break }
      }
      try await serving(at: path) { coordinator in
        let snapshot = try #require(try await ended(run, at: coordinator))
        #expect(snapshot.standing == .finished)
        #expect(snapshot.metrics.count == 5)  // four models before an update, and the final one
      }
      group.cancelAll()
    }
  }

  @Test("A line works once: another node with it is told that it was used", .timeLimit(.minutes(2)))
  func usedLine() async throws {
    try await serving { coordinator in
      let text = try await coordinator.invite(name: "bay", organisation: "bay hospital", lifetime: nil).line
      let line = try InviteLine(text)
      try await NodeHome(path: "\(directory)/first").enrol(by: line)
      await #expect(throws: ParticipationError.coordinator(.usedToken(name: "bay"))) {
        try await NodeHome(path: "\(directory)/second").enrol(by: line)
      }
    }
  }

  @Test("A node that was off for longer than its certificate lasts renews it first, and takes part again as itself")
  func longAway() async throws {
    let hours = Mutex(0.0)
    let now: @Sendable () -> Double = { Date().timeIntervalSince1970 + hours.withLock { $0 } * 3600 }
    let clock = CoordinatorClock(now: now, nextTick: CoordinatorClock.system.nextTick)
    try await serving(clock: clock) { coordinator in
      let home = try await enrolled("bay", at: coordinator)
      let before = try home.credentials().certificate.identity
      hours.withLock { $0 = 72 }
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          let clock: @Sendable () -> Date = { Date(timeIntervalSince1970: now()) }
          try await Participant(home: home, log: TestNode.log, pollWait: .seconds(5), now: clock).run()
        }
        while try await coordinator.participants().first?.present != true {
          try await Task.sleep(for: .milliseconds(10))
        }
        group.cancelAll()
      }
      let after = try home.credentials().certificate.identity
      #expect(after.averagingKey == before.averagingKey)
      #expect(after.notAfter > before.notAfter.addingTimeInterval(71 * 3600))
      #expect(try home.recordEntries().map(\.event) == [.joined, .renewed])
    }
  }

  @Test("A node whose coordinator is away says so in its status and waits", .timeLimit(.minutes(2)))
  func unreachable() async throws {
    var left: NodeHome?
    try await serving { coordinator in
      let home = try await enrolled("bay", at: coordinator)
      left = home
      // The address of nobody.
      var settings = try home.settings()
      settings.coordinator = "127.0.0.1:1"
      try home.save(settings)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await Participant(home: home, log: TestNode.log).run() }
        while true {
          if case .unreachable(let reason) = try home.activity()?.state {
            #expect(reason.hasPrefix("coordinator 127.0.0.1:1 is unreachable"))
            break
          }
          try await Task.sleep(for: .milliseconds(10))
        }
        group.cancelAll()
      }
    }
    #expect(left != nil)
  }
}
