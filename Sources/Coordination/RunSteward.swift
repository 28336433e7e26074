import Federation
import Schemas
import SecureAggregation
import Storage

/// Carries the run in work forward: does what its machine says is due, with the checkpoints and uploads that it needs from
/// the disk.
///
/// Everything that it writes before the events are recorded is named by its own digest, so doing it again after a crash
/// changes nothing.
struct RunSteward: Sendable {
  let blobs: BlobDirectory
  let signer: IdentitySigner
  let epoch: UInt32
  private var checkpoint: (digest: Digest, value: Checkpoint)?

  init(blobs: BlobDirectory, signer: IdentitySigner, epoch: UInt32) {
    self.blobs = blobs
    self.signer = signer
    self.epoch = epoch
  }

  /// Decides everything that is due now, one step after the other.
  mutating func settle(_ turn: inout Deliberation) throws {
    while let run = turn.state.currentRun, let due = run.due(now: turn.now, presence: turn.presence(for: run)) {
      switch due {
      case .event(let event): try turn.record(event, of: run)
      case .openRound(let model):
        let checkpoint: Checkpoint
        do { checkpoint = try load(model) } catch let error as StorageError where error.isLoss {
          let ending = RunEnding(standing: .failed(reason: "its newest model is lost: \(error)"), at: turn.now)
          try turn.record(.ended(ending), of: run)
          continue
        }
        let plan = try run.plan.roundPlan(
          kind: run.nextKind ?? .evaluation, run: run.run, roundID: turn.state.nextRoundID(epoch: epoch),
          checkpoint: checkpoint, modelIn: model, gridClose: run.gridClose,
          deadlineSeconds: UInt64(turn.now.rounded(.up)) + UInt64(run.plan.cohort.deadlineSeconds))
        try turn.record(try run.open(plan, signer: signer, now: turn.now), of: run)
      case .unmask: try turn.record(try unmask(run, now: turn.now), of: run)
      case .abandon(let reason): try turn.record(try run.abandon(reason, signer: signer, now: turn.now), of: run)
      case .end(let standing):
        try turn.record(.ended(RunEnding(standing: standing, at: turn.now)), of: run)
      }
    }
  }

  private mutating func unmask(_ run: RunMachine, now: Double) throws -> RunEvent {
    guard let round = run.round else { throw FederationError.noRound(run: run.run) }
    do {
      let sum = try round.unmask { digest in
        do { return try blobs.bytes(of: digest) } catch let error as StorageError
          where error.isLoss || now >= round.deadline
        {
          throw AbandonReason.cannotUnmask("an upload that was stored cannot be read: \(error)")
        }
      }
      let stored = try blobs.put(sum.bytes)
      let closing = try run.close(
        sum, sumDigest: stored, from: try load(round.plan.modelIn), residue: try run.residue.map(blobs.bytes(of:)),
        signer: signer, now: now)
      for bytes in closing.blobs { try blobs.put(bytes) }
      return closing.event
    } catch let reason as AbandonReason {
      return try run.abandon(reason, signer: signer, now: now)
    }
  }

  private mutating func load(_ digest: Digest) throws -> Checkpoint {
    if let checkpoint, checkpoint.digest == digest { return checkpoint.value }
    let value = try Checkpoint(decoding: try blobs.bytes(of: digest))
    checkpoint = (digest, value)
    return value
  }
}

extension StorageError {
  /// Whether what was stored is gone for good, rather than out of reach for now.
  fileprivate var isLoss: Bool {
    switch self {
    case .noSuchBlob, .missing, .corrupt: true
    default: false
    }
  }
}

extension RoundSum {
  /// The sum as it is kept: the numbers of vector, tail and statistics lanes as u64, then the lanes, all little-endian.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    for count in [vector.count, tail.count, statistics.count] { append(UInt64(count)) }
    vector.forEach { append($0) }
    tail.forEach { append($0) }
    statistics.forEach { append($0) }
    return bytes
  }
}
