/// Where one round stands: gathering → sharing → collecting → confirming → unmasking, then closed or abandoned.
public enum RoundPhase: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  /// Participants advertise their keys for this round.
  case gathering
  /// The roster is frozen; its members deal shares of their mask secrets to each other.
  case sharing
  /// Those who shared train and send their masked updates.
  case collecting
  /// The survivors are frozen; they sign the one set whose sum may be opened.
  case confirming
  /// A quorum signed; the survivors send the shares that remove the masks.
  case unmasking

  public static func < (left: Self, right: Self) -> Bool { left.order < right.order }

  /// The part of the round's whole time after which this phase stops waiting for those who are present but silent.
  ///
  /// Messages are quick and training is not, so collecting has half of it.
  public var endsAfter: Double {
    switch self {
    case .gathering: 0.25
    case .sharing: 0.4
    case .collecting: 0.8
    case .confirming: 0.9
    case .unmasking: 1
    }
  }

  var order: Int {
    switch self {
    case .gathering: 0
    case .sharing: 1
    case .collecting: 2
    case .confirming: 3
    case .unmasking: 4
    }
  }
}
