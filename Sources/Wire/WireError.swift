public import SecureAggregation

/// Why a call failed, the same value on both sides of the wire.
///
/// A refusal travels as a gRPC status with a `Refusal` message beside it (protocols/README.md); a failure below the protocol
/// becomes ``unreachable(address:reason:)`` or one of its neighbours where it is noticed.
public enum WireError: Error, Sendable, Hashable {
  // The connection
  case unreachable(address: String, reason: String)
  case timedOut(what: String)
  /// The other end's certificate is not the pinned coordinator's.
  case untrustedCoordinator(reason: String)
  case portInUse(address: String)
  case cannotListen(address: String, reason: String)
  case noCoordinator(socket: String)
  case protocolVersion(expected: String, found: String)
  /// The coordinator is stopping; come back later.
  case shuttingDown

  // Who calls
  /// A call that only an enrolled participant may make.
  case notEnrolled
  case otherAuthority(expected: String, found: String)
  case certificateExpired(name: String, at: String)
  case certificateNotYetValid(name: String, from: String)
  case wrongRole(expected: String, found: String)
  case revoked(name: String)
  case nameMismatch(certified: String, declared: String)
  case organisationMismatch(certified: String, declared: String)
  /// The averaging key in a message is not the certificate's.
  case keyMismatch(name: String)
  /// The name is enrolled with another averaging key.
  case changedKey(name: String)

  // Enrolment
  /// The token was never issued, or is forged.
  case unknownToken
  case usedToken(name: String)
  case expiredToken(name: String)
  case badProof
  /// The connection's certificate is over another key than the certificate request.
  case connectionKeyMismatch
  case alreadyEnrolled(name: String)

  // Messages
  case malformed(message: String, reason: String)
  case oversize(what: String, limit: Int, found: Int)
  case unknownBlob(Digest)
  case corruptBlob(Digest)
  case wrongOffset(expected: Int, found: Int)
  case unknownRound(UInt64)
  /// What the averaging protocol refused.
  case averaging(AveragingError)

  // Operation
  case unknownRun(String)
  case unknownParticipant(String)
  case refusedPlan(reason: String, suggestion: String?)

  // Anything else
  /// A refusal by a name that this version does not know, or of a service's own.
  case refused(name: String, message: String, suggestion: String?)
  /// The other side failed; its log says why.
  case failed(reason: String)
}
