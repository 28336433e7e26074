import Foundation
import Participation
import SecureAggregation
import Wire

/// Plays attacks of a hostile coordinator against real participants, over the real wire, and says how each ended.
public struct Drill: Sendable {
  public let configuration: DrillConfiguration

  public init(_ configuration: DrillConfiguration) { self.configuration = configuration }

  /// Cohorts at a time: most of an attack is waiting for messages and for the disk.
  private static let width = 4

  /// Plays the attacks, each against a cohort of its own.
  ///
  /// - Parameter told: Called as each has ended, in their order.
  /// - Throws: When the drill itself cannot be carried out; an attack that succeeds is a row of the report.
  public func run(
    _ attacks: [Attack] = Attack.all, told: @Sendable (DrillReport.Row) -> Void = { _ in }
  ) async throws -> DrillReport {
    let rows = try await withThrowingTaskGroup(of: (Int, DrillReport.Row).self) { group in
      var ended: [Int: DrillReport.Row] = [:]
      var rows: [DrillReport.Row] = []
      for (place, attack) in attacks.enumerated() {
        if place >= Self.width, let (place, row) = try await group.next() { ended[place] = row }
        group.addTask { (place, try await play(attack)) }
        while let row = ended[rows.count] {
          told(row)
          rows.append(row)
        }
      }
      for try await (place, row) in group {
        ended[place] = row
        while let row = ended[rows.count] {
          told(row)
          rows.append(row)
        }
      }
      return rows
    }
    return DrillReport(configuration, rows)
  }

  private func play(_ attack: Attack) async throws -> DrillReport.Row {
    switch attack.play {
    case .limit(let remains, let bounds):
      return DrillReport.Row(attack, remains: remains, bounds: bounds)
    case .measured(let measure): return DrillReport.Row(attack, try measure())
    case .judged(let script):
      return DrillReport.Row(
        attack, try await Theatre(configuration).stage { coordinator, _ in try await script(coordinator) })
    case .abort(let script):
      let verdict = try await Theatre(configuration).stage { coordinator, homes in
        try await coordinator.judge(try await script(coordinator), homes)
      }
      return DrillReport.Row(attack, verdict)
    case .refused(let script):
      let verdict = try await Theatre(configuration).stage { coordinator, homes in
        var verdict = try await coordinator.judge(try await script(coordinator), homes)
        try await coordinator.goOn()
        if coordinator.machine.standing != .finished { verdict.complain("the run is \(coordinator.machine.standing)") }
        return verdict
      }
      return DrillReport.Row(attack, verdict)
    }
  }
}

/// One cohort and its scripted coordinator, for one attack.
struct Theatre {
  let configuration: DrillConfiguration

  init(_ configuration: DrillConfiguration) { self.configuration = configuration }

  /// Starts the server and every participant, plays, and stops them.
  func stage(
    _ play: @Sendable (isolated ScriptedCoordinator, ScratchHomes) async throws -> Verdict
  ) async throws -> Verdict {
    var scratch = try ScratchHomes()
    defer { scratch.remove() }
    let coordinator = try ScriptedCoordinator(configuration)
    let server = try ParticipantServer(
      host: "127.0.0.1", port: 0, authority: coordinator.authority, enrolment: coordinator, rounds: coordinator)
    let (ports, bound) = AsyncStream.makeStream(of: Int.self)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        defer { bound.finish() }
        try await server.run { bound.yield($0) }
      }
      for await port in ports {
        try await scratch.enrol(
          try await coordinator.invite(port: port), configuration: configuration, plan: coordinator.plan)
        break
      }
      let homes = scratch
      try await coordinator.know(homes.signers())
      for (name, home) in homes.homes {
        let log = homes.witnesses[name]!.log
        group.addTask { try await Participant(home: home, log: log, pollWait: .seconds(5)).run() }
      }
      let verdict = try await play(coordinator, homes)
      group.cancelAll()
      while let result = await group.nextResult() { _ = result }
      return verdict
    }
  }
}

extension ScriptedCoordinator {
  /// Waits for the end of an attack, offers whoever locked itself one more round, and judges.
  func judge(_ abort: Abort, _ homes: ScratchHomes) async throws -> Verdict {
    let names = abort.reasons.keys.sorted()
    try await settle { coordinator in
      names.allSatisfy { name in
        let conduct = coordinator.conduct(of: name)
        return !conduct.reasons.isEmpty || conduct.sent.contains { $0 >= abort.before }
          || homes.witnesses[name]!.said.contains { $0.contains(abort.reasons[name]!.words) }
      }
    }
    let locked = names.filter { abort.reasons[$0]?.attack != nil }
    let before = events.count
    for name in locked { show(try advertise(signing: try roundPlan(from: machine.model)), to: name) }
    try await settle { coordinator in
      locked.allSatisfy { name in
        coordinator.events[before...].contains { event in
          switch event {
          case .declined(_, name), .received(_, _, name): true
          default: false
          }
        }
      }
    }
    var conducts: [String: Conduct] = [:]
    for name in names {
      var conduct = conduct(of: name)
      conduct.said = homes.witnesses[name]!.said
      conduct.lock = try homes.homes[name]!.ledger().attack?.error
      conducts[name] = conduct
    }
    return Verdict(abort, conducts: conducts, bothRevealed: bothRevealed())
  }

  /// Waits, but not for ever: who does nothing is judged by that.
  private func settle(_ holds: @Sendable (isolated ScriptedCoordinator) -> Bool) async throws {
    do { try await wait(for: "", holds) } catch DrillError.stalled {}
  }

  func know(_ signers: [String: IdentitySigner]) { self.signers = signers }
}
