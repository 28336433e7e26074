import Federation
public import SecureAggregation
import Storage
import Synchronization
public import Wire

extension Coordinator: RoundService {
  public func nextInstruction(_ caller: Caller, _ poll: Poll) async throws -> Instruction {
    let (answers, answer) = AsyncStream.makeStream(of: Instruction.self)
    let id = pollCount.add(1, ordering: .relaxed).newValue
    let wait = min(max(0, poll.wait / .seconds(1)), 60)
    let waiting = WaitingList.Poll(
      id: id, name: caller.name, after: poll.after, expiresAt: clock.now() + wait, answer: answer)
    guard await inbox.put(.poll(waiting, poll.activity)) else {
      return .idle(after: poll.after, reconnectAfter: .seconds(1))
    }
    var instruction: Instruction?
    // Ends without an answer when the caller hangs up.
    for await next in answers { instruction = next }
    await inbox.put(.hungUp(poll: id, name: caller.name))
    guard let instruction else { throw CancellationError() }
    return instruction
  }

  public func advertise(_ caller: Caller, round: UInt64, _ advert: SignedAdvert) async throws {
    try await take(.advert(advert), round: round, from: caller)
  }

  public func submitShares(_ caller: Caller, round: UInt64, _ shares: ShareMessage) async throws {
    try await take(.shares(shares), round: round, from: caller)
  }

  /// The masked bytes are on the disk before the event that names them is recorded, and both before the answer.
  public func submitUpload(_ caller: Caller, round: UInt64, _ upload: MaskedUpload) async throws {
    let blob = Digest(sha256: upload.payload)
    let message = RoundMessage.upload(upload, blob: blob)
    // Refused or repeated uploads never reach the disk.
    guard try await ask({ turn in try turn.event(of: message, round: round, from: caller) }) != nil else { return }
    _ = try storing { try self.blobs.put(upload.payload) }
    try await take(message, round: round, from: caller)
  }

  public func confirm(_ caller: Caller, round: UInt64, _ confirmation: Confirmation) async throws {
    try await take(.confirmation(confirmation), round: round, from: caller)
  }

  public func unmask(_ caller: Caller, round: UInt64, _ answer: UnmaskAnswer) async throws {
    try await take(.answer(answer), round: round, from: caller)
  }

  public func decline(_ caller: Caller, round: UInt64, reason: String) async throws {
    try await ask { turn in
      guard turn.state.currentRun?.round?.roundID == round else { throw WireError.unknownRound(round) }
      turn.presence.seen(caller.name, now: turn.now)
      turn.presence.decline(caller.name, round: round, reason: String(reason.prefix(200)))
    }
  }

  public func offeredPlans(_ caller: Caller) async throws -> [OfferedPlan] {
    try await ask { turn in
      turn.state.order.compactMap { turn.state.runs[$0] }.filter { !$0.standing.hasEnded }.map { run in
        OfferedPlan(
          run: run.run, plan: Array(run.submission.plan.utf8), isRunning: run.run == turn.state.currentRun?.run)
      }
    }
  }

  public func closes(_ caller: Caller, run: String, after roundID: UInt64) async throws -> [SignedRoundClose] {
    try await ask { turn in
      guard let run = turn.state.runs[run] else { throw WireError.unknownRun(run) }
      return Array(run.closes.lazy.filter { $0.close.roundID > roundID }.prefix(1000))
    }
  }

  private func take(_ message: RoundMessage, round: UInt64, from caller: Caller) async throws {
    try await ask { turn in
      turn.presence.seen(caller.name, now: turn.now)
      guard let run = turn.state.currentRun,
        let event = try turn.event(of: message, round: round, from: caller)
      else { return }
      turn.presence.accept(caller.name)
      try turn.record(event, of: run)
    }
  }
}

// Blobs.

extension Coordinator {
  public func uploadLimit(_ caller: Caller) async throws -> Int {
    try await ask { turn in
      guard let round = turn.state.currentRun?.round, round.phase == .collecting,
        round.expected(Presence()).contains(caller.name)
      else { return 0 }
      return round.uploadByteCount ?? 0
    }
  }

  public func heldBytes(_ caller: Caller, of blob: BlobReference) async throws -> Int {
    try storing { try self.blobs.received(PartialUpload(blob, from: caller)) }
  }

  public func append(
    _ caller: Caller, to blob: BlobReference, at offset: Int, _ bytes: [UInt8]
  ) async throws {
    try await ask { turn in turn.presence.seen(caller.name, now: turn.now) }
    _ = try storing { try self.blobs.append(bytes, to: PartialUpload(blob, from: caller), at: offset) }
  }

  public func finish(_ caller: Caller, _ blob: BlobReference) async throws {
    guard blobs.size(of: blob.digest) == blob.size else {
      try storing { try self.blobs.discard(PartialUpload(blob, from: caller)) }
      throw WireError.corruptBlob(blob.digest)
    }
  }

  public func uploadedBytes(_ caller: Caller, _ digest: Digest) async throws -> [UInt8] {
    let limit = try await uploadLimit(caller)
    guard let size = blobs.size(of: digest), size <= limit else { throw WireError.unknownBlob(digest) }
    return try storing { try self.blobs.bytes(of: digest) }
  }

  public func blobSize(_ caller: Caller, _ digest: Digest) async throws -> Int {
    let mayFetch = try await ask { turn in turn.state.checkpoints.contains(digest) }
    guard mayFetch, let size = blobs.size(of: digest) else { throw WireError.unknownBlob(digest) }
    return size
  }

  public func readBlob(_ caller: Caller, _ digest: Digest, offset: Int, count: Int) async throws -> [UInt8] {
    let bytes = try storing { try self.blobs.read(digest, from: offset, count: count) }
    await inbox.put(.fetched(bytes.count))
    return bytes
  }

  /// Does one thing with the disk, and gives what goes wrong a name that the caller may know.
  func storing<Value: Sendable>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let error as StorageError {
      switch error {
      case .wrongOffset(let expected, let found): throw WireError.wrongOffset(expected: expected, found: found)
      case .tooLarge(let found, let limit): throw WireError.oversize(what: "blob", limit: limit, found: found)
      case .wrongDigest(let expected, _): throw WireError.corruptBlob(Digest(hex: expected) ?? .zero)
      case .noSuchBlob(let digest): throw WireError.unknownBlob(Digest(hex: digest) ?? .zero)
      default:
        logger.error("\(error)")
        throw WireError.failed(reason: "the coordinator's disk failed")
      }
    }
  }
}

extension PartialUpload {
  init(_ blob: BlobReference, from caller: Caller) {
    self.init(digest: blob.digest, totalBytes: blob.size, sender: caller.name)
  }
}

extension Deliberation {
  /// The event that a message would be; nil for one that was taken before.
  func event(of message: RoundMessage, round: UInt64, from caller: Caller) throws(WireError) -> RunEvent? {
    guard let run = state.currentRun, run.round != nil else { throw .unknownRound(round) }
    do { return try run.receive(message, round: round, from: caller.peer) } catch { throw WireError(error) }
  }
}
