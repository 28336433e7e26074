import Federation
import Participation
import SecureAggregation
import Wire

// Lies about the plan, the model and the past.

extension Attack {
  static let replayedPlan = Attack(
    name: "replayed-plan", row: "replay M4 of an old T, or reuse keys", breaks: "the difference of two rounds",
    does: "opens a round that is over once more, by its own signed plan", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .sharing, of: .moments)
      let old = coordinator.machine.round?.opening.signedPlan
      try await coordinator.follow(until: .sharing, of: .update)
      guard let old else { throw DrillError.stalled(waitingFor: "a plan to replay") }
      for name in coordinator.members {
        coordinator.show(coordinator.advertise(old), to: name, round: old.plan.roundID)
      }
      let what = "its grid follows from another close than the last of its run"
      return .all(coordinator.members, before: .advert, Reason(Refusal.roundDiffersFromPlan(what: what)))
    })

  static let secondPlan = Attack(
    name: "second-plan", row: "replay M4 of an old T, or reuse keys", breaks: "the difference of two rounds",
    does: "signs a second plan under the number of the round in work", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .sharing, of: .update)
      guard var plan = coordinator.machine.round?.plan else { throw DrillError.stalled(waitingFor: "a round") }
      plan.deadlineSeconds += 1
      for name in coordinator.members { coordinator.show(try coordinator.advertise(signing: plan), to: name) }
      let stale = AveragingError.staleRound(roundID: plan.roundID, lastSeen: plan.roundID)
      return .all(coordinator.members, before: .advert, Reason(stale))
    })

  static let differencingRoster = Attack(
    name: "differencing-retry", row: "cross-round differencing by cohort choice", breaks: "one client's update",
    does: "has a sum opened, and asks for it again without one participant", end: .abort,
    play: .abort { coordinator in
      try await coordinator.abandonsOnceOpened()
      try await coordinator.follow(until: .sharing, of: .update)
      let left = Array(coordinator.members.dropLast())
      for name in left { coordinator.show(.share(Roster(coordinator.adverts(of: left))), to: name) }
      let what = "it was answered in a roster of \(coordinator.members.count), and 1 members differ"
      return .all(left, before: .shares, Reason(.differencingRetry(what)))
    })

  static let differencingSurvivors = Attack(
    name: "differencing-survivors", row: "cross-round differencing by cohort choice", breaks: "one client's update",
    does: "has a sum opened, and again with the same roster and one survivor less", end: .abort,
    play: .abort { coordinator in
      try await coordinator.abandonsOnceOpened()
      try await coordinator.follow(until: .confirming, of: .update)
      let left = Array(coordinator.members.dropLast())
      for name in left { coordinator.show(.confirm(coordinator.survivorSet(left, for: name)), to: name) }
      let minimum = coordinator.plan.cohort.minimumSurvivors
      let what = "the sum over 1 of the participants, expected none or at least \(minimum)"
      return .all(left, before: .confirmation, Reason(.differencingRetry(what)))
    })

  static let differingModels = Attack(
    name: "differing-models", row: "model inconsistency / gradient suppression (2111.07380)",
    breaks: "isolates one client",
    does: "gives half of the participants another model, and closes that lead to it", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .gathering, of: .update)
      let other = try coordinator.anotherModel()
      guard var plan = coordinator.machine.round?.plan, var last = coordinator.machine.closes.last?.close else {
        throw DrillError.stalled(waitingFor: "a close")
      }
      last.modelOut = other
      let told = coordinator.machine.closes.dropLast() + [try SignedRoundClose(last, signer: coordinator.signer)]
      plan.modelIn = other
      plan.gridClose = last.hash
      for (rank, name) in coordinator.members.enumerated() {
        if rank % 2 == 0 {
          coordinator.ask(name)
        } else {
          coordinator.closesTold[name] = Array(told)
          coordinator.show(try coordinator.advertise(signing: plan), to: name)
        }
      }
      try await coordinator.replies(.advert, from: coordinator.members)
      let adverts = coordinator.messages { message in if case .advert(let signed) = message { signed } else { nil } }
      var reasons: [String: Reason] = [:]
      for (rank, name) in coordinator.members.enumerated() {
        coordinator.show(.share(Roster(Array(adverts.values))), to: name)
        reasons[name] = Reason(.wrongPlan(from: coordinator.members[rank % 2 == 0 ? 1 : 0]))
      }
      return Abort(reasons: reasons, before: .shares)
    })

  static let foreignModel = Attack(
    name: "model-off-the-chain", row: "model inconsistency / gradient suppression (2111.07380)",
    breaks: "isolates one client", does: "opens a round from a model that no close led to", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .gathering, of: .update)
      let (expected, other) = (coordinator.machine.model, try coordinator.anotherModel())
      guard var plan = coordinator.machine.round?.plan else { throw DrillError.stalled(waitingFor: "a round") }
      plan.modelIn = other
      for name in coordinator.members { coordinator.show(try coordinator.advertise(signing: plan), to: name) }
      let error = AveragingError.modelNotInChain(run: plan.run, expected: expected, found: other)
      return .all(coordinator.members, before: .advert, Reason(error))
    })

  static let chosenParameters = Attack(
    name: "chosen-parameters", row: "parameters chosen by server",
    breaks: "a threshold of 2, a clip norm without bound",
    does: "signs rounds with a smaller threshold, a larger clip norm or other lanes than the plan's", end: .abort,
    play: .abort { coordinator in
      try await coordinator.follow(until: .gathering, of: .update)
      let changes: [(inout RoundPlan) -> Void] = [
        { $0.minimumSurvivors -= 1 }, { $0.assumedColluders -= 1 }, { $0.clipNorm *= 1000 },
        { $0.maximumWeight <<= 16 }, { $0.tailLanes += 1 }, { $0.targetError = 1 }, { $0.maximumLost = 0 },
      ]
      for (rank, name) in coordinator.members.enumerated() {
        guard var plan = coordinator.machine.round?.plan else { throw DrillError.stalled(waitingFor: "a round") }
        changes[rank % changes.count](&plan)
        coordinator.show(try coordinator.advertise(signing: plan), to: name)
      }
      let what = "its numbers are not those of the plan"
      return .all(coordinator.members, before: .advert, Reason(Refusal.roundDiffersFromPlan(what: what)))
    })

  static let unknownPlan = Attack(
    name: "plan-not-allowed", row: "parameters chosen by server", breaks: "rows used for what their owner never saw",
    does: "offers a plan that no owner has allowed", end: .refused,
    play: .refused { coordinator in
      try await coordinator.follow(until: .gathering, of: .update)
      var other = coordinator.plan
      other.rounds += 1
      for name in coordinator.members { coordinator.show(try coordinator.offer(other), to: name) }
      let refusal = Refusal.planNotAllowed(digest: try other.digest())
      return .all(coordinator.members, before: .advert, Reason(refusal))
    })

  static let weakerPlan = Attack(
    name: "weaker-plan", row: "parameters chosen by server", breaks: "a threshold of 2, a clip norm without bound",
    does: "offers plans weaker than the policy, which their owners were talked into allowing", end: .refused,
    play: .refused { coordinator in
      try await coordinator.follow(until: .gathering, of: .update)
      let weaker = try coordinator.configuration.weakerPlans()
      var reasons: [String: Reason] = [:]
      guard !weaker.isEmpty else {
        return Abort(reasons: [:], before: .advert, context: "no plan can exceed the policy's bounds")
      }
      for (rank, name) in coordinator.members.enumerated() {
        let (plan, refusal) = weaker[rank % weaker.count]
        coordinator.show(try coordinator.offer(plan), to: name)
        reasons[name] = Reason(refusal)
      }
      return Abort(reasons: reasons, before: .advert)
    })
}

