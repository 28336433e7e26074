import Bases
import Federation
import Models
import Schemas

/// Where a node's rows come from and what it works with: the part of `node.yaml` that reading and training need.
public struct RowSource: Sendable, Hashable {
  /// The file with the rows.
  public var data: String
  /// Copies of base models.
  public var bases: [String]
  /// How many threads train; nil for all cores.
  public var threads: Int?

  public init(data: String, bases: [String] = [], threads: Int? = nil) {
    self.data = data
    self.bases = bases
    self.threads = threads
  }

  /// Reads the rows as the plan's schema and fold have them.
  func read(_ plan: RunPlan) throws(ParticipationError) -> any FamilyRows {
    do {
      switch plan.model {
      case .table(let family): return try TableRows.read(data, schema: family.schema, fold: plan.evaluation.fold)
      case .language(let family):
        let base = try LocalBase.find(family.base, of: family.shape, among: bases)
        return try LanguageRows(
          TextRows.read(data, schema: family.schema, fold: plan.evaluation.fold), base: base.model,
          training: family.training(seed: plan.seed), threads: threads)
      }
    } catch let error as ModelError {
      throw .rows(message: error.description, hint: error.hint)
    } catch let error as BaseError {
      throw .rows(message: error.description, hint: error.hint)
    } catch {
      throw .rows(message: "\(error)", hint: nil)
    }
  }
}
