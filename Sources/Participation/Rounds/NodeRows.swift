import Documents
import Federation
import Foundation
import Models
import Schemas
import SecureAggregation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads a node's rows as a plan's schema and fold have them.
enum NodeRows {
  static func read(_ path: String, plan: RunPlan) throws(ParticipationError) -> TableRows {
    do {
      return try TableRows.read(path, schema: plan.schema, fold: plan.evaluation.fold)
    } catch {
      throw .rows(message: error.description, hint: error.hint)
    }
  }
}

/// A node's rows and what identifies them.
struct OwnRows: Sendable {
  let rows: TableRows
  /// Of the training rows: what leaves was computed from these.
  let trainingDigest: Digest
  /// Of all rows, those held out as well.
  let digest: Digest

  init(_ rows: TableRows) {
    self.rows = rows
    trainingDigest = Digest(sha256: rows.trainingBytes)
    digest = Digest(label: "tributary/rows", trainingDigest.bytes + Digest(sha256: rows.heldOutBytes).bytes)
  }
}

/// The rows that were read last, kept for as long as neither the file nor the schema changes.
struct RowsCache: Sendable {
  private struct Key: Hashable {
    var path: String
    var size: Int64
    var seconds: Int
    var nanoseconds: Int
    var schema: TableSchema
    var fold: Int?
  }

  private var key: Key?
  private var rows: OwnRows?

  mutating func rows(_ path: String, plan: RunPlan) throws(ParticipationError) -> OwnRows {
    var status = stat()
    guard stat(path, &status) == 0 else { return OwnRows(try NodeRows.read(path, plan: plan)) }
    #if canImport(Glibc)
      let changed = status.st_mtim
    #else
      let changed = status.st_mtimespec
    #endif
    let now = Key(
      path: path, size: Int64(status.st_size), seconds: Int(changed.tv_sec), nanoseconds: Int(changed.tv_nsec),
      schema: plan.schema, fold: plan.evaluation.fold)
    if now == key, let rows { return rows }
    let read = OwnRows(try NodeRows.read(path, plan: plan))
    key = now
    rows = read
    return read
  }
}

// What the retry rule counts answers by: the question itself, so that neither a new name for a model nor a free key of the
// plan makes another question of it.

extension OwnRows {
  /// - Parameter checkpoint: What the round starts from; statistics do not depend on it.
  func subject(of kind: RoundKind, checkpoint: TableCheckpoint) throws(ParticipationError) -> Digest {
    kind.isStatistics ? try statisticsSubject(kind, schema: checkpoint.schema) : modelSubject(checkpoint)
  }

  /// Of statistics: the kind, the training rows and the columns that are counted, without what is not read of them.
  private func statisticsSubject(_ kind: RoundKind, schema: TableSchema) throws(ParticipationError) -> Digest {
    var columns = schema
    columns.fold = nil
    columns.ignore = []
    let encoded: [UInt8]
    do { encoded = try CanonicalJSON.encode(columns) } catch {
      throw .document(message: "the plan's schema does not encode: \(error)", hint: nil)
    }
    return Digest(
      label: "tributary/statistics", [kind.rawValue] + trainingDigest.bytes + Digest(sha256: encoded).bytes)
  }

  /// Of an update or an evaluation: what the model computes (kept columns, standardisation, network, parameters) and the
  /// training rows. A model that was answered by an update counts in an evaluation, since both tell its metrics; held-out
  /// rows do not count, since the training rows of a fold fix them.
  private func modelSubject(_ checkpoint: TableCheckpoint) -> Digest {
    var model = checkpoint
    model.planDigest = ""
    model.counts = nil
    model.schema = TableSchema(columns: [], label: .init(name: "", values: []))
    return Digest(label: "tributary/model-on-rows", Digest(sha256: model.encoded()).bytes + trainingDigest.bytes)
  }
}
