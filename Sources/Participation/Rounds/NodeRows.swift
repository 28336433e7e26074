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
  private var rows: TableRows?

  mutating func rows(_ path: String, plan: RunPlan) throws(ParticipationError) -> TableRows {
    var status = stat()
    guard stat(path, &status) == 0 else { return try NodeRows.read(path, plan: plan) }
    #if canImport(Glibc)
      let changed = status.st_mtim
    #else
      let changed = status.st_mtimespec
    #endif
    let now = Key(
      path: path, size: Int64(status.st_size), seconds: Int(changed.tv_sec), nanoseconds: Int(changed.tv_nsec),
      schema: plan.schema, fold: plan.evaluation.fold)
    if now == key, let rows { return rows }
    let read = try NodeRows.read(path, plan: plan)
    key = now
    rows = read
    return read
  }
}

extension TableRows {
  /// The subject of the retry rule in a round of statistics: the kind, the training rows and the schema.
  func statisticsSubject(_ kind: RoundKind, plan: RunPlan) throws(ParticipationError) -> Digest {
    let schema: [UInt8]
    do { schema = try CanonicalJSON.encode(plan.schema) } catch {
      throw .document(message: "the plan's schema does not encode: \(error)", hint: nil)
    }
    return Digest(
      label: "tributary/statistics",
      [kind.rawValue] + Digest(sha256: trainingBytes).bytes + Digest(sha256: schema).bytes)
  }
}
