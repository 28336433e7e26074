import Foundation
import Testing

extension EndToEnd {
  @Suite("Who may serve and who may join", .serialized)
  struct AdmissionTests {
    @Test("A home is served once, and a used port is named", .timeLimit(.minutes(2)))
    func oneServer() async throws {
      let deployment = try Deployment()
      try await deployment.serve()
      let second = try await deployment.operate("serve")
      #expect(second.status == 6)
      #expect(try second.failure.status == 6)
      #expect(try second.failure.error.contains("another coordinator serves this home"))
      #expect(try second.failure.hint?.contains("tributary stop") == true)

      // Another home on the same port.
      let port = try #require(try deployment.text("coordinator/home.yaml").firstMatch(of: /port: (\d+)/)?.1)
      let other = deployment.path("other")
      let made = try await deployment.tributary("init", "--home", other, "--listen", "127.0.0.1:\(port)")
      #expect(made.status == 0)
      let refused = try await deployment.tributary("serve", "--home", other, "--json")
      #expect(refused.status == 6)
      #expect(try refused.failure.error == "port \(port) on 127.0.0.1 is in use")
      // The first one is undisturbed.
      #expect(try await deployment.operate("status").status == 0)
    }

    @Test("A line that is used, expired, forged or another coordinator's enrols nobody", .timeLimit(.minutes(3)))
    func lines() async throws {
      let deployment = try Deployment()
      try await deployment.serve()
      func invite(_ name: String, hours: String = "1") async throws -> InvitationAnswer {
        let answer = try await deployment.operate(
          "invite", name, "--organisation", "\(name) hospital", "--hours", hours)
        return try answer.json(InvitationAnswer.self)
      }
      func join(_ line: String, home: String) async throws -> Deployment.Answer {
        try await deployment.tributary("join", line, "--home", deployment.path(home), "--enrol-only", "--json")
      }

      let line = try await invite("dale").line
      let token = try #require(line.firstMatch(of: /token=(.)/)?.1)
      let forged = try await join(
        line.replacing("token=\(token)", with: token == "A" ? "token=B" : "token=A"), home: "dale")
      #expect(forged.status == 4)
      #expect(try forged.failure.error.contains("token is not one that this coordinator issued"))

      let digest = String(try #require(line.firstMatch(of: /ca=([0-9a-f]{64})/)?.1))
      let flipped = (digest.hasPrefix("0") ? "1" : "0") + digest.dropFirst()
      let foreign = try await join(line.replacing(digest, with: flipped), home: "stranger")
      #expect(foreign.status == 4, "\(foreign.error)")
      #expect(try foreign.failure.error.contains("not the coordinator that the invitation names"))

      let cut = try await join(String(line.dropLast(20)), home: "dale")
      #expect(cut.status != 0)
      #expect(try cut.failure.hint?.contains("copy the whole line") == true)

      // None of these has spent the line, or spoilt the home.
      #expect(try await join(line, home: "dale").status == 0)
      let used = try await join(line, home: "elsewhere")
      #expect(used.status == 4)
      #expect(try used.failure.error == "the invitation of dale has been used")

      let short = try await invite("fell", hours: "0.0003")
      try await eventually("a second passes") { Date().timeIntervalSince1970 > short.expires }
      let expired = try await join(short.line, home: "fell")
      #expect(expired.status == 4)
      #expect(try expired.failure.error == "the invitation of fell has expired")

      let members = try await deployment.participants()
      #expect(members["dale"]?.membership == "enrolled")
      #expect(members.values.filter { $0.membership == "enrolled" }.count == SmallTable.owners.count + 1)

      try deployment.kill("coordinator")
      let alone = try await join(short.line, home: "gill")
      #expect(alone.status == 3)
      #expect(try alone.failure.error.contains("unreachable"))
    }

    @Test("A revoked participant is refused at its next call, and the others finish their run", .timeLimit(.minutes(3)))
    func revoked() async throws {
      let deployment = try Deployment()
      try await deployment.startAll()
      var hold = try await Hold(deployment)
      try await hold.advance(to: .collecting, ofRound: 3)
      let revoked = hold.holder
      let program = try #require(deployment.programs[revoked])
      #expect(try await deployment.operate("revoke", revoked).status == 0)
      program.resume()
      #expect(try await program.status() == 4)
      #expect(program.error.contains("the certificate of \(revoked) is revoked"))

      let run = try await deployment.ended()
      #expect(run.isFinished)
      #expect(run.metrics.map(\.survivors) == [3, 3, 3, 3])
      #expect(try await deployment.participants()[revoked]?.membership == "revoked")
      let again = try await deployment.tributary("join", "--home", deployment.path(revoked), "--json")
      #expect(again.status == 4)
    }

    @Test("Leaving revokes the node, deletes its keys, ends its process and keeps its record", .timeLimit(.minutes(3)))
    func leaving() async throws {
      let deployment = try Deployment()
      try await deployment.startAll()
      #expect(try await deployment.operate("run", deployment.path("plan.yaml")).status == 0)
      let program = try #require(deployment.programs["coast"])
      let home = deployment.path("coast")
      let left = try await deployment.tributary("leave", "--home", home, "--json")
      #expect(left.status == 0, "\(left.error)")
      _ = try await program.status()  // ends
      #expect(try FileManager.default.contentsOfDirectory(atPath: "\(home)/keys").isEmpty)
      let record = try deployment.text("coast/record.jsonl").split(separator: "\n")
      #expect(record.count { $0.contains("\"event\":\"shared\"") } == SmallTable.roundsInAll)
      #expect(record.last?.contains("\"event\":\"left\"") == true)
      #expect(try await deployment.participants()["coast"]?.membership == "left")

      let again = try await deployment.tributary("join", "--home", home, "--json")
      #expect(again.status != 0)
      #expect(try !again.failure.error.isEmpty)
      let status = try await deployment.tributary("status", "--home", home)
      #expect(status.output.contains("state        left"))

      // Three are left, and three are enough for the plan.
      let run = try await deployment.operate("run", deployment.path("plan.yaml"), "--set", "evaluation.fold=1")
      #expect(run.status == 0, "\(run.error)")
    }
  }
}
