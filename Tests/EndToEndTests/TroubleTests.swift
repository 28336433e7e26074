import Foundation
import Testing

extension EndToEnd {
  @Suite("Trouble that goes away", .serialized)
  struct TroubleTests {
    @Test("A node whose coordinator is away says so once, and goes on when it is back", .timeLimit(.minutes(3)))
    func coordinatorAway() async throws {
      let deployment = try Deployment()
      try await deployment.startAll()
      var hold = try await Hold(deployment)
      try await hold.advance(to: .sharing, ofRound: 1)
      try deployment.kill("coordinator")
      let others = SmallTable.owners.filter { $0 != hold.holder }
      for owner in others {
        let program = try #require(deployment.programs[owner])
        try await eventually("\(owner) notices") { program.error.contains("trying again until it answers") }
      }
      // A node that starts now waits as well.
      try deployment.kill(hold.holder)
      try deployment.join(hold.holder)
      let late = try #require(deployment.programs[hold.holder])
      try await eventually("a new process notices") { late.error.contains("trying again until it answers") }

      try await deployment.serve()
      #expect(try await deployment.ended().isFinished)
      for owner in SmallTable.owners {
        let said = try #require(deployment.programs[owner]).error
        #expect(said.components(separatedBy: "trying again until it answers").count == 2, "\(said)")
        #expect(said.contains("the coordinator is back"))
      }
    }

    @Test(
      "A coordinator whose disk is full loses nothing, and goes on when there is room again", .timeLimit(.minutes(3)))
    func diskFull() async throws {
      let deployment = try Deployment()
      // The log may not grow past what it has, by a limit on file sizes that behaves as a full disk does.
      let size = try #require(
        try FileManager.default.attributesOfItem(atPath: deployment.path("coordinator/events.sqlite"))[.size] as? Int)
      try await deployment.serve(shell: "trap '' XFSZ; ulimit -f \(size / 1024 + 48)")
      for owner in SmallTable.owners { try deployment.join(owner) }
      let coordinator = try #require(deployment.programs["coordinator"])
      let submitted = try await deployment.operate("run", deployment.path("plan.yaml"), "--detach")
      try await eventually("the coordinator says what is wrong: \(coordinator.error)") {
        coordinator.error.contains("cannot record")
      }
      #expect(coordinator.isRunning)
      if submitted.status == 0 { #expect(try await deployment.run().hasEnded == false) }

      try deployment.kill("coordinator")
      try await deployment.serve()
      if submitted.status != 0 {
        #expect(try await deployment.operate("run", deployment.path("plan.yaml"), "--detach").status == 0)
      }
      let run = try await deployment.ended()
      #expect(run.isFinished)
      #expect(run.roundsClosed == SmallTable.roundsInAll)
      #expect(run.metrics.map(\.survivors) == [4, 4, 4, 4])
    }
  }
}
