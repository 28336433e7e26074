import Foundation
import Testing

@testable import SecureAggregation

@Suite("What a node remembers")
struct LedgerTests {
  static let keys: [IdentityKey] = (0..<12).map { IdentityKey(bytes: [UInt8](repeating: UInt8($0), count: 32))! }

  private func set(_ members: some Sequence<Int>) -> Set<IdentityKey> { Set(members.map { Self.keys[$0] }) }

  @Test("A roundID must be newer than the last of its coordinator, over all runs")
  func monotone() throws {
    var rehearsal = try Rehearsal(3, plan: Rehearsal.plan(roundID: 5))
    try rehearsal.begin(0)
    let ledger = rehearsal.members[0].ledger
    for (roundID, run, taken) in [
      (5, "hearts", false), (4, "lungs", false), (6, "lungs", true), (1 << 32, "hearts", true),
    ]
      as [(UInt64, String, Bool)]
    {
      var plan = Rehearsal.plan(roundID: roundID)
      plan.run = run
      var next = try Rehearsal(3, plan: plan)
      next.members[0].ledger = ledger
      let error = refusal { try next.begin(0) }
      #expect(error == (taken ? nil : .staleRound(roundID: roundID, lastSeen: 5)))
    }
  }

  private func close(
    _ roundID: UInt64, _ from: String, _ to: String, outcome: RoundOutcome = .done, signer: IdentitySigner
  ) throws -> SignedRoundClose {
    try SignedRoundClose(
      RoundClose(
        run: "hearts", roundID: roundID, planHash: .zero, rosterRoot: .zero, survivorsHash: .zero,
        modelIn: Digest(sha256: Array(from.utf8)), modelOut: Digest(sha256: Array(to.utf8)),
        meanNorm: outcome == .done ? 1.5 : 0,
        totalWeight: outcome == .done ? 12 : 0, survivors: 3, outcome: outcome), signer: signer)
  }

  @Test("Closes form a chain, and a plan must go on from its end")
  func chain() throws {
    let signer = try IdentitySigner(seed: [UInt8](repeating: 99, count: 32))
    var ledger = NodeLedger()
    let first = try close(1, "model", "second", signer: signer)
    try ledger.record(first, coordinator: signer.publicKey)
    try ledger.record(first, coordinator: signer.publicKey)
    try ledger.record(
      try close(2, "second", "second", outcome: .abandoned, signer: signer), coordinator: signer.publicKey)
    try ledger.record(try close(4, "second", "third", signer: signer), coordinator: signer.publicKey)
    #expect(ledger.lastClose(run: "hearts", coordinator: signer.publicKey)?.close.roundID == 4)
    #expect(ledger.lastClose(run: "lungs", coordinator: signer.publicKey) == nil)
    let kept = try reborn(ledger)
    #expect(kept == ledger)

    for (model, good) in [("third", true), ("second", false), ("model", false)] {
      var rehearsal = try Rehearsal(3, plan: Rehearsal.plan(roundID: 9, model: model))
      rehearsal.members[0].ledger = kept
      #expect(refusal { try rehearsal.begin(0) }?.name == (good ? nil : "modelNotInChain"))
      #expect((rehearsal.members[0].ledger.attack == nil) == good)
    }
  }

  @Test("A wrong signature, a second close of one round and a model that does not follow lock the node")
  func badCloses() throws {
    let signer = try IdentitySigner(seed: [UInt8](repeating: 99, count: 32))
    let other = try IdentitySigner(seed: [UInt8](repeating: 98, count: 32))
    var ledger = NodeLedger()
    try ledger.record(try close(1, "model", "second", signer: signer), coordinator: signer.publicKey)
    for (name, bad) in [
      ("forgedSignature", try close(2, "second", "third", signer: other)),
      ("secondClose", try close(1, "model", "other", signer: signer)),
      ("modelNotInChain", try close(2, "model", "third", signer: signer)),
    ] {
      var copy = ledger
      #expect(refusal { try copy.record(bad, coordinator: signer.publicKey) }?.name == name)
      #expect(copy.attack?.error.name == name)
      #expect(copy.attack?.run == "hearts")
      var rehearsal = try Rehearsal(3, plan: Rehearsal.plan(roundID: 9, model: "second"))
      rehearsal.members[0].ledger = try reborn(copy)
      #expect(refusal { try rehearsal.begin(0) }?.name == "locked")
      rehearsal.members[0].ledger.resume()
      #expect(refusal { try rehearsal.begin(0) } == nil)
    }
  }

