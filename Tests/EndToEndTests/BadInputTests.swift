import Foundation
import Testing

extension EndToEnd {
  @Suite("Bad input is named, with a number and a hint", .serialized)
  struct BadInputTests {
    /// A plan with one thing wrong, and what must be said of it.
    @Test(
      "A plan that breaks its rules is refused with status 2, in words for people and as JSON",
      .timeLimit(.minutes(1)),
      arguments: [
        ("rounds: 3", "round: 3", "plan.yaml:11", "rounds"),
        ("rounds: 3", "rounds: many", "plan.yaml:11", "many"),
        ("minimumSurvivors: 3", "minimumSurvivors: 5", "minimumSurvivors", "5"),
        ("averaging", "averaging", "averaging", "clear"),
      ])
    func plans(old: String, new: String, named: String, found: String) async throws {
      let deployment = try Deployment()
      try deployment.change("plan.yaml") {
        old == "averaging" ? $0 + "averaging: open\n" : $0.replacingOccurrences(of: old, with: new)
      }
      let json = try await deployment.tributary("plan", "check", deployment.path("plan.yaml"), "--json")
      #expect(json.status == 2)
      let failure = try json.failure
      #expect(failure.status == 2)
      #expect(failure.error.contains(named), "\(failure.error)")
      #expect("\(failure.error) \(failure.hint ?? "")".contains(found), "\(failure)")
      let text = try await deployment.tributary("plan", "check", deployment.path("plan.yaml"))
      #expect(text.status == 2)
      #expect(text.error.hasPrefix("tributary: error: \(failure.error)"))
      #expect(text.output.isEmpty)
    }

    @Test(
      "Rows that break the schema are counted in a preview or refused by line, and nothing leaves",
      .timeLimit(.minutes(2)))
    func rows() async throws {
      let deployment = try Deployment()
      let home = deployment.path("bay")
      func preview(_ rows: String) async throws -> Deployment.Answer {
        try rows.write(toFile: deployment.path("mine.csv"), atomically: true, encoding: .utf8)
        try deployment.change("bay/node.yaml") {
          $0.replacing(/data: .*/, with: "data: \"\(deployment.path("mine.csv"))\"")
        }
        return try await deployment.tributary("preview", deployment.path("plan.yaml"), "--home", home, "--json")
      }
      let good = SmallTable.csv(SmallTable.rows(of: "bay"))
      #expect(try await preview(good).status == 0)

      let ragged = try await preview(good + "55,120,none,1\n")
      #expect(ragged.status == 2)
      #expect(try ragged.failure.error.contains("mine.csv"))
      #expect(try ragged.failure.error.contains("62"))  // a header and 60 rows stand before it

      let column = try await preview(good.replacing("age,pressure", with: "age,presure"))
      #expect(column.status == 2)
      #expect(try column.failure.error.contains("presure"))

      try FileManager.default.removeItem(atPath: deployment.path("mine.csv"))
      let missing = try await deployment.tributary("preview", deployment.path("plan.yaml"), "--home", home, "--json")
      #expect(missing.status == 2)
      #expect(try missing.failure.error.contains("mine.csv"))
      #expect(try !deployment.text("bay/record.jsonl").contains("shared"))
    }

    @Test("Missing files, homes and coordinators have their numbers", .timeLimit(.minutes(1)))
    func missing() async throws {
      let deployment = try Deployment()
      let nowhere = deployment.path("nowhere")
      let plan = try await deployment.tributary("plan", "check", nowhere, "--json")
      #expect(plan.status == 2)
      #expect(try plan.failure.error.contains(nowhere))
      #expect(try await deployment.tributary("serve", "--home", nowhere, "--json").failure.status == 6)
      #expect(try await deployment.tributary("join", "--home", nowhere, "--json").failure.status == 6)
      #expect(try await deployment.tributary("status", "--home", nowhere, "--json").failure.status == 6)
      #expect(try await deployment.operate("status").failure.status == 3)  // nobody serves
      #expect(try await deployment.tributary("inspect", deployment.path("plan.yaml"), "--json").failure.status == 2)
      #expect(try await deployment.tributary("predict").status == 64)
      #expect(try await deployment.tributary("--help").status == 0)
      #expect(!FileManager.default.fileExists(atPath: nowhere))
    }
  }
}
