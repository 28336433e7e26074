public import Documents
public import Identities
public import SecureAggregation
public import Wire

/// What can go wrong on a data owner's node, each with something to type.
///
/// No case carries a row, a token, a key or an update: paths, names, digests and counts only.
public enum ParticipationError: HintedError, Equatable {
  /// The directory is not a node's home.
  case noHome(path: String)
  /// The home belongs to a coordinator already, and the invitation comes from another one.
  case otherCoordinator(path: String, belongsTo: String, invitedBy: String)
  /// The home belongs to this coordinator under another name.
  case otherName(path: String, has: String, invited: String)
  /// The home was enrolled for another organisation: its peers have pinned that one.
  case otherOrganisation(path: String, has: String, invited: String)
  /// The home has no certificate yet and no invitation was given.
  case notEnrolled(path: String)
  /// Enrolment started here and did not finish; the invitation is needed once more.
  case enrolmentUnfinished(path: String)
  /// Another process takes part with this home.
  case alreadyRunning(path: String)
  /// The node has left: its keys are gone.
  case left(path: String)
  /// A key, a certificate or an invitation is not what it should be.
  case identity(IdentityError)
  /// A file cannot be read or written.
  case file(path: String, reason: String)
  /// A file that holds a secret can be read by others.
  case openToOthers(path: String, mode: String)
  /// A stored file does not decode.
  case damaged(path: String, reason: String)
  /// A YAML document is wrong; the message names file, line and key.
  case document(message: String, hint: String?)
  /// The coordinator refused or could not be reached.
  case coordinator(WireError)
  /// The node's own rows cannot be used.
  case rows(message: String, hint: String?)
  /// The node does not know where its rows are.
  case noData(path: String)
  /// A plan or a round is outside what the owner allows.
  case refused(Refusal)
  /// An attack was seen; the node takes part in nothing until its owner says so.
  case locked(what: String)
  /// There is nothing that `policy resume` could lift.
  case notLocked
  /// There is no third answered set that waits for the owner.
  case nothingToRetry
  /// The question that the owner answers is not the one that waits.
  case otherQuestion(asked: Digest, waiting: Digest)
  /// A digest that an owner typed is not one.
  case notADigest(String)
  /// A fingerprint that an owner typed is not one.
  case notAFingerprint(String)
  /// A plan that is not in the policy cannot be disallowed.
  case planNotListed(String)
  /// The coordinator sent something that a round does not allow; the node drops out of the round.
  case protocolBroken(what: String)

  public var description: String {
    switch self {
    case .noHome(let path): "\(path) is not a node's home: it holds no node.yaml"
    case .otherCoordinator(let path, let has, let invited):
      "\(path) belongs to the coordinator at \(has), and the invitation comes from \(invited)"
    case .otherName(let path, let has, let invited):
      "\(path) is enrolled as \"\(has)\", and the invitation is for \"\(invited)\""
    case .otherOrganisation(let path, let has, let invited):
      "\(path) belongs to the organisation \"\(has)\", and the invitation is for \"\(invited)\""
    case .notEnrolled(let path): "\(path) is not enrolled with a coordinator"
    case .enrolmentUnfinished(let path): "\(path) has keys but no certificate: enrolment did not finish"
    case .alreadyRunning(let path): "another process takes part with \(path)"
    case .left(let path): "\(path) has left its federation: its keys are deleted"
    case .identity(let error): error.description
    case .file(let path, let reason): "\(path): \(reason)"
    case .openToOthers(let path, let mode): "\(path) holds a secret and has mode \(mode), expected 0600"
    case .damaged(let path, let reason): "\(path) cannot be read back: \(reason)"
    case .document(let message, _), .rows(let message, _): message
    case .coordinator(let error): error.description
    case .noData(let path): "\(path)/node.yaml names no file with rows"
    case .refused(let refusal): refusal.description
    case .locked(let what): "this node takes part in nothing since it saw an attack: \(what)"
    case .notLocked: "this node is not locked: no attack is recorded"
    case .nothingToRetry: "no round waits for the owner's word about a further answered set"
    case .otherQuestion(let asked, let waiting): "no question \(asked) waits: the one that waits is \(waiting)"
    case .notADigest(let text):
      "\"\(text)\" is not a digest: expected 64 hexadecimal digits, with or without \"sha256:\""
    case .notAFingerprint(let text): "\"\(text)\" is not a fingerprint of a node"
    case .planNotListed(let digest): "no plan \(digest) is allowed, so there is nothing to take back"
    case .protocolBroken(let what): "the coordinator broke the protocol: \(what)"
    }
  }

  public var hint: String? {
    switch self {
    case .noHome: "tributary join LINE --home HOME makes one"
    case .otherCoordinator: "choose another --home: one home belongs to one coordinator"
    case .otherName: "choose another --home for the other name"
    case .otherOrganisation: "choose another --home for the other organisation"
    case .notEnrolled: "ask the operator for an invitation, then: tributary join LINE"
    case .enrolmentUnfinished: "run tributary join with the invitation again, or with a new one if it was used"
    case .alreadyRunning: "stop that process first, or choose another --home"
    case .left: "ask the operator for a new invitation and join with a new --home"
    case .identity(let error): error.hint
    case .file(_, let reason) where reason == "No space left on device": "free some space; nothing was lost"
    case .file: "check that the directory exists, its permissions and free space"
    case .openToOthers(let path, _): "chmod 600 \(path)"
    case .damaged(let path, _) where path.contains("/state/"):
      "an older copy would answer twice what was answered once: ask the operator to revoke this node, and join with a new "
        + "--home"
    case .damaged: "restore the file from a backup, or join with a new --home"
    case .document(_, let hint), .rows(_, let hint): hint
    case .coordinator(let error): error.hint
    case .noData(let path): "name one: tributary join --home \(path) --data FILE"
    case .refused(let refusal): refusal.hint
    case .locked: "read what happened with tributary status, talk to the operator, then: tributary policy resume"
    case .notLocked: "tributary status shows what the node is doing"
    case .nothingToRetry: "tributary status shows what the node is doing"
    case .otherQuestion: "tributary policy retry shows the question that waits, and its digest"
    case .notADigest: "tributary preview, and tributary policy retry, print the digest to allow"
    case .notAFingerprint: "tributary join prints a node's fingerprint; its owner passes it on"
    case .planNotListed: "tributary policy show lists the plans that are allowed"
    case .protocolBroken: nil
    }
  }
}
