import Foundation
import Testing

extension EndToEnd {
  @Suite("Processes killed with SIGKILL", .serialized)
  struct CrashTests {
    @Test(
      "A coordinator killed in every phase of a round goes on where it was, to the same model", .timeLimit(.minutes(5)))
    func coordinator() async throws {
      // Undisturbed, from copies of the same homes.
      let undisturbed = try Deployment()
      try await undisturbed.startAll()
      #expect(try await undisturbed.operate("run", undisturbed.path("plan.yaml")).status == 0)
      let expected = try await undisturbed.run()
      let reference = try await exported(undisturbed)
      for name in ["coordinator"] + SmallTable.owners { try undisturbed.kill(name) }

      let deployment = try Deployment()
      try await deployment.startAll()
      var hold = try await Hold(deployment)
      try await hold.advance(to: .gathering, ofRound: 3)
      // In gathering, one round has closed and the next has bound nobody yet.
      for phase in RoundAnswer.Phase.allCases {
        #expect(hold.round.phase == phase)
        try await hold.restartCoordinator()
        try await hold.advance(holding: hold.holder == "north" ? "bay" : "north")
      }
      let run = try await hold.release()
      #expect(run.isFinished)
      #expect(run.roundsClosed == SmallTable.roundsInAll)
      #expect(run.abandoned.isEmpty)
      #expect(run.metrics.map(\.survivors) == [4, 4, 4, 4])

      // The sums of the statistics are exact, so the first model is the same, byte for byte.
      #expect(run.metrics.first?.model == expected.metrics.first?.model)
      // Updates are rounded to a grid after a rotation that every round draws anew.
      let model = try await exported(deployment)
      #expect(abs(model.bias - reference.bias) < 1e-4)
      for (found, expected) in zip(model.weight, reference.weight) { #expect(abs(found - expected) < 1e-4) }
    }

    private func exported(_ deployment: Deployment) async throws -> ReadSpecialist {
      let file = deployment.path("model.safetensors")
      #expect(try await deployment.operate("export", "--output", file).status == 0)
      return try ReadSpecialist(file)
    }

    @Test(
      "Participants killed in every phase, before and after they answer, go on in the same round when started again",
      .timeLimit(.minutes(5)))
    func participantsComeBackInTime() async throws {
      let deployment = try Deployment()
      try await deployment.startAll()
      var hold = try await Hold(deployment)
      try await hold.advance(to: .gathering, ofRound: 3)
      for phase in RoundAnswer.Phase.allCases {
        #expect(hold.round.phase == phase)
        // The holder has not answered in this phase, and coast has.
        let holder = hold.holder
        try await hold.advance(holding: holder == "north" ? "bay" : "north") {
          for victim in [holder, "coast"] {
            try deployment.kill(victim)
            try deployment.join(victim)
          }
        }
      }
      let run = try await hold.release()
      #expect(run.isFinished)
      #expect(run.abandoned.isEmpty)
      #expect(run.metrics.map(\.survivors) == [4, 4, 4, 4])
      for owner in SmallTable.owners {
        let status = try await deployment.tributary("status", "--home", deployment.path(owner), "--json").json(
          NodeAnswer.self)
        #expect(status.locked == nil)
      }
    }

    @Test(
      "A participant killed while its update is awaited is left out, and joins the next round", .timeLimit(.minutes(5)))
    func comesBackLater() async throws {
      let deployment = try Deployment(presenceSeconds: 8)
      try await deployment.startAll()
      var hold = try await Hold(deployment)
      try await hold.advance(to: .collecting, ofRound: 3)
      let late = hold.holder
      let others = SmallTable.owners.filter { $0 != late }
      try await hold.advance(holding: others[0]) { try deployment.kill(late) }
      #expect(hold.round.phase == .confirming)
      try await hold.advance(holding: others[1])
      #expect(hold.round.phase == .unmasking)
      // Two of the three signatures and shares that are needed are there: the round waits, however long this takes.
      try deployment.join(late)
      try await eventually("\(late) is back") { try await deployment.participants()[late]?.present == true }
      let run = try await hold.release()
      #expect(run.isFinished)
      #expect(run.abandoned.isEmpty)
      #expect(run.metrics.map(\.survivors) == [3, 4, 4, 4])
    }

    @Test(
      "A run finishes without a participant that is killed for good after it has shared its secrets",
      .timeLimit(.minutes(5)))
    func goneForGood() async throws {
      let deployment = try Deployment(presenceSeconds: 8)
      try await deployment.startAll()
      var hold = try await Hold(deployment)
      try await hold.advance(to: .collecting, ofRound: 2)
      try deployment.kill(hold.holder)
      let run = try await deployment.ended()
      #expect(run.isFinished)
      #expect(run.abandoned.isEmpty)
      #expect(run.metrics.map(\.survivors) == [3, 3, 3, 3])
    }
  }
}
