extension CoordinatorRound {
  /// M0. Refused: another caller's, another plan's, unsigned or malformed ones, points of low order, a key or an
  /// organisation that is there already, a second advert of one participant, one too many, and any after the freeze.
  @discardableResult
  public mutating func submit(_ signed: SignedAdvert, from caller: Peer) throws(AveragingError) -> RoundEvent? {
    let advert = signed.advert
    guard advert.peer == caller else { throw .notTheCaller(claimed: advert.peer.name, caller: caller.name) }
    if let known = adverts.first(where: { $0.advert.peer.name == caller.name }) {
      guard known == signed else { throw .changedMessage(from: caller.name, message: "advert") }
      return nil
    }
    guard phase == .gathering else { throw outOfPhase("advert") }
    try advert.validate()
    guard advert.planHash == planHash else { throw .wrongPlan(from: caller.name) }
    guard signed.isSigned else { throw .badSignature(from: caller.name, on: "advert") }
    for key in [advert.shareKey, advert.maskKey] {
      guard try Primitives.x25519(Self.anyScalar, key) != nil else { throw .lowOrderPoint(from: caller.name) }
    }
    let extended = Roster(adverts + [signed])
    if let (first, second) = extended.sharedKey { throw .keyTwice(first, second) }
    if let organisation = extended.repeatedOrganisation { throw .organisationTwice(organisation) }
    guard adverts.count < Thresholds.largestCohort else { throw .cohortFull(limit: Thresholds.largestCohort) }
    adverts.append(signed)
    return .advert(signed)
  }

  /// Any clamped scalar gives zero with a point of low order, and this one with no other.
  private static let anyScalar = Secret([UInt8](repeating: 0x55, count: 32))

  /// Fixes the roster, and with it the ranks, R and T.
  ///
  /// - Parameter shape: What uploads hold, computed by the caller from the plan and ``advertCount``.
  @discardableResult
  public mutating func freezeRoster(shape: VectorShape) throws(AveragingError) -> RoundEvent {
    guard phase == .gathering else { throw .alreadyFrozen("roster") }
    let roster = Roster(adverts)
    let thresholds = Thresholds(participants: roster.count, plan: plan.plan)
    try thresholds.validate(plan.plan)
    guard roster.count >= thresholds.minimumSurvivors else {
      throw .tooFewParticipants(have: roster.count, need: thresholds.minimumSurvivors)
    }
    try shape.validate(plan.plan)
    let root = roster.root
    self.roster = roster
    self.shape = shape
    rosterRoot = root
    transcript = roster.transcript(planHash: planHash)
    phase = .sharing
    return .rosterFrozen(shape: shape, root: root)
  }
}
