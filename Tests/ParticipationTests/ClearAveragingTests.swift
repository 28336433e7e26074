import Federation
import Foundation
import Schemas
import SecureAggregation
import Testing
import Wire

@testable import Participation

@Suite("A node and plans without masks")
struct ClearAveragingTests {
  private func federation(_ up: RunPlan.Compression.Up, rounds: Int = 2, allowClear: Bool = true) async throws
    -> TestFederation
  {
    var plan = TestPlan.plan(rounds: rounds)
    plan.averaging = .clear
    plan.compression.up = up
    if up == .sparse { plan.compression.keep = 0.5 }
    let federation = try await TestFederation(plan: plan)
    for node in federation.nodes where allowClear {
      let path = "\(node.home.path)/policy.yaml"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      try text.replacing("allowClear: false", with: "allowClear: true")
        .write(toFile: path, atomically: true, encoding: .utf8)
    }
    return federation
  }

  @Test("An owner that allows the plan alone is asked for more: no mask, no upload")
  func refused() async throws {
    let federation = try await federation(.rotated, allowClear: false)
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()
    let reasons = Set(await federation.coordinator.declined.values)
    #expect(reasons == ["the plan averages without masks: the coordinator would read this node's updates and metrics"])
    #expect(await federation.coordinator.sent.isEmpty)
    guard case .waitingForOwner(_, let hint) = try federation.nodes[0].activity else { return #expect(Bool(false)) }
    #expect(hint?.contains("allowClear: true") == true)
  }

  @Test(
    "With the owner's leave a run finishes, by adverts and uploads alone",
    arguments: [RunPlan.Compression.Up.rotated, .sparse])
  func wholeRun(up: RunPlan.Compression.Up) async throws {
    let federation = try await federation(up)
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()
    #expect(await federation.coordinator.standing == .finished)
    #expect(Set(await federation.coordinator.sent.map(\.call)) == [.advertise, .submitUpload])
    for node in federation.nodes {
      #expect(try node.home.history().first?.finished == true)
      #expect(try node.home.recordEntries().count { $0.event == .shared } == 5)
    }
  }

  @Test("A node that dies around its upload repeats the same bytes", arguments: TestCoordinator.Fault.allCases)
  func restart(fault: TestCoordinator.Fault) async throws {
    let federation = try await federation(.sparse)
    defer { federation.remove() }
    let once = OncePerRound()
    await federation.coordinator.setFault { call, name, kind in
      call == .submitUpload && name == "coast" && once.first(kind) ? fault : nil
    }
    try await federation.connectAll()
    try await federation.settle()
    #expect(await federation.coordinator.standing == .finished)
    let sent = await federation.coordinator.sent.filter { $0.name == "coast" && $0.call == .submitUpload }
    for (round, messages) in Dictionary(grouping: sent, by: \.roundID) {
      #expect(Set(messages).count == 1, "round \(round) was sent with different bytes")
    }
  }

  @Test("What a sparse update leaves out is added to the next one, and is forgotten after five rounds away")
  func residue() async throws {
    let federation = try await federation(.sparse, rounds: 1)
    defer { federation.remove() }
    try await federation.connectAll()
    try await federation.settle()
    let home = federation.nodes[0].home
    let run = try #require(try home.history().first)
    #expect(run.roundsClosed == 4)  // counts, moments, the update, evaluation
    let machine = await federation.coordinator.machine
    let checkpoint = try #require(await federation.coordinator.blob(machine.model))
    let plan = try federation.plan.roundPlan(
      kind: .update, run: "run-1", roundID: 99, checkpoint: try .init(decoding: checkpoint), modelIn: machine.model,
      gridClose: .zero, deadlineSeconds: 1)
    // Half of six parameters are left out of the update, the others but for rounding.
    let left = try home.residue(of: plan)
    #expect(left.count == 6)
    #expect(left.contains { $0 != 0 })
    try home.changeHistory(of: "run-1") { $0.roundsClosed = 2 + 5 }
    #expect(try home.residue(of: plan) == left)
    try home.changeHistory(of: "run-1") { $0.roundsClosed = 2 + 6 }
    #expect(try home.residue(of: plan).isEmpty)
  }

  @Test("A coordinator cannot ask for the other kind of upload than the plan's", arguments: [true, false])
  func otherKind(clear: Bool) async throws {
    let federation =
      clear ? try await federation(.sparse) : try await TestFederation(plan: TestPlan.plan())
    defer { federation.remove() }
    await federation.coordinator.setTamper { _, instruction in
      var instruction = instruction
      switch instruction.step {
      case .share(let roster): instruction.step = .collect(roster)
      case .collect(let roster): instruction.step = .share(roster)
      default: break
      }
      return instruction
    }
    try await federation.connectAll()
    try await federation.settle()
    #expect(Set(await federation.coordinator.sent.map(\.call)) == [.advertise])
    let reason = try #require(await federation.coordinator.declined["bay"])
    #expect(reason.hasSuffix(clear ? "it asks for values under masks" : "it asks for values without masks"))
  }

  @Test("preview says that masks are off, who reads what, and how much leaves")
  func preview() async throws {
    let federation = try await federation(.sparse)
    defer { federation.remove() }
    let preview = try Preview.make(plan: federation.plan, home: federation.nodes[0].home)
    #expect(!preview.cohort.masks)
    #expect(preview.description.contains("OFF: the coordinator reads every update of yours"))
    #expect(preview.caveats.contains { $0.hasPrefix("no masks: the coordinator reads your updates") })
    #expect(preview.caveats.contains("no formal privacy; nobody hides you"))
    // A scale, a bit for each of six, three bytes; the weight and the tail of a binary label.
    let update = try #require(preview.leaving.first { $0.kind == "update" })
    #expect(update.maskedBytes == 4 + 1 + 3 + 132 * 4)
  }
}
