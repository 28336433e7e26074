import Federation
import Identities
import SecureAggregation
import Wire

// The scripted coordinator behind Wire's server: TLS, certificates and messages are the product's own.

extension ScriptedCoordinator: EnrolmentService {
  /// One line for each participant.
  func invite(port: Int) throws -> [InviteLine] {
    try members.map { name in
      let token = try InviteToken()
      invitations[token.digest] = name
      return try InviteLine(host: "127.0.0.1", port: port, name: name, authority: authority.digest, token: token)
    }
  }

  func enrol(_ request: EnrolmentRequest, token: InviteToken) async throws -> Enrolment {
    guard let name = invitations[token.digest], name == request.name else { throw WireError.unknownToken }
    let organisation = "\(name) trust"
    peers[name] = Peer(name: name, organisation: organisation, key: request.averagingKey)
    return try enrolment(name, organisation, request.averagingKey, request.certificateRequest)
  }

  func renew(_ caller: Caller, certificateRequest: [UInt8]) async throws -> Enrolment {
    try enrolment(
      caller.name, caller.participant.organisation, caller.participant.averagingKey, certificateRequest)
  }

  func leave(_ caller: Caller) async throws {}
  func admit(_ participant: ParticipantIdentity) async throws {}

  private func enrolment(
    _ name: String, _ organisation: String, _ key: IdentityKey, _ request: [UInt8]
  ) throws -> Enrolment {
    let certificate = try authority.issueParticipant(
      name: name, organisation: organisation, averagingKey: key, certificateRequest: request)
    return Enrolment(certificate: certificate, authority: authority.certificateDER, coordinatorKey: signer.publicKey)
  }
}

extension ScriptedCoordinator: RoundService {
  func nextInstruction(_ caller: Caller, _ poll: Poll) async throws -> Instruction {
    let end = ContinuousClock.now + min(poll.wait, .seconds(60))
    while ContinuousClock.now < end {
      if let next = instruction(for: caller, after: poll.after) { return next }
      try await Task.sleep(for: .milliseconds(5))
    }
    return .idle(after: poll.after)
  }

  func advertise(_ caller: Caller, round: UInt64, _ advert: SignedAdvert) async throws {
    try receive(.advert(advert), round: round, from: caller)
  }

  func submitShares(_ caller: Caller, round: UInt64, _ shares: ShareMessage) async throws {
    try receive(.shares(shares), round: round, from: caller)
  }

  func submitUpload(_ caller: Caller, round: UInt64, _ upload: MaskedUpload) async throws {
    try receive(.upload(upload, blob: Digest(sha256: upload.payload)), round: round, from: caller)
  }

  func confirm(_ caller: Caller, round: UInt64, _ confirmation: Confirmation) async throws {
    try receive(.confirmation(confirmation), round: round, from: caller)
  }

  func unmask(_ caller: Caller, round: UInt64, _ answer: UnmaskAnswer) async throws {
    try receive(.answer(answer), round: round, from: caller)
  }

  func decline(_ caller: Caller, round: UInt64, reason: String) async throws {
    try decline(reason, round: round, by: caller.name)
  }

  func offeredPlans(_ caller: Caller) async throws -> [OfferedPlan] {
    [OfferedPlan(run: machine.run, plan: Array(machine.submission.plan.utf8), isRunning: true)]
  }

  func closes(_ caller: Caller, run: String, after roundID: UInt64) async throws -> [SignedRoundClose] {
    (closesTold[caller.name] ?? machine.closes).filter { $0.close.roundID > roundID }
  }

  /// Models travel whole here.
  func modelDelta(_ caller: Caller, from held: Digest, to wanted: Digest) async throws -> BlobReference? { nil }

  func blobSize(_ caller: Caller, _ digest: Digest) async throws -> Int {
    guard let bytes = blobs[digest] else { throw WireError.unknownBlob(digest) }
    return bytes.count
  }

  func readBlob(_ caller: Caller, _ digest: Digest, offset: Int, count: Int) async throws -> [UInt8] {
    guard let bytes = blobs[digest] else { throw WireError.unknownBlob(digest) }
    return Array(bytes[offset..<offset + count])
  }

  // The drill's uploads are small and come inside their message, so that none is announced as a blob.

  func uploadLimit(_ caller: Caller) async throws -> Int { 0 }
  func heldBytes(_ caller: Caller, of blob: BlobReference) async throws -> Int { 0 }
  func append(_ caller: Caller, to blob: BlobReference, at offset: Int, _ bytes: [UInt8]) async throws {
    throw WireError.unknownBlob(blob.digest)
  }
  func finish(_ caller: Caller, _ blob: BlobReference) async throws { throw WireError.unknownBlob(blob.digest) }
  func uploadedBytes(_ caller: Caller, _ digest: Digest) async throws -> [UInt8] {
    throw WireError.unknownBlob(digest)
  }
}
