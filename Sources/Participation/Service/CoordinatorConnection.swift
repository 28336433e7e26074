import Identities
public import SecureAggregation
public import Wire

/// What a participant asks of its coordinator. `CoordinatorClient` of Wire is one over the network; tests have others.
///
/// Every call may be repeated with the same content, and is, until it is answered or overtaken. Errors are `WireError`s.
public protocol CoordinatorConnection: Sendable {
  func nextInstruction(_ poll: Poll) async throws -> Instruction
  func advertise(round: UInt64, _ advert: SignedAdvert) async throws
  func submitShares(round: UInt64, _ shares: ShareMessage) async throws
  func submitUpload(round: UInt64, _ upload: MaskedUpload) async throws
  func confirm(round: UInt64, _ confirmation: Confirmation) async throws
  func unmask(round: UInt64, _ answer: UnmaskAnswer) async throws
  func decline(round: UInt64, reason: String) async throws
  func offeredPlans() async throws -> [OfferedPlan]
  func closes(run: String, after roundID: UInt64) async throws -> [SignedRoundClose]
  func modelDelta(from held: Digest, to wanted: Digest) async throws -> BlobReference?
  func fetchBlob(_ digest: Digest, limit: Int) async throws -> [UInt8]
  func renew(certificateRequest: [UInt8]) async throws -> Enrolment
}

extension CoordinatorClient: CoordinatorConnection {
  /// Fails at once when the coordinator is unreachable, so that the node can say so and decide when to try again.
  public func nextInstruction(_ poll: Poll) async throws -> Instruction {
    try await nextInstruction(poll, reconnecting: false)
  }
}
