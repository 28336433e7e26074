public import SecureAggregation

/// What the round in work asks of one participant.
public enum RoundStep: Sendable, Hashable {
  case advertise(SignedRoundPlan)
  case share(Roster)
  /// Without masks: the roster, to be answered with the upload.
  case collect(Roster)
  case upload(ShareDelivery)
  case confirm(SurvivorSet)
  case unmask(Quorum)
}

/// A place in the sequence of instructions: participants name the last one that they handled by it.
///
/// Round identifiers only ever grow, so places are ordered over all runs.
public struct InstructionToken: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var roundID: UInt64
  /// The phase's place, or one past the last for the close.
  var order: Int

  public init(roundID: UInt64, phase: RoundPhase) {
    self.roundID = roundID
    order = phase.order
  }

  /// The close of a round.
  public init(closing roundID: UInt64) {
    self.roundID = roundID
    order = RoundPhase.allCases.count
  }

  /// Reads a token as a participant repeats it; nil for anything else, which is treated as having handled nothing.
  public init?(_ text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let roundID = UInt64(parts[0]), let order = Int(parts[1]),
      (0...RoundPhase.allCases.count).contains(order)
    else { return nil }
    self.roundID = roundID
    self.order = order
  }

  public var description: String { "\(roundID).\(order)" }

  public static func < (left: Self, right: Self) -> Bool {
    (left.roundID, left.order) < (right.roundID, right.order)
  }
}

extension RunMachine {
  /// What the round in work asks of a participant, and the token of it: a function of the state alone, so that asking again
  /// gives the same bytes. Nil when nothing is asked.
  public func step(for name: String) -> (token: InstructionToken, step: RoundStep)? {
    guard let round, let step = round.step(for: name) else { return nil }
    return (InstructionToken(roundID: round.roundID, phase: round.phase), step)
  }
}

extension RoundMachine {
  func step(for name: String) -> RoundStep? {
    if phase == .gathering {
      if let required = opening.requiredRoster, !required.contains(name) { return nil }
      return .advertise(opening.signedPlan)
    }
    switch phase {
    case .gathering: return nil
    case .sharing: return roster.flatMap { $0.rank(of: name) == nil ? nil : .share($0) }
    case .collecting where clear != nil:
      return roster.flatMap { $0.rank(of: name) == nil ? nil : .collect($0) }
    case .collecting: return averaging.delivery(for: name).map(RoundStep.upload)
    case .confirming: return averaging.survivorSet(for: name).map(RoundStep.confirm)
    case .unmasking: return averaging.survivorNames.contains(name) ? averaging.quorum.map(RoundStep.unmask) : nil
    }
  }
}
