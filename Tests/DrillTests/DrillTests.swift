import Foundation
import Federation
import Participation
import SecureAggregation
import Testing
import Wire

@testable import Drill

@Suite("The drill over the wire", .serialized)
struct DrillTests {
  @Test("An abort, a refusal and a property end as stated", .timeLimit(.minutes(5)))
  func ends() async throws {
    let report = try await Drill(.recommended).run([.lowOrderPoints, .lateUpload, .keysUsedOnce])
    #expect(report.passed)
    #expect(report.rows.map(\.attack) == ["low-order-points", "late-upload", "keys-used-once"])
    #expect(report.rows.map(\.participants) == [5, 4, 5])
    #expect(report.rows.map(\.complaints) == [[], [], []])
  }

  @Test("Where the policy asks for no known peers an invented cohort gets shares, and the drill says so")
  func openPolicy() async throws {
    let configuration = try DrillConfiguration(policy: NodePolicy())
    let report = try await Drill(configuration).run([.sybilCohort])
    #expect(!report.passed)
    let row = try #require(report.rows.first)
    #expect(row.complaints.contains("hospital-1 sent its shares"))
    #expect(row.seen.hasPrefix("the policy asks for no known peers (minimumKnownPeers: 0): hospital-"))
  }

  @Test("What participants take is no abort: the honest set of survivors, called a lie")
  func accepted() async throws {
    let honest = Attack(
      name: "honest", row: "", breaks: "", does: "", end: .abort,
      play: .abort { coordinator in
        try await coordinator.follow(until: .confirming, of: .counts)
        for name in coordinator.members {
          coordinator.show(.confirm(coordinator.survivorSet(coordinator.members, for: name)), to: name)
        }
        return .all(coordinator.members, before: .confirmation, Reason(.overlappingSets))
      })
    let row = try #require(try await Drill(.recommended).run([honest]).rows.first)
    #expect(!row.asStated)
    for name in DrillConfiguration.recommended.names {
      #expect(row.complaints.contains("\(name) sent its confirmation"))
    }
  }

  @Test("Nothing is left of the homes")
  func scratch() async throws {
    let homes = try ScratchHomes()
    #expect(FileManager.default.fileExists(atPath: homes.directory))
    homes.remove()
    #expect(!FileManager.default.fileExists(atPath: homes.directory))
  }

  @Test("Each attack has a name of its own, and a mistyped one is told the nearest")
  func names() throws {
    let names = Attack.all.map(\.name)
    #expect(Set(names).count == names.count)
    #expect(try Attack.named("second-roster").name == "second-roster")
    #expect(throws: DrillError.unknownAttack("second-rooster", nearest: "second-roster")) {
      _ = try Attack.named("second-rooster")
    }
  }
}
