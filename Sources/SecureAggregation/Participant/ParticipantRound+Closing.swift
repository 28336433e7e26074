extension ParticipantRound {
  /// Refuses a close that says of this round something else than what this node signed or was shown in it: another plan,
  /// roster, set of survivors or model, or a total that no honest sum has. It is an attack, and locks.
  ///
  /// A close sets the grid of the next round, so that a false one is more than a wrong number in a record.
  ///
  /// - Parameter largestMean: The largest norm that the round's mean can have; 0 unless it was of updates.
  public func check(
    _ signed: SignedRoundClose, largestMean: Double, ledger: inout NodeLedger
  ) throws(AveragingError) {
    let close = signed.close
    // Who signed it is the ledger's to ask.
    guard signed.isSigned(by: coordinator), let what = contradiction(of: close, largestMean: largestMean) else {
      return
    }
    let error = AveragingError.closeContradicts(run: close.run, roundID: close.roundID, what: what)
    ledger.note(error, plan: plan.plan)
    throw error
  }

  private func contradiction(of close: RoundClose, largestMean: Double) -> String? {
    let plan = plan.plan
    if close.run != plan.run || close.planHash != planHash { return "it is of another plan" }
    if close.modelIn != plan.modelIn { return "it starts from another model" }
    if let roster, close.rosterRoot != roster.root { return "it is of another roster" }
    if let transcript, let survivors {
      if close.survivorsHash != survivors.hash(transcript: transcript) { return "it is of other survivors" }
      if Int(close.survivors) != survivors.survivors.count { return "it counts \(close.survivors) survivors" }
    }
    guard close.outcome == .done else { return nil }
    if Int(close.survivors) < Int(plan.minimumSurvivors) { return "it is done with \(close.survivors) survivors" }
    if plan.kind.isStatistics { return close.totalWeight == 0 ? nil : "statistics have no weight" }
    let survivors = UInt64(close.survivors)
    if !(survivors...survivors * UInt64(plan.maximumWeight)).contains(close.totalWeight) {
      return "\(survivors) survivors have a total weight of \(close.totalWeight)"
    }
    return close.meanNorm <= largestMean ? nil : "the norm of its mean is \(close.meanNorm), at most \(largestMean)"
  }
}
