import SecureAggregation
import Testing

@testable import Drill

@Suite("What the drill says of an outcome")
struct VerdictTests {
  private let lone = Reason(.tooFewSurvivors(have: 1, need: 4))
  private let forged = Reason(.forgedSignature(of: "hospital-1", on: "its advert"))
  private let locked = "the node is locked since it saw an attack: round 3: its advert does not carry the signature"

  private func verdict(_ reason: Reason, _ conduct: Conduct?, bothRevealed: [String] = []) -> Verdict {
    Verdict(
      Abort(reasons: ["hospital-2": reason], before: .shares),
      conducts: conduct.map { ["hospital-2": $0] } ?? [:], bothRevealed: bothRevealed)
  }

  @Test("A participant that refuses by the stated name and sends nothing ends the attack as stated")
  func asStated() {
    #expect(verdict(lone, Conduct(reasons: [lone.words])).isAsStated)
    #expect(verdict(lone, Conduct(sent: [.advert], reasons: [lone.words])).isAsStated)
    #expect(
      verdict(forged, Conduct(reasons: [locked, locked + ": \(forged.words)"], lock: forged.attack)).isAsStated)
  }

  @Test(
    "A message of the attacked step or of a later one is a released share", arguments: [MessageKind.shares, .answer])
  func released(kind: MessageKind) {
    let verdict = verdict(lone, Conduct(sent: [kind], reasons: [lone.words]))
    #expect(verdict.complaints == ["hospital-2 sent its \(kind.rawValue)"])
    #expect(verdict.seen == "hospital-2 sent its \(kind.rawValue)")
  }

  @Test("A participant that says nothing, or gives another reason, has not refused by name")
  func unnamed() {
    #expect(!verdict(lone, nil).isAsStated)
    #expect(!verdict(lone, Conduct()).isAsStated)
    #expect(!verdict(lone, Conduct(reasons: ["1 survivors, expected at least 5"])).isAsStated)
  }

  @Test("A participant that is not locked by an attack, or by another, or goes on, has not ended it")
  func unlocked() {
    let said = [forged.words, locked]
    #expect(!verdict(forged, Conduct(reasons: said)).isAsStated)
    #expect(!verdict(forged, Conduct(reasons: said, lock: .overlappingSets)).isAsStated)
    #expect(!verdict(forged, Conduct(reasons: [forged.words], lock: forged.attack)).isAsStated)
    #expect(!verdict(lone, Conduct(reasons: [lone.words], lock: forged.attack)).isAsStated)
  }

  @Test("Both mask secrets of anyone, or an attack on nobody, is no success")
  func bothSecrets() {
    #expect(!verdict(lone, Conduct(reasons: [lone.words]), bothRevealed: ["hospital-1"]).isAsStated)
    #expect(!Verdict(Abort(reasons: [:], before: .shares), conducts: [:], bothRevealed: []).isAsStated)
  }
}
