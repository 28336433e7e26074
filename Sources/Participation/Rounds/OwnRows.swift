import Federation
import Schemas
import SecureAggregation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A node's rows and what identifies them.
struct OwnRows: Sendable {
  let rows: any FamilyRows
  /// Of the training rows: what leaves was computed from these.
  let trainingDigest: Digest
  /// Of all rows, those held out as well.
  let digest: Digest

  init(_ rows: any FamilyRows) {
    self.rows = rows
    trainingDigest = Digest(sha256: rows.trainingBytes)
    digest = Digest(label: "tributary/rows", trainingDigest.bytes + Digest(sha256: rows.heldOutBytes).bytes)
  }
}

/// The rows that were read last, kept for as long as neither the files nor what is read of them changes.
struct RowsCache: Sendable {
  private struct Key: Hashable {
    var source: RowSource
    var files: [FileStamp]
    var model: PlannedModel
    var seed: UInt64
    var fold: Int?
  }

  private var key: Key?
  private var rows: OwnRows?

  mutating func rows(_ source: RowSource, plan: RunPlan) throws(ParticipationError) -> OwnRows {
    let files = ([source.data] + source.bases).map { FileStamp($0) }
    let now = Key(source: source, files: files, model: plan.model, seed: plan.seed, fold: plan.evaluation.fold)
    if now == key, let rows { return rows }
    let read = OwnRows(try source.read(plan))
    key = now
    rows = read
    return read
  }
}

/// When a file was last changed and how large it is; zeros for one that is not there.
struct FileStamp: Hashable, Sendable {
  let numbers: [Int64]

  init(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      numbers = [0, 0, 0]
      return
    }
    #if canImport(Glibc)
      let changed = status.st_mtim
    #else
      let changed = status.st_mtimespec
    #endif
    numbers = [Int64(changed.tv_sec), Int64(changed.tv_nsec), Int64(status.st_size)]
  }
}

// What the retry rule counts answers by: the question itself, so that neither a new name for a model nor a free key of the
// plan makes another question of it.

extension OwnRows {
  /// - Parameter checkpoint: What the round starts from; statistics do not depend on it.
  func subject(of kind: RoundKind, checkpoint: Checkpoint) throws(ParticipationError) -> Digest {
    kind.isStatistics ? try statisticsSubject(kind) : modelSubject(checkpoint)
  }

  /// Of statistics: the kind, the training rows and the columns that are counted.
  private func statisticsSubject(_ kind: RoundKind) throws(ParticipationError) -> Digest {
    let counted: [UInt8]
    do { counted = try rows.statisticsSubject() } catch {
      throw .document(message: "the plan's schema does not encode: \(error)", hint: nil)
    }
    return Digest(
      label: "tributary/statistics", [kind.rawValue] + trainingDigest.bytes + Digest(sha256: counted).bytes)
  }

  /// Of an update or an evaluation: what the model computes and the training rows. A model that was answered by an update
  /// counts in an evaluation, since both tell its metrics; held-out rows do not count, since the training rows of a fold fix
  /// them.
  private func modelSubject(_ checkpoint: Checkpoint) -> Digest {
    Digest(label: "tributary/model-on-rows", Digest(sha256: checkpoint.functionBytes).bytes + trainingDigest.bytes)
  }
}
