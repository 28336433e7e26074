/// Why secure averaging refused, abandoned or aborted something.
///
/// Cases fall into three groups. *Refusals* are what a coordinator answers to one bad message; its round goes on. *Abandonments*
/// end a round that cannot finish honestly. *Attacks* (``isAttack``) are what no honest coordinator does; a node that
/// meets one locks itself until its owner has looked (``NodeLedger/attack``).
///
/// The enum is `Codable`, so that a refusal travels and comes back as the same case. No case carries a secret.
public enum AveragingError: Error, Sendable, Hashable, Codable {
  // Primitives and encodings
  case cryptography(String)
  case wrongSize(of: String, expected: Int, found: Int)
  case malformed(String)

  // Plans
  case protocolVersion(expected: UInt16, found: UInt16)
  case impossiblePlan(String)
  case staleRound(roundID: UInt64, lastSeen: UInt64)
  case survivorsBelowPolicy(plan: Int, policy: Int)
  case colludersBelowPolicy(plan: Int, policy: Int)
  case clipNormOutsidePolicy(plan: Double, policy: Double)
  case bitsOutsidePolicy(bits: Int, lowest: Int, highest: Int)
  case weightOverflow(participants: Int, maximumWeight: UInt32)
  case thresholdUnreachable(threshold: Int, participants: Int)

  // What a coordinator refuses, one message at a time
  case stranger(String)
  case notTheCaller(claimed: String, caller: String)
  case wrongPlan(from: String)
  case badSignature(from: String, on: String)
  case lowOrderPoint(from: String)
  case keyTwice(String, String)
  case organisationTwice(String)
  case cohortFull(limit: Int)
  case changedMessage(from: String, message: String)
  case outOfPhase(message: String, phase: String)
  case lateUpload(from: String)
  case wrongLength(of: String, expected: Int, found: Int)
  case oversize(of: String, limit: Int, found: Int)
  case paddingBits(from: String)
  case wrongDigest(from: String)
  case alreadyFrozen(String)
  case replayDiverged(String)

  // Rounds that cannot finish
  case tooFewParticipants(have: Int, need: Int)
  case tooFewSharers(have: Int, need: Int)
  case tooFewSurvivors(have: Int, need: Int)
  case tooFewConfirmations(have: Int, need: Int)
  case tooFewShares(of: String, have: Int, need: Int)
  case sharesDoNotReconstruct(String)
  case impossibleTotalWeight(total: UInt64, survivors: Int, maximumWeight: UInt32)

  // What a participant refuses without calling it an attack
  case absentFromRoster(String)
  case notASurvivor(String)
  case tooFewKnownPeers(have: Int, need: Int)
  case uploadChanged
  case inputShape(String)
  case differencingRetry(String)
  case ownerMustDecide(String)
  case locked(String)

  // Attacks
  case forgedSignature(of: String, on: String)
  case changedAdvert(String)
  case peerChanged(String)
  case zeroProduct(String)
  case repeatedKey(String, String)
  case repeatedOrganisation(String)
  case secondRoster
  case secondSharerSet
  case secondSurvivorSet
  case overlappingSets
  case uploadNotCounted
  case modelNotInChain(run: String, expected: Digest, found: Digest)
  case secondClose(run: String, roundID: UInt64)
  /// A close says of a round what cannot be, or not what this node signed in it.
  case closeContradicts(run: String, roundID: UInt64, what: String)
}

extension AveragingError: CustomStringConvertible {
  public var description: String { explanation.message }

  /// One thing to do about it, where there is one.
  public var hint: String? { explanation.hint }

  /// Whether only a dishonest coordinator, or one in league with a peer, does this. A node locks itself after it.
  public var isAttack: Bool {
    switch self {
    case .forgedSignature, .changedAdvert, .peerChanged, .zeroProduct, .repeatedKey, .repeatedOrganisation,
      .secondRoster,
      .secondSharerSet, .secondSurvivorSet, .overlappingSets, .uploadNotCounted, .modelNotInChain, .secondClose,
      .closeContradicts:
      true
    default: false
    }
  }

  /// The case's name without its payload, for machines.
  public var name: String {
    Mirror(reflecting: self).children.first?.label
      ?? {
        switch self {
        case .uploadChanged: "uploadChanged"
        case .secondRoster: "secondRoster"
        case .secondSharerSet: "secondSharerSet"
        case .secondSurvivorSet: "secondSurvivorSet"
        case .overlappingSets: "overlappingSets"
        default: "uploadNotCounted"
        }
      }()
  }

