import Tensors

/// What is wrong with a schema, a network, a recipe, a statistic or a checkpoint; it names the part by its place in the plan.
public enum SchemaError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A part of the plan that cannot be meant: `path` as in the plan's YAML, `problem` what was found against expected.
  case invalid(path: String, problem: String, hint: String?)
  /// A checkpoint's bytes are not one.
  case badCheckpoint(String)
  case tensors(TensorError)
  /// Every column has too few contributors.
  case noColumnsLeft(minimumContributors: Int)
  /// Sums that no rows could have given: somebody sent something else than its statistics.
  case impossibleStatistics(column: String)
  /// Statistics, parameters or lanes that do not belong to this schema.
  case wrongLength(what: String, expected: Int, found: Int)
  /// A step of the run was applied to a checkpoint that is not ready for it.
  case outOfOrder(String)

  public var description: String {
    switch self {
    case .invalid(let path, let problem, _): "\(path): \(problem)"
    case .badCheckpoint(let problem): "not a checkpoint: \(problem)"
    case .tensors(let error): error.description
    case .noColumnsLeft(let minimum): "no column has enough values at \(minimum) participants or more"
    case .impossibleStatistics(let column): "the summed statistics of column \"\(column)\" cannot come from rows"
    case .wrongLength(let what, let expected, let found): "\(what): found \(found), expected \(expected)"
    case .outOfOrder(let what): what
    }
  }

  public var hint: String? {
    switch self {
    case .invalid(_, _, let hint): hint
    case .badCheckpoint: "pass a checkpoint of this run or a file that `tributary export` wrote"
    case .tensors(let error): error.hint
    case .noColumnsLeft:
      "a participant counts for a column when it has at least \(ColumnCounts.minimumPresent) values; "
        + "check the schema's ranges and names against the rows with `tributary preview`"
    case .impossibleStatistics: "the run was stopped because a participant's software is broken or dishonest"
    case .wrongLength, .outOfOrder: nil
    }
  }
}