extension ScriptedCoordinator {
  /// Has the sum of an update opened, and then says that the round was abandoned.
  fileprivate func abandonsOnceOpened() async throws {
    try await follow(until: .unmasking, of: .update)
    try await asks(for: .answer)
    try abandon(.tooFewAnswers(have: 0, need: plan.cohort.threshold))
  }

  /// A checkpoint of the plan that differs from the run's in one parameter, ready to be fetched.
  fileprivate func anotherModel() throws -> Digest {
    let checkpoint = try checkpoint(machine.model)
    guard var parameters = checkpoint.parameters else { throw DrillError.stalled(waitingFor: "a model") }
    parameters.values[0] += 1
    let bytes = try checkpoint.replacing(parameters: parameters).encoded()
    blobs[Digest(sha256: bytes)] = bytes
    return Digest(sha256: bytes)
  }

  /// The first round of a run by another plan.
  fileprivate func offer(_ other: RunPlan) throws -> Instruction.Step {
    let genesis = try other.genesis()
    let bytes = genesis.encoded()
    blobs[Digest(sha256: bytes)] = bytes
    let round = try other.roundPlan(
      kind: .counts, run: "drill-2", roundID: nextRoundID(), checkpoint: genesis, modelIn: Digest(sha256: bytes),
      gridClose: .zero, deadlineSeconds: 1 << 40)
    return .advertise(
      try SignedRoundPlan(round, signer: signer), runPlan: Array(try other.canonicalBytes))
  }
}
