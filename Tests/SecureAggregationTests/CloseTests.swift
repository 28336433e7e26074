import Testing

@testable import SecureAggregation

@Suite("What a close may say")
struct CloseTests {
  private static func honest(_ rehearsal: Rehearsal, _ sum: RoundSum) throws -> RoundClose {
    RoundClose(
      run: "hearts", roundID: 1, planHash: rehearsal.plan.hash,
      rosterRoot: try #require(rehearsal.coordinator.rosterRoot),
      survivorsHash: try #require(rehearsal.coordinator.survivorsHash), modelIn: rehearsal.plan.modelIn,
      modelOut: Digest(sha256: [1]), meanNorm: 0.5, totalWeight: try #require(sum.totalWeight), survivors: 4,
      outcome: .done)
  }

  @Test("A close that says of a round what this node did not sign, or what no sum can be, is an attack")
  func contradictions() throws {
    var rehearsal = try Rehearsal(4)
    let sum = try rehearsal.run()
    let honest = try Self.honest(rehearsal, sum)
    func refused(_ change: (inout RoundClose) -> Void) throws -> String? {
      var close = honest
      change(&close)
      var ledger = rehearsal.members[0].ledger
      let error = refusal {
        try rehearsal.members[0].round.check(
          try SignedRoundClose(close, signer: rehearsal.coordinatorSigner), largestMean: 5.005, ledger: &ledger)
      }
      #expect((ledger.attack != nil) == (error != nil))
      return error?.name
    }
    #expect(try refused { _ in } == nil)
    #expect(try refused { $0.meanNorm = 5 } == nil)
    #expect(try refused { $0.meanNorm = 5.1 } == "closeContradicts")
    #expect(try refused { $0.totalWeight = 3 } == "closeContradicts")
    #expect(try refused { $0.totalWeight = 4 } == nil)
    #expect(try refused { $0.totalWeight = 4000 } == nil)
    #expect(try refused { $0.totalWeight = 4001 } == "closeContradicts")
    #expect(try refused { $0.planHash = .zero } == "closeContradicts")
    #expect(try refused { $0.rosterRoot = .zero } == "closeContradicts")
    #expect(try refused { $0.survivorsHash = .zero } == "closeContradicts")
    #expect(try refused { $0.survivors = 3 } == "closeContradicts")
    #expect(try refused { $0.modelIn = .zero } == "closeContradicts")
    #expect(
      try refused {
        ($0.outcome, $0.modelOut, $0.meanNorm, $0.totalWeight) = (.abandoned, $0.modelIn, 0, 0)
      } == nil)
  }

  @Test("Of a round that this node was not in, a close may still not say what no round can be")
  func impossible() throws {
    let signer = try IdentitySigner(seed: [UInt8](repeating: 99, count: 32))
    let rehearsal = try Rehearsal(4)
    func refused(_ change: (inout RoundClose) -> Void) throws -> String? {
      var close = RoundClose(
        run: "hearts", roundID: 1, planHash: .zero, rosterRoot: .zero, survivorsHash: .zero,
        modelIn: rehearsal.plan.modelIn, modelOut: Digest(sha256: [1]), meanNorm: 0.5, totalWeight: 9, survivors: 4,
        outcome: .done)
      change(&close)
      var ledger = NodeLedger()
      return refusal {
        try ledger.record(try SignedRoundClose(close, signer: signer), coordinator: signer.publicKey)
      }?.name
    }
    #expect(try refused { _ in } == nil)
    #expect(try refused { ($0.totalWeight, $0.meanNorm) = (0, 0) } == nil)  // statistics
    #expect(try refused { $0.totalWeight = 0 } == "closeContradicts")
    #expect(try refused { $0.totalWeight = 3 } == "closeContradicts")
    for norm in [-1, .nan, .infinity] { #expect(try refused { $0.meanNorm = norm } == "closeContradicts") }
    #expect(try refused { $0.outcome = .alarm } == "closeContradicts")
    #expect(try refused { ($0.outcome, $0.meanNorm, $0.totalWeight) = (.alarm, 0, 0) } == "closeContradicts")
  }
}