  @Test("The retry rule on sets: the same set again, one other that differs by whole minimums, and no third")
  func retryRule() {
    let subject = Digest(sha256: [1])
    let roster = set(0..<10)
    func name(_ ledger: NodeLedger, _ members: [Int], roster other: Set<IdentityKey>? = nil) -> String? {
      refusal {
        try ledger.checkSurvivors(set(members), roster: other ?? roster, subject: subject, minimum: 3)
      }?.name
    }
    var ledger = NodeLedger()
    #expect(name(ledger, Array(0..<7)) == nil)
    ledger.recordAnswer(set(0..<7), roster: roster, subject: subject)
    #expect(name(ledger, Array(0..<7)) == nil)
    #expect(name(ledger, Array(0..<6)) == "differencingRetry")  // one is isolated
    #expect(name(ledger, Array(0..<5)) == "differencingRetry")  // two
    #expect(name(ledger, Array(0..<4)) == nil)  // three
    #expect(name(ledger, Array(0..<8)) == "differencingRetry")
    #expect(name(ledger, Array(0..<10)) == nil)
    #expect(name(ledger, [0, 1, 2, 3, 7, 8]) == "differencingRetry")  // minus three, plus two
    #expect(name(ledger, [0, 1, 2, 3, 7, 8, 9]) == nil)  // minus three, plus three
    #expect(name(ledger, Array(0..<7), roster: set(0..<9)) == "differencingRetry")
    #expect(refusal { try ledger.checkRoster(set(0..<9), subject: subject) }?.name == "differencingRetry")
    #expect(refusal { try ledger.checkRoster(set(0..<9), subject: Digest(sha256: [2])) } == nil)

    ledger.recordAnswer(set(0..<10), roster: roster, subject: subject)
    #expect(name(ledger, Array(0..<7)) == nil)
    #expect(name(ledger, Array(0..<10)) == nil)
    #expect(name(ledger, Array(0..<4)) == "ownerMustDecide")
  }

  @Test("The owner's permission is for one set under one roster, whatever is answered in between")
  func permission() {
    let subject = Digest(sha256: [1])
    let (roster, other) = (set(0..<10), set(0..<9))
    var ledger = NodeLedger()
    func name(_ members: some Sequence<Int>, roster: Set<IdentityKey>) -> String? {
      refusal { try ledger.checkSurvivors(set(members), roster: roster, subject: subject, minimum: 3) }?.name
    }
    ledger.recordAnswer(set(0..<7), roster: roster, subject: subject)
    ledger.recordAnswer(set(0..<10), roster: roster, subject: subject)
    ledger.permit(.init(roster: roster, survivors: set(0..<4)), subject: subject)
    #expect(name(0..<4, roster: roster) == nil)
    #expect(name(0..<4, roster: other) == "differencingRetry")
    #expect(name(0..<5, roster: roster) == "ownerMustDecide")
    ledger.recordAnswer(set(0..<7), roster: roster, subject: subject)
    #expect(name(0..<4, roster: roster) == nil)
    ledger.recordAnswer(set(0..<4), roster: roster, subject: subject)
    #expect(name(0..<4, roster: roster) == nil)
    #expect(name(0..<3, roster: roster) == "ownerMustDecide")

    // The yes to a roster is not yet one to any new set of it.
    ledger.permit(.init(roster: other), subject: subject)
    #expect(refusal { try ledger.checkRoster(other, subject: subject) } == nil)
    #expect(name(0..<9, roster: other) == "ownerMustDecide")
    #expect(name(0..<7, roster: other) == nil)  // answered before: nothing new
    ledger.permit(.init(roster: other, survivors: set(0..<9)), subject: subject)
    #expect(name(0..<9, roster: other) == nil)
    #expect(refusal { try ledger.checkRoster(set(0..<8), subject: subject) }?.name == "differencingRetry")
  }

  @Test("A ledger is the fold of its changes, each change is of one fact, and the summary comes to the same")
  func changes() throws {
    let signer = try IdentitySigner(seed: [UInt8](repeating: 99, count: 32))
    var ledger = NodeLedger()
    var all: [LedgerChange] = []
    func take(_ count: Int) {
      let new = ledger.takeChanges()
      #expect(new.count == count)
      all += new
      #expect(NodeLedger(replaying: all) == ledger)
      #expect(NodeLedger(replaying: ledger.summary) == ledger)
    }
    for round in 1...20 {
      let subject = Digest(sha256: [UInt8(round)])
      let next = try close(UInt64(round), "\(round)", "\(round + 1)", signer: signer)
      try ledger.record(next, coordinator: signer.publicKey)
      take(1)
      try ledger.record(next, coordinator: signer.publicKey)
      ledger.recordAnswer(set(0..<5), roster: set(0..<5), subject: subject)
      take(1)
      ledger.recordAnswer(set(0..<5), roster: set(0..<5), subject: subject)
      ledger.permit(.init(roster: set(0..<4)), subject: subject)
      take(1)
    }
    try ledger.pin([Peer(name: "a", organisation: "A", key: Self.keys[0])])
    try ledger.pin([
      Peer(name: "a", organisation: "A", key: Self.keys[0]), Peer(name: "b", organisation: "B", key: Self.keys[1]),
    ])
    take(2)
    ledger.unpin("a")
    ledger.unpin("c")
    take(1)
    ledger.note(.secondRoster, plan: Rehearsal.plan(roundID: 1))
    ledger.note(.secondSharerSet, plan: Rehearsal.plan(roundID: 2))
    take(1)
    ledger.resume()
    ledger.resume()
    take(1)
    #expect(ledger.summary.count == 1 + 1 + 20)
  }

