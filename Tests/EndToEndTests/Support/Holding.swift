import Testing

/// A run that is held in a phase for as long as a test likes, without timing anything.
///
/// A phase lasts while one participant is paused that has not answered in it. To go on by exactly one phase, a participant
/// that has answered is paused, and then the first one resumed: it answers, the phase ends, and the next one lasts
/// because of the other.
struct Hold {
  let deployment: Deployment
  /// The one participant that is paused and has not answered.
  private(set) var holder: String
  /// The round when all others had answered.
  private(set) var round: RoundAnswer

  /// Starts a run of the plan and holds its first round while it gathers.
  init(_ deployment: Deployment, by holder: String = "north") async throws {
    self.deployment = deployment
    self.holder = holder
    try deployment.pause(holder)
    #expect(try await deployment.operate("run", deployment.path("plan.yaml"), "--detach").status == 0)
    round = try await Self.held(deployment, by: holder) { $0.phase == .gathering }
  }

  /// Goes on by one phase; from unmasking to the next round's gathering.
  ///
  /// - Parameters:
  ///   - next: Holds from now on; it has answered in this phase.
  ///   - between: Happens when both are paused; it must leave the old holder able to answer, or gone.
  mutating func advance(holding next: String, between: () async throws -> Void = {}) async throws {
    let old = round
    try deployment.pause(next)
    try await between()
    if deployment.programs[holder] != nil { try deployment.resume(holder) }
    holder = next
    round = try await Self.held(deployment, by: next) { $0.roundID != old.roundID || $0.phase != old.phase }
    #expect(old.phase == .unmasking ? round.number == old.number + 1 : round.number == old.number)
  }

  /// Goes on phase by phase.
  mutating func advance(to phase: RoundAnswer.Phase, ofRound number: Int) async throws {
    while round.number != number || round.phase != phase {
      try await advance(holding: holder == "north" ? "bay" : "north")
    }
  }

  /// The coordinator is killed and served again: it waits in the very same place, with every answer that it had.
  func restartCoordinator() async throws {
    try deployment.kill("coordinator")
    try await deployment.serve()
    let found = try #require(try await deployment.run().current)
    #expect(found.roundID == round.roundID)
    #expect(found.phase == round.phase)
    #expect(found.answered == round.answered)
  }

  /// Lets the run go, and returns how it ended.
  func release() async throws -> RunAnswer {
    try deployment.resume(holder)
    return try await deployment.ended()
  }

  private static func held(
    _ deployment: Deployment, by holder: String, _ isMeant: (RoundAnswer) -> Bool
  ) async throws -> RoundAnswer {
    var seen: RunAnswer?
    var found: RoundAnswer?
    try await eventually("the run waits for \(holder) alone: \(String(describing: seen))") {
      let run = try await deployment.run()
      seen = run
      guard let round = run.current, isMeant(round), round.waitingFor.map(\.name) == [holder] else { return false }
      found = round
      return true
    }
    return try #require(found)
  }
}
