/// One participant's side of one round, and the content of its per-round file.
///
///     begin ─ advert ──► share(roster) ─ M1 ──► receive(delivery) ──► mask(input) ─ M2 ──►
///       confirm(survivors) ─ M3 ──► answer(quorum) ─ M4 ──► the signed close
///
/// Each step checks what the coordinator sent and returns the message to send. **Store the round (0600, replaced
/// atomically, synced) and the ledger before sending**; a restarted node decodes the file and goes on. Every message is
/// derived from the seed or kept, so a step that is repeated with the same input returns the same bytes. A second,
/// different roster, set of sharers or set of survivors is an attack: it throws, and the ledger locks the node. A step
/// that throws leaves the round as it was.
///
/// It knows no socket, clock or log; the seed comes from the caller. Overwrite and delete the file when the signed close
/// arrives or the owner gives the round up.
public struct ParticipantRound: Codable, Sendable, CustomStringConvertible, CustomReflectable {
  public let coordinator: IdentityKey
  public let peer: Peer
  public let plan: SignedRoundPlan
  public let planHash: Digest
  /// What the retry rule counts answers by.
  public let subject: Digest
  /// M0.
  public let advert: SignedAdvert
  let seed: Secret

  public internal(set) var roster: Roster?
  public internal(set) var shape: VectorShape?
  /// T, once there is a roster.
  public internal(set) var transcript: Digest?
  var delivery: ShareDelivery?
  /// M2 as it was sent.
  public internal(set) var upload: MaskedUpload?
  var survivors: SurvivorSet?
  /// The confirmations that made this node answer: kept with the answer, as the evidence for it.
  public internal(set) var quorum: Quorum?
  /// M3 as it was sent.
  public internal(set) var confirmation: Confirmation?
  /// M4 as it was sent.
  public internal(set) var answer: UnmaskAnswer?

  /// Takes up a plan and makes the advert.
  ///
  /// - Parameters:
  ///   - peer: This node, as its certificate has it.
  ///   - coordinator: The pinned key.
  ///   - seed: 32 bytes from ``Secret/random()``, used for this round only.
  ///   - subject: What the round is answered once for, whatever names it: of statistics the kind and the training rows, of
  ///     other rounds the model on the training rows; nil stands for the plan's modelIn, and not in a statistics round.
  ///   - genesis: What the run begins with, as the caller makes it from the run's plan.
  public init(
    plan: SignedRoundPlan, peer: Peer, coordinator: IdentityKey, signer: IdentitySigner, seed: Secret,
    subject: Digest? = nil, genesis: Digest? = nil, policy: AveragingPolicy, ledger: inout NodeLedger
  ) throws(AveragingError) {
    try Primitives.requireSize(seed.count, of: "round seed")
    precondition(signer.publicKey == peer.key, "a node signs with the key that its certificate names")
    guard !plan.plan.kind.isStatistics || subject != nil else {
      throw .impossiblePlan("a round of kind \(plan.plan.kind) needs a data digest")
    }
    let hash = plan.plan.hash
    let signed = try SignedAdvert(try RoundKeys(seed: seed).advert(peer, planHash: hash), signer: signer)
    do throws(AveragingError) {
      try ledger.takeUp(plan, coordinator: coordinator, policy: policy, genesis: genesis)
    } catch {
      ledger.note(error, plan: plan.plan)
      throw error
    }
    self.coordinator = coordinator
    self.peer = peer
    self.plan = plan
    self.seed = seed
    planHash = hash
    self.subject = subject ?? plan.plan.modelIn
    advert = signed
  }

  /// How far the round has come on this side.
  public enum Stage: String, Codable, Sendable {
    case advertised, shared, delivered, uploaded, confirmed, answered
  }

  public var stage: Stage {
    if answer != nil { return .answered }
    if confirmation != nil { return .confirmed }
    if upload != nil { return .uploaded }
    if delivery != nil { return .delivered }
    return roster == nil ? .advertised : .shared
  }

  /// This node's rank, once there is a roster.
  public var rank: Int? { roster?.rank(of: peer.name) }

  /// U1 and U2 as far as this node has seen them.
  public var sharers: Bitmap? { delivery?.sharers }
  public var survivorBitmap: Bitmap? { survivors?.survivors }

  public var thresholds: Thresholds? {
    roster.map { Thresholds(participants: $0.count, plan: plan.plan) }
  }

  var keys: RoundKeys { RoundKeys(seed: seed) }

  /// Where the noise of this round's update comes from: a restarted node draws the same, and no other round does.
  public var noiseSecret: Secret { seed.derive(info: derivation("fsa1/seed/noise")) }

  /// Runs one step, locking the ledger when it meets an attack.
  func guarded<Message>(
    _ ledger: inout NodeLedger, _ step: (inout NodeLedger) throws(AveragingError) -> Message
  ) throws(AveragingError) -> Message {
    try ledger.checkUnlocked()
    do throws(AveragingError) {
      return try step(&ledger)
    } catch {
      ledger.note(error, plan: plan.plan)
      throw error
    }
  }

  func outOfPhase(_ message: String) -> AveragingError { .outOfPhase(message: message, phase: stage.rawValue) }

  public var description: String { "round \(plan.plan.roundID) of run \(plan.plan.run), \(stage)" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
