import Foundation
import SecureAggregation
import Testing

@testable import Participation

@Suite("The ledger and the rounds on the disk")
struct LedgerJournalTests {
  private let directory = TestDirectory.make()
  private let signer = try! IdentitySigner(seed: [UInt8](repeating: 3, count: 32))

  private func withHome(_ body: (NodeHome) throws -> Void) throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let home = NodeHome(path: directory)
    try home.makeDirectories()
    try home.journal.create()
    try body(home)
  }

  private func close(_ round: UInt64, run: String = "run-1") throws -> SignedRoundClose {
    try SignedRoundClose(
      RoundClose(
        run: run, roundID: round, planHash: .zero, rosterRoot: .zero, survivorsHash: .zero, modelIn: .zero,
        modelOut: .zero, meanNorm: 1, totalWeight: 3, survivors: 3, outcome: .done), signer: signer)
  }

  private func take(_ round: UInt64, _ home: NodeHome) throws {
    let close = try close(round)
    try home.changeLedger { ledger throws(AveragingError) in
      try ledger.record(close, coordinator: signer.publicKey)
    }
  }

  private func size(_ home: NodeHome) throws -> Int {
    try #require(try FileManager.default.attributesOfItem(atPath: home.ledgerFile)[.size] as? Int)
  }

  private func append(_ text: String, to home: NodeHome) throws {
    let handle = try #require(FileHandle(forWritingAtPath: home.ledgerFile))
    try handle.seekToEnd()
    try handle.write(contentsOf: Data(text.utf8))
    try handle.close()
  }

  @Test("A change adds one line of its own size, however many rounds are remembered, and a new process reads the same")
  func appends() throws {
    try withHome { home in
      var sizes = [try size(home)]
      for round in 1...120 {
        try take(UInt64(100 + round), home)
        sizes.append(try size(home))
      }
      let lines = zip(sizes.dropFirst(), sizes).map { $0 - $1 }
      // Only the count in the chain has more digits in the end.
      #expect(try #require(lines.last) - #require(lines.first) <= 2)
      let read = try NodeHome(path: directory).ledger()
      #expect(read == (try home.ledger()))
      #expect(read.chain(run: "run-1", coordinator: signer.publicKey)?.count == 120)

      try home.compactLedger()
      #expect(try size(home) < sizes[2])
      #expect(try home.ledger() == read)
      #expect(try NodeHome(path: directory).ledger() == read)
    }
  }

  @Test("What another process adds, and its compaction, are seen by one that has read before")
  func twoProcesses() throws {
    try withHome { home in
      let other = NodeHome(path: directory)
      for round in 1...120 { try take(UInt64(round), round.isMultiple(of: 2) ? home : other) }
      try other.compactLedger()
      try take(121, other)
      #expect(try home.ledger() == (try other.ledger()))
      try take(122, home)
      #expect(try other.ledger().lastClose(run: "run-1", coordinator: signer.publicKey)?.close.roundID == 122)
    }
  }

  @Test("A line that a crash cut short counts for nothing, and the next takes its place")
  func torn() throws {
    try withHome { home in
      try take(1, home)
      let before = try home.ledger()
      try append("[{\"resumed\":{", to: home)
      #expect(try NodeHome(path: directory).ledger() == before)
      try take(2, home)
      #expect(
        try NodeHome(path: directory).ledger().lastClose(run: "run-1", coordinator: signer.publicKey)?.close.roundID
          == 2)
    }
  }

  @Test(
    "Damage anywhere else stops the node: nothing that was answered is forgotten",
    arguments: [
      "[{\"resumed\":{\n", "\n", "{}\n", "[{\"forgotten\":{}}]\n",
    ])
  func damaged(line: String) throws {
    try withHome { home in
      try take(1, home)
      try append(line, to: home)
      for reader in [home, NodeHome(path: directory)] {
        let error = #expect(throws: ParticipationError.self) { try reader.ledger() }
        if case .damaged = error {} else { Issue.record("\(String(describing: error))") }
        #expect(error?.concernsOwner == false)  // so that the worker ends
        #expect(throws: ParticipationError.self) { try take(2, reader) }
      }
    }
  }

  @Test("A ledger that is gone, empty or shorter than before is damage too")
  func missing() throws {
    try withHome { home in
      try take(1, home)
      try FileManager.default.removeItem(atPath: home.ledgerFile)
      #expect(throws: ParticipationError.self) { try take(2, home) }
      for text in ["", "{\"id\":\"x\",\"ledger\":2}\n", "{\"id\":\"x\",\"led"] {
        try text.write(toFile: home.ledgerFile, atomically: false, encoding: .utf8)
        chmod(home.ledgerFile, 0o600)
        #expect(throws: ParticipationError.self) { try NodeHome(path: directory).ledger() }
      }
    }
  }

  @Test("A round whose last line is torn goes on from the line before; one whose last line is damaged is given up")
  func rounds() async throws {
    let federation = try await TestFederation()
    defer { federation.remove() }
    try await federation.connectAll()
    for _ in 0..<2 { for node in federation.nodes { try await node.step() } }
    let home = federation.nodes[0].home
    let round = try #require(try home.rounds().first)
    #expect(round.averaging.stage == .shared)
    let file = "\(home.stateDirectory)/round-\(round.plan.roundID).jsonl"
    let whole = try Data(contentsOf: URL(fileURLWithPath: file))
    let lines = whole.split(separator: UInt8(ascii: "\n"))
    func write(_ bytes: Data) throws {
      try bytes.write(to: URL(fileURLWithPath: file))
      chmod(file, 0o600)
    }

    try write(whole.dropLast())
    #expect(try home.round(round.plan.roundID)?.averaging.stage == .advertised)
    try home.save(round)
    #expect(try home.round(round.plan.roundID)?.averaging.stage == .shared)
    #expect(try Data(contentsOf: URL(fileURLWithPath: file)).split(separator: UInt8(ascii: "\n")).count == lines.count)

    var spoilt = whole
    spoilt[whole.count - 10] = 0
    try write(spoilt)
    #expect(try home.round(round.plan.roundID) == nil)
    #expect(!FileManager.default.fileExists(atPath: file))
    #expect(try home.recordEntries().last?.note?.hasPrefix("given up") == true)
    // The plan is not taken up again either: its roundID is used.
    federation.nodes[0].token = ""
    try await federation.settle()
    #expect(try home.round(round.plan.roundID) == nil)
  }

  @Test("The grid follows from the ledger: a history that is lost or damaged changes nothing that is sent")
  func lostHistory() async throws {
    let federation = try await TestFederation(plan: TestPlan.plan(rounds: 2))
    defer { federation.remove() }
    try await federation.connectAll()
    let home = federation.nodes[0].home
    var spoilt = 0
    while await federation.coordinator.standing != .finished {
      var isBusy = false
      for node in federation.nodes { if try await node.step() { isBusy = true } }
      if !isBusy { break }
      let held = try home.ledger().lastOpened(run: "run-1", coordinator: federation.coordinator.signer.publicKey)
      if let held {
        #expect(await federation.coordinator.machine.closes.contains { $0.close == held })
        try Data().write(to: URL(fileURLWithPath: "\(home.stateDirectory)/runs.json"))
        spoilt += 1
      }
    }
    #expect(spoilt > 0)
    #expect(await federation.coordinator.standing == .finished)
  }
}