  private var explanation: (message: String, hint: String?) {
    let wait = "the round is abandoned; the next one starts from the same model"
    let look = "look at who runs the coordinator, then type: tributary policy resume"
    switch self {
    case .cryptography(let what): return ("libcrypto refused: \(what)", nil)
    case .wrongSize(let what, let expected, let found):
      return ("\(what) has \(found) bytes, expected \(expected)", nil)
    case .malformed(let what): return ("malformed: \(what)", nil)
    case .protocolVersion(let expected, let found):
      return ("protocol version \(found), expected \(expected)", "install the same release of tributary on both sides")
    case .impossiblePlan(let why): return ("no round can follow this plan: \(why)", nil)
    case .staleRound(let roundID, let lastSeen):
      return ("round \(roundID) is not newer than round \(lastSeen), the last one seen from this coordinator", nil)
    case .survivorsBelowPolicy(let plan, let policy):
      return ("the plan allows \(plan) survivors, the policy wants at least \(policy)", nil)
    case .colludersBelowPolicy(let plan, let policy):
      return ("the plan assumes \(plan) colluders, the policy wants at least \(policy)", nil)
    case .clipNormOutsidePolicy(let plan, let policy):
      return ("the plan's clip norm is \(plan), the policy allows up to \(policy)", nil)
    case .bitsOutsidePolicy(let bits, let lowest, let highest):
      return ("the round uses \(bits) bits, the policy allows \(lowest) to \(highest)", nil)
    case .weightOverflow(let participants, let maximumWeight):
      return (
        "\(participants) participants of weight \(maximumWeight) overflow the weight lane",
        "lower update.maximumWeight in the plan"
      )
    case .thresholdUnreachable(let threshold, let participants):
      return (
        "\(participants) participants cannot give \(threshold) shares",
        "lower cohort.assumedColluders or enlarge the cohort"
      )
    case .stranger(let name): return ("\(name) is not in this round", nil)
    case .notTheCaller(let claimed, let caller): return ("message of \(claimed) sent by \(caller)", nil)
    case .wrongPlan(let from): return ("message of \(from) belongs to another plan", nil)
    case .badSignature(let from, let what): return ("\(from) did not sign this \(what)", nil)
    case .lowOrderPoint(let from): return ("advert of \(from) holds a point of low order", nil)
    case .keyTwice(let a, let b): return ("\(a) and \(b) advertise the same key", nil)
    case .organisationTwice(let organisation):
      return ("organisation \(organisation) takes part already", "one participant for each organisation")
    case .cohortFull(let limit): return ("the cohort holds \(limit) participants", nil)
    case .changedMessage(let from, let message): return ("\(from) sent a second, different \(message)", nil)
    case .outOfPhase(let message, let phase): return ("no \(message) is taken while \(phase)", nil)
    case .lateUpload(let from): return ("upload of \(from) came after the survivors were fixed; it is dropped", nil)
    case .wrongLength(let what, let expected, let found):
      return ("\(what) has length \(found), expected \(expected)", nil)
    case .oversize(let what, let limit, let found):
      return ("\(what) has \(found) bytes, at most \(limit) are taken", nil)
    case .paddingBits(let from): return ("upload of \(from) has spare bits that are not zero", nil)
    case .wrongDigest(let from): return ("upload of \(from) does not match its digest", nil)
    case .alreadyFrozen(let what): return ("\(what) was frozen before", nil)
    case .replayDiverged(let what): return ("recorded events lead to another \(what) than was recorded", nil)
    case .tooFewParticipants(let have, let need): return ("\(have) participants, expected at least \(need)", wait)
    case .tooFewSharers(let have, let need): return ("\(have) participants shared, expected at least \(need)", wait)
    case .tooFewSurvivors(let have, let need): return ("\(have) survivors, expected at least \(need)", wait)
    case .tooFewConfirmations(let have, let need):
      return ("\(have) survivors confirmed the set, expected at least \(need)", wait)
    case .tooFewShares(let name, let have, let need):
      return ("\(have) shares of \(name), expected at least \(need)", wait)
    case .sharesDoNotReconstruct(let name):
      return ("the shares of \(name) do not give the secret that it committed to", wait)
    case .impossibleTotalWeight(let total, let survivors, let maximumWeight):
      return ("total weight \(total) of \(survivors) survivors with weights 1 to \(maximumWeight)", wait)
    case .absentFromRoster(let name): return ("the roster does not hold \(name)", nil)
    case .notASurvivor(let name): return ("\(name) is not among the survivors", nil)
    case .tooFewKnownPeers(let have, let need):
      return (
        "\(have) known peers, the policy wants at least \(need)", "add their fingerprints under peers in policy.yaml"
      )
    case .uploadChanged:
      return ("the masked vector came out differently than before the restart; this node leaves the round", nil)
    case .inputShape(let what): return ("cannot be masked: \(what)", nil)
    case .differencingRetry(let what): return ("a retry from this model would reveal a difference: \(what)", nil)
    case .ownerMustDecide(let what):
      return (
        "two sets were averaged from this model already: \(what)", "to allow one more, type: tributary policy retry"
      )
    case .locked(let what): return ("this node takes part in nothing since: \(what)", look)
    case .forgedSignature(let name, let what): return ("\(what) does not carry the signature of \(name)", look)
    case .changedAdvert(let name): return ("the roster shows another advert of \(name) than it sent", look)
    case .peerChanged(let name): return ("\(name) has another key, name or organisation than when first seen", look)
    case .zeroProduct(let name): return ("the keys of \(name) give a secret that anyone knows", look)
    case .repeatedKey(let a, let b): return ("the roster shows one key for \(a) and \(b)", look)
    case .repeatedOrganisation(let organisation):
      return ("the roster shows organisation \(organisation) more than once", look)
    case .secondRoster: return ("the coordinator showed a second roster for one plan", look)
    case .secondSharerSet: return ("the coordinator showed a second set of sharers for one roster", look)
    case .secondSurvivorSet: return ("the coordinator showed a second set of survivors for one roster", look)
    case .overlappingSets: return ("the coordinator's sets of survivors and sharers contradict each other", look)
    case .uploadNotCounted: return ("the coordinator cannot prove that this node's upload is in the sum", look)
    case .modelNotInChain(let run, let expected, let found):
      return ("run \(run) goes on from model \(found), its last close ended with \(expected)", look)
    case .closeContradicts(let run, let roundID, let what):
      return ("the close of round \(roundID) of run \(run) contradicts what this node knows of it: \(what)", look)
    case .secondClose(let run, let roundID): return ("run \(run) has two different closes of round \(roundID)", look)
    }
  }
}
