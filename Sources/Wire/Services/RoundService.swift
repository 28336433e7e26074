public import Identities
public import SecureAggregation

/// Who makes a call: what its certificate says, and nothing else.
public struct Caller: Sendable, Hashable {
  public let participant: ParticipantIdentity

  public init(participant: ParticipantIdentity) {
    self.participant = participant
  }

  public var name: String { participant.name }

  /// The three facts that nodes pin.
  public var peer: Peer {
    Peer(name: participant.name, organisation: participant.organisation, key: participant.averagingKey)
  }
}

/// The coordinator's side of `Rounds`: what a server calls once it knows who is asking.
///
/// Before any of these, the server has checked the caller's certificate, asked ``EnrolmentService/admit(_:)``, and
/// refused messages that name anyone but the caller. Calls may be repeated; the same content again must change nothing.
/// An error thrown here reaches the participant as the same ``WireError`` (an `AveragingError` as ``WireError/averaging(_:)``).
public protocol RoundService: Sendable {
  /// The next instruction after `poll.after`; waits up to `poll.wait` for one, then answers `.idle`.
  ///
  /// The task is cancelled when the participant hangs up or the server drains; return or throw then, at once.
  func nextInstruction(_ caller: Caller, _ poll: Poll) async throws -> Instruction

  /// M0, by the caller (its name, organisation and key are the certificate's).
  func advertise(_ caller: Caller, round: UInt64, _ advert: SignedAdvert) async throws
  /// M1. The rank in it is the sender's claim.
  func submitShares(_ caller: Caller, round: UInt64, _ shares: ShareMessage) async throws
  /// M2, whole: the payload came inline, or was put together from an uploaded blob.
  func submitUpload(_ caller: Caller, round: UInt64, _ upload: MaskedUpload) async throws
  /// M3.
  func confirm(_ caller: Caller, round: UInt64, _ confirmation: Confirmation) async throws
  /// M4.
  func unmask(_ caller: Caller, round: UInt64, _ answer: UnmaskAnswer) async throws
  /// The caller takes no part in the round, or no further part.
  func decline(_ caller: Caller, round: UInt64, reason: String) async throws

  /// The plans of the running run and of the queue, in that order.
  func offeredPlans(_ caller: Caller) async throws -> [OfferedPlan]
  /// The run's closes with a greater round identifier, oldest first, at most 1,000.
  func closes(_ caller: Caller, run: String, after roundID: UInt64) async throws -> [SignedRoundClose]

  /// The size in bytes of the payload that is expected from the caller now; 0 if none is. A larger blob is refused.
  func uploadLimit(_ caller: Caller) async throws -> Int
  /// How many bytes of the caller's blob are held, from the start; its size if it is complete and checked.
  func heldBytes(_ caller: Caller, of blob: BlobReference) async throws -> Int
  /// Appends durably at exactly `heldBytes`.
  func append(_ caller: Caller, to blob: BlobReference, at offset: Int, _ bytes: [UInt8]) async throws
  /// Completes the caller's blob: checks its digest (``WireError/corruptBlob(_:)`` and forget it if it differs).
  func finish(_ caller: Caller, _ blob: BlobReference) async throws
  /// The whole of a blob that the caller has completed.
  func uploadedBytes(_ caller: Caller, _ digest: Digest) async throws -> [UInt8]

  /// A delta, or several in one, from a checkpoint that the caller holds to the one of the round in work; nil when the whole
  /// is to be fetched.
  func modelDelta(_ caller: Caller, from held: Digest, to wanted: Digest) async throws -> BlobReference?
  /// The size of a blob that the caller may fetch; throws ``WireError/unknownBlob(_:)`` for any other.
  func blobSize(_ caller: Caller, _ digest: Digest) async throws -> Int
  /// `count` bytes from `offset` on; both lie within the blob.
  func readBlob(_ caller: Caller, _ digest: Digest, offset: Int, count: Int) async throws -> [UInt8]
}
