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
      id: id, name: caller.name, key: caller.participant.averagingKey, after: poll.after, expiresAt: clock.now() + wait,
      answer: answer)
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
  ///
  /// They are checked here, on a copy of the run, since hashing them in the loop would hold up everybody.
  public func submitUpload(_ caller: Caller, round: UInt64, _ upload: MaskedUpload) async throws {
    let run = try await ask(as: caller) { turn in try turn.runInWork(of: round) }
    let blob = Digest(sha256: upload.payload)
    do {
      // Refused or repeated uploads never reach the disk.
      guard try run.receive(.upload(upload, blob: blob), round: round, from: caller.peer) != nil else { return }
    } catch {
      throw WireError(error)
    }
    _ = try storing { try self.blobs.put(upload.payload) }
    try await take(round, from: caller) { run throws(FederationError) in
      try run.receive(
        checked: upload.statement, blob: blob, byteCount: upload.payload.count, round: round, from: caller.peer)
    }
    try? await uploads.discard(from: caller.name)
  }

  public func confirm(_ caller: Caller, round: UInt64, _ confirmation: Confirmation) async throws {
    try await take(.confirmation(confirmation), round: round, from: caller)
  }

  public func unmask(_ caller: Caller, round: UInt64, _ answer: UnmaskAnswer) async throws {
    try await take(.answer(answer), round: round, from: caller)
  }

  public func decline(_ caller: Caller, round: UInt64, reason: String) async throws {
    try await ask(as: caller) { turn in
      guard turn.state.currentRun?.round?.roundID == round else { throw WireError.unknownRound(round) }
      turn.presence.seen(caller.name, now: turn.now)
      turn.presence.decline(caller.name, round: round, reason: String(reason.prefix(200)))
    }
  }

  public func offeredPlans(_ caller: Caller) async throws -> [OfferedPlan] {
    try await ask(as: caller) { turn in
      turn.state.order.compactMap { turn.state.runs[$0] }.filter { !$0.standing.hasEnded }.map { run in
        OfferedPlan(
          run: run.run, plan: Array(run.submission.plan.utf8), isRunning: run.run == turn.state.currentRun?.run)
      }
    }
  }

  public func closes(_ caller: Caller, run: String, after roundID: UInt64) async throws -> [SignedRoundClose] {
    try await ask(as: caller) { turn in
      guard let run = turn.state.runs[run] else { throw WireError.unknownRun(run) }
      return Array(run.closes.lazy.filter { $0.close.roundID > roundID }.prefix(1000))
    }
  }

  private func take(_ message: RoundMessage, round: UInt64, from caller: Caller) async throws {
    try await take(round, from: caller) { run throws(FederationError) in
      try run.receive(message, round: round, from: caller.peer)
    }
  }

  /// - Parameter receive: The event that a message becomes, nil for one that was taken before.
  private func take(
    _ round: UInt64, from caller: Caller,
    _ receive: @escaping @Sendable (RunMachine) throws(FederationError) -> RunEvent?
  ) async throws {
    try await ask(as: caller) { turn in
      turn.presence.seen(caller.name, now: turn.now)
      let run = try turn.runInWork(of: round)
      let event: RunEvent?
      do throws(FederationError) { event = try receive(run) } catch { throw WireError(error) }
      guard let event else { return }
      turn.presence.accept(caller.name)
      try turn.record(event, of: run)
    }
  }

  /// Decides for a participant, if it is one still: a call may have waited since it was let in.
  func ask<Answer: Sendable>(
    as caller: Caller, _ decide: @escaping @Sendable (inout Deliberation) throws -> Answer
  ) async throws -> Answer {
    try await ask { turn in
      try turn.state.registry.admit(name: caller.name, averagingKey: caller.participant.averagingKey)
      return try decide(&turn)
    }
  }
}

// Blobs. An upload stays on the desk until its statement is checked, and is then written anew as a blob.

extension Coordinator {
  public func uploadLimit(_ caller: Caller) async throws -> Int {
    try await ask(as: caller) { turn in
      return turn.storedUpload(of: caller)?.byteCount ?? turn.expectedUploadBytes(from: caller)
    }
  }

  public func heldBytes(_ caller: Caller, of blob: BlobReference) async throws -> Int {
    let stored = try await ask(as: caller) { turn in turn.storedUpload(of: caller) }
    if stored?.blob == blob.digest { return blob.size }
    return try await uploading { try await self.uploads.received(PartialUpload(blob, from: caller)) }
  }

