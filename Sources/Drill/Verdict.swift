import Participation
import SecureAggregation

/// By what name a participant must refuse, and in which words it says so.
struct Reason: Sendable, Equatable {
  let name: String
  let words: String
  /// The attack that the participant locks itself by, until its owner resumes; nil where the round alone is over.
  let attack: AveragingError?

  init(_ error: AveragingError) {
    name = error.name
    words = error.description
    attack = error.isAttack ? error : nil
  }

  init(_ refusal: Refusal) {
    name = Mirror(reflecting: refusal).children.first?.label ?? "refused"
    words = refusal.description
    attack = nil
  }
}

/// What is to be seen at the end of an attack that must be aborted.
struct Abort: Sendable {
  /// The reason of each honest participant that is attacked.
  var reasons: [String: Reason]
  /// From here on nothing may arrive.
  var before: MessageKind
  /// What of the configuration explains why it may not end so.
  var context: String?

  /// One reason for all of them.
  static func all(_ names: [String], before: MessageKind, _ reason: Reason) -> Abort {
    Abort(reasons: Dictionary(uniqueKeysWithValues: names.map { ($0, reason) }), before: before)
  }
}

/// How an attack ended, beside how it must end.
struct Verdict: Sendable, Equatable {
  /// In a few words.
  var seen: String
  /// On how many honest participants.
  var participants: Int
  /// What is not as stated, a sentence each.
  var complaints: [String] = []

  var isAsStated: Bool { complaints.isEmpty }

  mutating func complain(_ what: String) {
    if complaints.isEmpty { seen = what }
    complaints.append(what)
  }
}

extension Verdict {
  /// Judges an attack by what reached the coordinator.
  ///
  /// - Parameters:
  ///   - conducts: Of every participant that `abort` names; one that is missing has done nothing, and so has not refused.
  ///   - bothRevealed: Participants whose two secrets are both known.
  init(_ abort: Abort, conducts: [String: Conduct], bothRevealed: [String]) {
    let names = abort.reasons.keys.sorted()
    seen = Set(abort.reasons.values.map(\.name)).sorted().joined(separator: ", ")
    participants = names.count
    if names.isEmpty { complain("nobody was attacked") }
    for name in names {
      let conduct = conducts[name] ?? Conduct()
      let reason = abort.reasons[name]!
      for kind in Set(conduct.sent.filter { $0 >= abort.before }).sorted() {
        complain("\(name) sent its \(kind.rawValue)")
      }
      guard (conduct.reasons + conduct.said).contains(where: { $0.contains(reason.words) }) else {
        complain(
          "\(name) did not say \"\(reason.words)\", but \(conduct.reasons.map { "\"\($0)\"" }.first ?? "nothing")")
        continue
      }
      if conduct.lock?.name != reason.attack?.name {
        complain("\(name) is \(conduct.lock.map { "locked by \($0.name)" } ?? "not locked")")
      } else if reason.attack != nil, !conduct.reasons.contains(where: { $0.hasPrefix(Self.locked) }) {
        complain("\(name) took up another round")
      }
    }
    for name in bothRevealed { complain("both mask secrets of \(name) are known") }
    if !isAsStated, let context = abort.context { seen = "\(context): \(seen)" }
  }

  private static var locked: String { Refusal.locked(what: "").description }
}
