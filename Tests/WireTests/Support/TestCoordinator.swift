import Foundation
import Identities
import SecureAggregation

@testable import Wire

/// A coordinator in memory: remembers what it is asked and answers what a test told it to.
actor TestCoordinator: EnrolmentService, RoundService {
  nonisolated let authority: CoordinatorAuthority
  nonisolated let signer: IdentitySigner
  nonisolated let clock: TestClock

  private var invitations: [Digest: (name: String, expires: Date, usedBy: IdentityKey?)] = [:]
  private var revoked: Set<String> = []
  private var keys: [String: IdentityKey] = [:]

  private(set) var callers: [Caller] = []
  private(set) var received: [Received] = []
  private(set) var polls: [Poll] = []
  private(set) var cancelledPolls = 0
  private var instructions: [Instruction] = []
  private var waiting: [Int: CheckedContinuation<Instruction?, Never>] = [:]
  private var nextWaiter = 0

  var limit = 0
  var uploads: [Digest: [UInt8]] = [:]
  var complete: Set<Digest> = []
  private(set) var appended: [(offset: Int, count: Int)] = []
  /// After how many appended bytes the store fails once.
  var failAfter: Int?
  var blobs: [Digest: [UInt8]] = [:]
  var chain: [SignedRoundClose] = []
  private var refusal: (any Error & Sendable)?

  enum Received: Equatable {
    case advert(UInt64, SignedAdvert)
    case shares(UInt64, ShareMessage)
    case upload(UInt64, MaskedUpload)
    case confirmation(UInt64, Confirmation)
    case answer(UInt64, UnmaskAnswer)
    case decline(UInt64, String)
  }

  init(clock: TestClock = TestClock()) throws {
    authority = try CoordinatorAuthority(now: clock.now)
    signer = try IdentitySigner()
    self.clock = clock
  }

  // What tests set up

  func invite(_ name: String, port: Int, lifetime: TimeInterval = 3600) throws -> InviteLine {
    let token = try InviteToken()
    invitations[token.digest] = (name, clock.now.addingTimeInterval(lifetime), nil)
    return try InviteLine(host: "127.0.0.1", port: port, name: name, authority: authority.digest, token: token)
  }

  func revoke(_ name: String) { revoked.insert(name) }
  func refuse(with error: any Error & Sendable) { refusal = error }
  func expect(_ limit: Int, failAfter: Int? = nil) {
    self.limit = limit
    self.failAfter = failAfter
  }
  func offer(_ bytes: [UInt8]) -> Digest {
    let digest = Digest(sha256: bytes)
    blobs[digest] = bytes
    return digest
  }
  func corrupt(_ digest: Digest) { blobs[digest]?[0] ^= 1 }
  func hold(_ bytes: [UInt8], of digest: Digest) { uploads[digest] = bytes }
  func extend(_ closes: [SignedRoundClose]) { chain += closes }

  func instruct(_ instruction: Instruction) {
    instructions.append(instruction)
    let woken = waiting
    waiting = [:]
    for continuation in woken.values { continuation.resume(returning: instruction) }
  }

  // EnrolmentService

  func enrol(_ request: EnrolmentRequest, token: InviteToken) throws -> Enrolment {
    guard let invitation = invitations[token.digest] else { throw WireError.unknownToken }
    guard invitation.name == request.name else {
      throw WireError.nameMismatch(certified: invitation.name, declared: request.name)
    }
    guard clock.now <= invitation.expires else { throw WireError.expiredToken(name: invitation.name) }
    guard invitation.usedBy == nil || invitation.usedBy == request.averagingKey else {
      throw WireError.usedToken(name: invitation.name)
    }
    if let known = keys[request.name], known != request.averagingKey { throw WireError.changedKey(name: request.name) }
    invitations[token.digest]?.usedBy = request.averagingKey
    keys[request.name] = request.averagingKey
    return try issue(request.name, request.averagingKey, request.certificateRequest)
  }

  func renew(_ caller: Caller, certificateRequest: [UInt8]) throws -> Enrolment {
    try issue(caller.name, caller.participant.averagingKey, certificateRequest)
  }

  func leave(_ caller: Caller) { revoked.insert(caller.name) }

  func admit(_ participant: ParticipantIdentity) throws {
    if revoked.contains(participant.name) { throw WireError.revoked(name: participant.name) }
    if let known = keys[participant.name], known != participant.averagingKey {
      throw WireError.changedKey(name: participant.name)
    }
  }

  private func issue(_ name: String, _ key: IdentityKey, _ request: [UInt8]) throws -> Enrolment {
    let certificate = try authority.issueParticipant(
      name: name, organisation: "\(name) hospital", averagingKey: key, certificateRequest: request, now: clock.now)
    return Enrolment(
      certificate: certificate, authority: authority.certificateDER, coordinatorKey: signer.publicKey)
  }

  // RoundService

  func nextInstruction(_ caller: Caller, _ poll: Poll) async throws -> Instruction {
    callers.append(caller)
    polls.append(poll)
    if let refusal { throw refusal }
    let handled = instructions.firstIndex { $0.token == poll.after }.map { $0 + 1 } ?? 0
    if handled < instructions.count { return instructions[handled] }
    if poll.wait == .zero { return .idle(after: poll.after) }
    nextWaiter += 1
    let id = nextWaiter
    let instruction: Instruction? = await withTaskCancellationHandler {
      await withCheckedContinuation { (continuation: CheckedContinuation<Instruction?, Never>) in
        if Task.isCancelled { continuation.resume(returning: nil) } else { waiting[id] = continuation }
      }
    } onCancel: {
      Task { await self.cancelPoll(id) }
    }
    guard let instruction else {
      cancelledPolls += 1
      throw CancellationError()
    }
    return instruction
  }

  private func cancelPoll(_ id: Int) { waiting.removeValue(forKey: id)?.resume(returning: nil) }

  private func take(_ caller: Caller, _ message: Received) throws {
    callers.append(caller)
    if let refusal { throw refusal }
    received.append(message)
  }

  func advertise(_ caller: Caller, round: UInt64, _ advert: SignedAdvert) throws {
    try take(caller, .advert(round, advert))
  }
  func submitShares(_ caller: Caller, round: UInt64, _ shares: ShareMessage) throws {
    try take(caller, .shares(round, shares))
  }
  func submitUpload(_ caller: Caller, round: UInt64, _ upload: MaskedUpload) throws {
    try take(caller, .upload(round, upload))
  }
  func confirm(_ caller: Caller, round: UInt64, _ confirmation: Confirmation) throws {
    try take(caller, .confirmation(round, confirmation))
  }
  func unmask(_ caller: Caller, round: UInt64, _ answer: UnmaskAnswer) throws {
    try take(caller, .answer(round, answer))
  }
  func decline(_ caller: Caller, round: UInt64, reason: String) throws { try take(caller, .decline(round, reason)) }

  func offeredPlans(_ caller: Caller) -> [OfferedPlan] {
    [
      OfferedPlan(run: "hearts-1", plan: [1, 2, 3], isRunning: true), OfferedPlan(run: "b", plan: [], isRunning: false),
    ]
  }

  /// Two at a time, so that a client has to ask again.
  func closes(_ caller: Caller, run: String, after roundID: UInt64) -> [SignedRoundClose] {
    Array(chain.filter { $0.close.run == run && $0.close.roundID > roundID }.prefix(2))
  }

  func uploadLimit(_ caller: Caller) -> Int { limit }
  func heldBytes(_ caller: Caller, of blob: BlobReference) -> Int { uploads[blob.digest]?.count ?? 0 }

  func append(_ caller: Caller, to blob: BlobReference, at offset: Int, _ bytes: [UInt8]) throws {
    if let failAfter, offset + bytes.count > failAfter {
      self.failAfter = nil
      // What a server that dies looks like to a client: a status of gRPC's own, without a refusal.
      throw brokenStream()
    }
    appended.append((offset, bytes.count))
    uploads[blob.digest, default: []] += bytes
  }

  func finish(_ caller: Caller, _ blob: BlobReference) throws {
    guard Digest(sha256: uploads[blob.digest] ?? []) == blob.digest else {
      uploads[blob.digest] = nil
      throw WireError.corruptBlob(blob.digest)
    }
    complete.insert(blob.digest)
  }

  func uploadedBytes(_ caller: Caller, _ digest: Digest) throws -> [UInt8] {
    guard complete.contains(digest), let bytes = uploads[digest] else { throw WireError.unknownBlob(digest) }
    return bytes
  }

  private var deltas: [[Digest]: BlobReference] = [:]
  func offer(_ delta: BlobReference, from held: Digest, to wanted: Digest) { deltas[[held, wanted]] = delta }
  func modelDelta(_ caller: Caller, from held: Digest, to wanted: Digest) -> BlobReference? { deltas[[held, wanted]] }

  func blobSize(_ caller: Caller, _ digest: Digest) throws -> Int {
    guard let blob = blobs[digest] else { throw WireError.unknownBlob(digest) }
    return blob.count
  }

  func readBlob(_ caller: Caller, _ digest: Digest, offset: Int, count: Int) throws -> [UInt8] {
    if let failAfter, offset + count > failAfter {
      self.failAfter = nil
      throw brokenStream()
    }
    return Array((blobs[digest] ?? [])[offset..<offset + count])
  }
}
