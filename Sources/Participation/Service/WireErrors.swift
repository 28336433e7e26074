import Wire

// What a failed call means for a node.

extension WireError {
  /// The coordinator cannot be reached now, or not in time; the same call may go well later.
  var passes: Bool {
    switch self {
    case .unreachable, .timedOut, .shuttingDown, .failed, .certificateNotYetValid: true
    default: false
    }
  }

  /// No later call can go well: the process ends and says why.
  var endsParticipation: Bool {
    switch self {
    case .untrustedCoordinator, .protocolVersion, .notEnrolled, .otherAuthority, .certificateExpired, .wrongRole,
      .revoked,
      .keyMismatch, .organisationMismatch, .nameMismatch, .changedKey:
      true
    default: false
    }
  }
}

extension ParticipationError {
  /// Something of the owner's is wrong that stops one round, not the node: rows, settings or policy.
  var concernsOwner: Bool {
    switch self {
    case .document, .rows, .noData, .openToOthers, .protocolBroken: true
    default: false
    }
  }
}
