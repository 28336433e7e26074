public import Identities

extension WireError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreachable(let address, let reason): "coordinator \(address) is unreachable: \(reason)"
    case .timedOut(let what): "\(what) took too long"
    case .untrustedCoordinator(let reason): "this is not the coordinator that the invitation names: \(reason)"
    case .portInUse(let address): "\(address) is already in use"
    case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
    case .noCoordinator(let socket): "no coordinator answers at \(socket)"
    case .protocolVersion(let expected, let found): "protocol version \(found), expected \(expected)"
    case .shuttingDown: "the coordinator is stopping"
    case .notEnrolled: "only an enrolled participant may do this"
    case .otherAuthority(let expected, let found):
      "certificate of another authority: expected sha256:\(expected), found \(found)"
    case .certificateExpired(let name, let at): "the certificate of \(name) expired at \(at)"
    case .certificateNotYetValid(let name, let from): "the certificate of \(name) is valid only from \(from)"
    case .wrongRole(let expected, let found): "the certificate is for \(found), expected \(expected)"
    case .revoked(let name): "the certificate of \(name) is revoked"
    case .nameMismatch(let certified, let declared): "the message names \(declared), but the caller is \(certified)"
    case .organisationMismatch(let certified, let declared):
      "the message names organisation \"\(declared)\", but the caller's is \"\(certified)\""
    case .keyMismatch(let name): "the averaging key in the message is not the one in the certificate of \(name)"
    case .changedKey(let name): "\(name) is enrolled with another averaging key"
    case .unknownToken: "the invitation's token is not one that this coordinator issued"
    case .usedToken(let name): "the invitation of \(name) has been used"
    case .expiredToken(let name): "the invitation of \(name) has expired"
    case .badProof: "the proof of the averaging key does not verify"
    case .connectionKeyMismatch: "the connection's key is not the one in the certificate request"
    case .alreadyEnrolled(let name): "\(name) is already enrolled"
    case .malformed(let message, let reason): "malformed \(message): \(reason)"
    case .oversize(let what, let limit, let found): "\(what) has \(found) bytes, expected at most \(limit)"
    case .unknownBlob(let digest): "no blob \(digest)"
    case .corruptBlob(let digest): "the bytes that were sent as \(digest) have another digest"
    case .wrongOffset(let expected, let found): "chunk at offset \(found), expected \(expected)"
    case .unknownRound(let round): "round \(round) is not under way"
    case .averaging(let error): "\(error)"
    case .unknownRun(let run): run.isEmpty ? "there is no run yet" : "no run \(run)"
    case .unknownParticipant(let name): "no participant \(name)"
    case .refusedPlan(let reason, _): reason
    case .refused(_, let message, _): message
    case .failed(let reason): reason
    }
  }

  /// What the reader can do about it, as one line that can be typed where there is such a line.
  public var hint: String? {
    switch self {
    case .unreachable: "check the address, the network, and that `tributary serve` is running there"
    case .timedOut: "try again; if it stays so, look at the coordinator's log"
    case .untrustedCoordinator:
      "do not go on; ask the operator for a new invitation line, over a channel that you trust"
    case .portInUse: "stop the other program, or choose another port: tributary serve --port PORT"
    case .cannotListen: "check the listen address in home.yaml"
    case .noCoordinator: "start it with: tributary serve"
    case .protocolVersion: "both sides should run the same version of tributary"
    case .shuttingDown: "wait until it is back; a participant does so by itself"
    case .notEnrolled: "enrol first: tributary join 'LINE'"
    case .otherAuthority: "ask the operator for a new invitation: tributary invite NAME --organisation ORG"
    case .certificateExpired: "start the node again, which renews it: tributary join --home HOME"
    case .certificateNotYetValid: "check the clocks of both machines"
    case .wrongRole: "check the address: the other side is not the program that was expected"
    case .revoked: "ask the operator why; a new invitation enrols a new home"
    case .nameMismatch, .organisationMismatch, .keyMismatch: "use the home that belongs to this certificate"
    case .changedKey:
      "if the node was made anew on purpose: tributary revoke NAME, then tributary invite NAME --organisation ORG"
    case .unknownToken: "copy the whole line that `tributary invite` printed, between quotes"
    case .usedToken, .expiredToken: "ask the operator for a new line: tributary invite NAME --organisation ORG"
    case .badProof, .connectionKeyMismatch: "both sides should run the same version of tributary"
    case .alreadyEnrolled: "resume with: tributary join --home HOME"
    case .malformed: "both sides should run the same version of tributary"
    case .oversize, .corruptBlob, .wrongOffset, .unknownBlob, .unknownRound: nil
    case .averaging(let error): error.hint
    case .unknownRun: "list runs with: tributary status"
    case .unknownParticipant: "list participants with: tributary participants"
    case .refusedPlan(_, let suggestion), .refused(_, _, let suggestion): suggestion
    case .failed: "look at the other side's log"
    }
  }
}

extension WireError {
  /// The named error of a certificate or an enrolment request that was refused.
  public init(_ error: IdentityError) {
    switch error {
    case .otherAuthority(let expected, let found): self = .otherAuthority(expected: expected, found: found)
    case .certificateExpired(let name, let at): self = .certificateExpired(name: name, at: at)
    case .certificateNotYetValid(let name, let from): self = .certificateNotYetValid(name: name, from: from)
    case .wrongRole(let expected, let found): self = .wrongRole(expected: expected, found: found)
    case .badProof: self = .badProof
    case .requestNotSelfSigned, .malformedRequest: self = .malformed(message: "certificate request", reason: "\(error)")
    case .malformedCertificate: self = .malformed(message: "certificate", reason: "\(error)")
    case .malformedInvite: self = .malformed(message: "invitation", reason: "\(error)")
    case .invalidName, .invalidOrganisation: self = .malformed(message: "name", reason: "\(error)")
    case .keyFileTooOpen, .keyFileMissing, .malformedKeyFile, .cannotRead, .cannotWrite, .alreadyExists, .cryptography:
      self = .failed(reason: "\(error)")
    }
  }
}
