import Federation
import SecureAggregation

// Participants that are late, gone or hostile, while the coordinator follows the protocol.

extension Attack {
  static let lateUpload = Attack(
    name: "late-upload", row: "late client upload after declared dead (no self mask)",
    breaks: "its pair masks are known by then", does: "adds an upload that comes after the survivors were fixed",
    end: .refused,
    play: .judged { coordinator in
      let late = coordinator.loses(.upload, in: .update)
      try await coordinator.follow(until: .confirming, of: .update)
      if let upload = coordinator.messages({ $0 })[late] { try? coordinator.take(upload, from: late) }
      try await coordinator.goOn()
      return coordinator.verdict(
        refusing: [.lateUpload(from: late)], survivors: coordinator.members.filter { $0 != late })
    })

  static let malformedShare = Attack(
    name: "malformed-share", row: "malformed shares", breaks: "abort or a wrong sum",
    does: "lets a participant reveal shares of which every bit is wrong", end: .refused,
    play: .judged { coordinator in
      coordinator.rule = { coordinator, message, kind, name in
        guard kind == .update, name == coordinator.members[0], case .answer(var answer) = message else { return .taken }
        for entry in answer.entries.indices { answer.entries[entry].share = answer.entries[entry].share.map { ~$0 } }
        return .replaced(.answer(answer))
      }
      try await coordinator.goOn()
      return coordinator.verdict(refusing: [], survivors: coordinator.members, words: "the commitments outvote them")
    })

  static let malformedAnswer = Attack(
    name: "malformed-answer", row: "malformed shares", breaks: "abort or a wrong sum",
    does: "lets a participant reveal the other secret of its peers", end: .refused,
    play: .judged { coordinator in
      let hostile = coordinator.members.last ?? ""
      coordinator.rule = { coordinator, message, kind, name in
        guard kind == .update, name == hostile, coordinator.machine.records.count == 2,
          case .answer(var answer) = message
        else { return .taken }
        for entry in answer.entries.indices { answer.entries[entry].ofSelfMask.toggle() }
        return .replaced(.answer(answer))
      }
      try await coordinator.goOn()
      return coordinator.verdict(
        refusing: [.malformed("answer of \(hostile) holds a share of the wrong secret")],
        survivors: coordinator.members)
    })

  static let weightOverflow = Attack(
    name: "weight-overflow", row: "integer wrap / weight overflow", breaks: "silent garbage",
    does: "lets a participant weigh a million times its rows", end: .refused,
    play: .judged { coordinator in
      let hostile = coordinator.members[0]
      coordinator.rule = { coordinator, message, kind, name in
        guard kind == .update, name == hostile, case .upload(let upload, _) = message,
          let heavier = try? coordinator.adding(1 << 20, toWeightOf: upload)
        else { return .taken }
        return .replaced(.upload(heavier, blob: Digest(sha256: heavier.payload)))
      }
      // Counts, moments, and the update, which nobody can be blamed for.
      try await coordinator.goOn(untilOver: 3)
      let all = coordinator.members.count
      let reason = AbandonReason.impossibleTotalWeight(
        found: UInt64((1 << 20) + all * SyntheticRows.trainingRows), survivors: all)
      let record = coordinator.machine.records.last
      var verdict = Verdict(seen: "\(reason), and no model", participants: all - 1)
      if record?.reason != reason { verdict.complain("it ended with \(record?.reason.map { "\($0)" } ?? "a model")") }
      if record?.signedClose.close.outcome != .alarm { verdict.complain("the close raises no alarm") }
      return verdict
    })

  static let droppedAnywhere = Attack(
    name: "dropped-anywhere", row: "client drops before sharing", breaks: "the round fails",
    does: "loses one participant in every round, each time in another phase", end: .property,
    play: .judged { coordinator in
      coordinator.rule = { coordinator, message, _, name in
        let phase = MessageKind.allCases[(coordinator.machine.records.count + 1) % MessageKind.allCases.count]
        return name == coordinator.members.last && MessageKind(message) == phase ? .lost : .taken
      }
      try await coordinator.goOn()
      // By the round: shares, upload, confirmation, answer, advert. Who is lost after its upload is in the sum.
      let all = coordinator.members.count
      let expected = [all - 1, all - 1, all, all, all - 1]
      var verdict = Verdict(seen: "all five rounds closed, with \(expected) survivors", participants: all)
      let survivors = coordinator.machine.records.map(\.survivors.count)
      if survivors != expected || coordinator.machine.standing != .finished {
        verdict.complain("rounds with \(survivors) survivors, and the run is \(coordinator.machine.standing)")
      }
      return verdict
    })
}

extension ScriptedCoordinator {
  /// The hostile participant's weight lane under its masks, which add up: it is the first of the tail, behind the vector.
  fileprivate func adding(_ weight: UInt32, toWeightOf upload: MaskedUpload) throws -> MaskedUpload {
    guard let shape = machine.round?.codec?.shape else { throw DrillError.stalled(waitingFor: "a roster") }
    let name = roster.name(Int(upload.statement.rank))
    var changed = upload
    let lane = shape.vectorByteCount..<shape.vectorByteCount + 4
    let sum = changed.payload[lane].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) } &+ weight
    changed.payload.replaceSubrange(lane, with: (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) })
    changed.statement.digest = MaskedUpload.digest(of: changed.payload)
    guard let signer = signers[name] else { throw DrillError.stalled(waitingFor: "the key of \(name)") }
    // T, rank, digest and bitmap, as protocols/averaging.md has them.
    let rank = (0..<2).map { UInt8(truncatingIfNeeded: changed.statement.rank >> (8 * $0)) }
    changed.statement.signature = try signer.sign(
      label: "fsa1/sig/y", transcript.bytes + rank + changed.statement.digest.bytes + changed.statement.unopened.bytes)
    return changed
  }

  /// What a run with a bad participant must have come to: these refusals, and every update's sum over exactly the
  /// survivors, whose weights are known.
  fileprivate func verdict(
    refusing refusals: [AveragingError], survivors: [String], words: String? = nil
  ) -> Verdict {
    let updates = machine.records.filter { $0.kind == .update }
    let refused = events.compactMap { event in if case .refused(_, let error, _) = event { error } else { nil } }
    let first = updates.first
    let weight = survivors.count * SyntheticRows.trainingRows
    let named = refusals.map(\.name) + (words.map { [$0] } ?? [])
    var verdict = Verdict(
      seen: "\(named.joined(separator: ", ")); the sum is that of \(survivors.count)", participants: survivors.count)
    if refused != refusals { verdict.complain("the coordinator refused \(refused.map(\.name))") }
    if let reason = first?.reason { verdict.complain("the round ended with \(reason)") }
    if first?.survivors != survivors { verdict.complain("the sum is over \(first?.survivors ?? [])") }
    if first?.signedClose.close.totalWeight != UInt64(weight) {
      verdict.complain("the total weight is \(first?.signedClose.close.totalWeight ?? 0), expected \(weight)")
    }
    if machine.standing != .finished { verdict.complain("the run is \(machine.standing)") }
    for name in bothRevealed() { verdict.complain("both mask secrets of \(name) are known") }
    return verdict
  }
}