  public func append(
    _ caller: Caller, to blob: BlobReference, at offset: Int, _ bytes: [UInt8]
  ) async throws {
    let limit = try await ask(as: caller) { turn in
      turn.presence.seen(caller.name, now: turn.now)
      return turn.expectedUploadBytes(from: caller)
    }
    guard blob.size <= limit else { throw WireError.oversize(what: "blob", limit: limit, found: blob.size) }
    _ = try await uploading { try await self.uploads.append(bytes, to: PartialUpload(blob, from: caller), at: offset) }
  }

  public func finish(_ caller: Caller, _ blob: BlobReference) async throws {
    let stored = try await ask(as: caller) { turn in turn.storedUpload(of: caller) }
    if stored?.blob == blob.digest { return }
    try await uploading { try await self.uploads.finish(PartialUpload(blob, from: caller)) }
  }

  public func uploadedBytes(_ caller: Caller, _ digest: Digest) async throws -> [UInt8] {
    let (stored, limit) = try await ask(as: caller) { turn in
      (turn.storedUpload(of: caller), turn.expectedUploadBytes(from: caller))
    }
    if stored?.blob == digest { return try storing { try self.blobs.bytes(of: digest) } }
    return try await uploading { try await self.uploads.bytes(of: digest, from: caller.name, limit: limit) }
  }

  /// Only to the model of the round in work, so that no caller can have many made.
  public func modelDelta(
    _ caller: Caller, from held: Digest, to wanted: Digest
  ) async throws -> BlobReference? {
    let steps = try await ask(as: caller) { turn in
      turn.presence.seen(caller.name, now: turn.now)
      guard let run = turn.state.currentRun, run.round?.plan.modelIn == wanted else { return nil as [Digest]? }
      return run.deltas(from: held, to: wanted)
    }
    guard let steps, let whole = blobs.size(of: wanted) else { return nil }
    do { return try await deltas.delta(over: steps, smallerThan: whole) } catch { throw wireError(error) }
  }

  public func blobSize(_ caller: Caller, _ digest: Digest) async throws -> Int {
    var mayFetch = try await ask(as: caller) { turn in turn.state.mayFetch(digest) }
    if !mayFetch { mayFetch = await deltas.holds(digest) }
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
    do { return try body() } catch let error as StorageError { throw wireError(error) }
  }

  /// The same for one thing with the uploads in progress.
  private func uploading<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch let error as StorageError { throw wireError(error) }
  }

  private func wireError(_ error: StorageError) -> WireError {
    switch error {
    case .wrongOffset(let expected, let found): return .wrongOffset(expected: expected, found: found)
    case .tooLarge(let found, let limit): return .oversize(what: "blob", limit: limit, found: found)
    case .wrongDigest(let expected, _): return .corruptBlob(Digest(hex: expected) ?? .zero)
    case .noSuchBlob(let digest): return .unknownBlob(Digest(hex: digest) ?? .zero)
    default:
      logger.error("\(error)")
      return .failed(storing: error)
    }
  }
}

extension PartialUpload {
  init(_ blob: BlobReference, from caller: Caller) {
    self.init(digest: blob.digest, totalBytes: blob.size, sender: caller.name)
  }
}

extension Deliberation {
  /// The run in work, which a message of one of its rounds is for.
  func runInWork(of round: UInt64) throws(WireError) -> RunMachine {
    guard let run = state.currentRun, run.round?.roundID == round else { throw .unknownRound(round) }
    return run
  }

  /// The upload of the round in work that was taken from a caller.
  func storedUpload(of caller: Caller) -> RoundMachine.StoredUpload? {
    state.currentRun?.round?.storedUploads.first { $0.name == caller.name }
  }

  /// The size of the upload that is expected from a caller now, 0 if none is.
  func expectedUploadBytes(from caller: Caller) -> Int {
    guard let round = state.currentRun?.round, round.phase == .collecting,
      round.expected(Presence()).contains(caller.name)
    else { return 0 }
    return round.uploadByteCount ?? 0
  }
}

extension WireError {
  /// What a caller is told when the coordinator could not store something: nothing of it has happened.
  static func failed(storing error: any Error) -> WireError {
    if case StorageError.diskFull = error {
      return .failed(reason: "the coordinator's disk is full; nothing of this was recorded")
    }
    return .failed(reason: "the coordinator's disk failed; nothing of this was recorded")
  }
}
