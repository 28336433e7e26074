import Bases
import Models
public import Schemas

/// A specialist that can answer: of a language model together with the base model that it builds on.
public enum ReadySpecialist: Sendable {
  case table(TableCheckpoint)
  case language(LanguageSpecialist)
}

extension Specialist {
  /// - Parameters:
  ///   - bases: The user's copies of base models; a table needs none.
  ///   - threads: How many compute; nil for all cores.
  /// - Throws: `.base` when none of them is the specialist's, which is found out by its digest.
  public func ready(bases: [String] = [], threads: Int? = nil) throws(SpecialistError) -> ReadySpecialist {
    switch checkpoint {
    case .table(let table): .table(table)
    case .language(let language): .language(try LanguageSpecialist(language, bases: bases, threads: threads))
    }
  }
}

extension ReadySpecialist {
  /// The specialist's measures on rows that hold the answers.
  ///
  /// - Parameter fold: Only the rows of this fold; nil for all.
  public func measure(rows path: String, fold: Int?) throws(SpecialistError) -> MetricLanes {
    let part: RowPart = fold == nil ? .training : .heldOut
    do {
      switch self {
      case .table(let table):
        guard let parameters = table.parameters, let network = table.network else { throw SpecialistError.unfinished }
        let rows = try TableRows.read(path, schema: table.schema, fold: fold)
        return try Evaluation.metrics(parameters, shape: network, on: rows.examples(part, checkpoint: table))
      case .language(let language):
        return try language.measure(TextRows.read(path, schema: language.schema, fold: fold), part)
      }
    } catch let error as SpecialistError { throw error } catch let error as ModelError { throw .model(error) } catch {
      preconditionFailure("models and specialists throw their own errors: \(error)")
    }
  }
}