  @Test("A chain keeps its last close, the last one that was opened, and a digest of all, in constant space")
  func constantChain() throws {
    let signer = try IdentitySigner(seed: [UInt8](repeating: 99, count: 32))
    func chain(_ outcomes: [RoundOutcome]) throws -> CloseChain {
      var ledger = NodeLedger()
      for (index, outcome) in outcomes.enumerated() {
        try ledger.record(
          try close(UInt64(index + 1), "model", "model", outcome: outcome, signer: signer),
          coordinator: signer.publicKey)
      }
      return try #require(ledger.chain(run: "hearts", coordinator: signer.publicKey))
    }
    let long = try chain([RoundOutcome](repeating: .done, count: 999) + [.abandoned])
    #expect(long.count == 1000)
    #expect(long.last.close.roundID == 1000)
    #expect(long.lastOpened?.roundID == 999)
    #expect(try chain([.abandoned]).lastOpened == nil)
    #expect(try chain([.done, .alarm, .abandoned]).lastOpened?.outcome == .alarm)
    #expect(try chain([.done, .done, .done]).hash != chain([.done, .abandoned, .done]).hash)
    let encoder = JSONEncoder()
    #expect(try encoder.encode(long).count < encoder.encode(chain([.done])).count + 100)
  }

  @Test("P+Q+x, P+R, Q+S, R+S cannot all be answered, although no pair isolates x")
  func longDifferences() {
    // Groups of three out of 0 to 11 and x = 12 would need 13 keys; with P, Q, R of three and x the first two already
    // differ by Q+x and R, and the third set is the owner's to allow.
    let subject = Digest(sha256: [3])
    let roster = set(0..<12)
    var ledger = NodeLedger()
    ledger.recordAnswer(set([0, 1, 2, 3, 4, 5, 11]), roster: roster, subject: subject)
    let second = set([0, 1, 2, 6, 7, 8])
    #expect(refusal { try ledger.checkSurvivors(second, roster: roster, subject: subject, minimum: 3) } == nil)
    ledger.recordAnswer(second, roster: roster, subject: subject)
    #expect(
      refusal {
        try ledger.checkSurvivors(set([3, 4, 5, 9, 10]), roster: roster, subject: subject, minimum: 3)
      }?.name == "ownerMustDecide")
  }

  @Test("Differencing retry: {1,2,3,4} and then {1,2,3} from one model is refused; before any answer there is no limit")
  func differencingRounds() throws {
    var first = try Rehearsal(5, plan: Rehearsal.plan(roundID: 1))
    try first.gather()
    try first.share(first.everyone)
    try first.collect(first.everyone)
    let abandoned = first
    try first.confirm(first.everyone)
    try first.answer(first.everyone)

    // The same roster again, but one survivor fewer.
    var retry = try Rehearsal(5, plan: Rehearsal.plan(roundID: 2), seed: 2, members: first.members)
    try retry.gather()
    try retry.share(retry.everyone)
    try retry.collect([0, 1, 2, 3])
    for k in 0..<4 { #expect(refusal { _ = try retry.confirmation(k) }?.name == "differencingRetry") }

    // Another roster: refused before a share leaves.
    var smaller = try Rehearsal(4, plan: Rehearsal.plan(roundID: 2), seed: 3, members: Array(first.members[..<4]))
    try smaller.gather()
    for k in 0..<4 { #expect(refusal { _ = try smaller.shares(k) }?.name == "differencingRetry") }

    // From another model, or when nobody had answered, anything goes.
    var next = try Rehearsal(
      4, plan: Rehearsal.plan(roundID: 2, model: "next"), seed: 4, members: Array(first.members[..<4]))
    next.expect(try next.run(), of: [0, 1, 2, 3])
    var free = try Rehearsal(4, plan: Rehearsal.plan(roundID: 2), seed: 5, members: Array(abandoned.members[..<4]))
    free.expect(try free.run(), of: [0, 1, 2, 3])

    // All five again give the same set, which reveals nothing new.
    var same = try Rehearsal(5, plan: Rehearsal.plan(roundID: 2), seed: 6, members: first.members)
    same.expect(try same.run(), of: same.everyone)
  }

  @Test("Statistics are answered once for the rows that they are of, whatever the model")
  func statisticsSubject() throws {
    var first = try Rehearsal(4, plan: Rehearsal.plan(kind: .counts, roundID: 1, dimension: 2, tail: 0))
    _ = try first.run()
    var second = try Rehearsal(
      3, plan: Rehearsal.plan(kind: .counts, roundID: 2, colluders: 0, dimension: 2, tail: 0, model: "other"), seed: 2,
      members: Array(first.members[..<3]))
    try second.gather()
    #expect(refusal { _ = try second.shares(0) }?.name == "differencingRetry")
    #expect(
      refusal { _ = try Rehearsal(3, plan: Rehearsal.plan(kind: .counts, tail: 1)).coordinator }?.name
        == "impossiblePlan")
  }
}
